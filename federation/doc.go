// Package federation turns one object into a plan for many clusters, and carries it out.
//
// An Object is the wish, a Snapshot the facts. Planner.Plan makes a Plan of them: one Step per cluster, each with a verb
// (create, apply, release, delete, keep, hold), a reason out of a closed list, and all that is needed to carry it out.
// Dispatcher carries it out. Everything but Observe, Dispatch and Run is a pure function of its arguments.
//
//	observed := federation.Observe(ctx, clients, planner.Targets(obj, snap)) // or from informer caches
//	plan, err := planner.Plan(obj, snap.With(observed))
//	results := dispatcher.Dispatch(ctx, plan)
//
// # What a program keeps
//
// The library holds no state. Plan.Holders is written down before the plan is dispatched, so that a crash in between loses
// no copy; Plan.Decisions and Plan.Shares are what stands when something fails later. All three go back in the Snapshot.
// Result.Settled goes back in the Observation and may be lost.
//
// # How members are written to
//
// What is absent is created by a POST, which cannot adopt what appeared meanwhile. Every later change of
// content is a server-side apply under the observed UID. A digest of the wish in an annotation tells whether the wish changed; whether somebody else
// changed what is ours is told by the managed fields: our entry must cover every path of the wish. Fields that are not
// sent belong to others, so labels, sidecars and addresses of the member survive. Only what bears our owner label is
// changed, and only what also carries our managed-fields entry is deleted.
//
// The order of rendering is: template, replicas, override layers, owner label and digest, retained fields.
//
// This package exports more names than the others, because it is where a program speaks with all of them: two thirds are
// plain structs and closed sets (Object, Snapshot, Plan and their parts), and a dozen are methods that fulfil interfaces of
// the standard library (String, GoString, Error, MarshalJSON and so on), without which values of Secrets would print. What
// acts is three functions: Observe, Dispatch, Run.
package federation
