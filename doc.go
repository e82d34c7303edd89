// Package confed is the root of an embeddable library for Kubernetes multicluster propagation: it turns one object into a
// plan for many clusters, carries the plan out, and reports what happened. This package holds nothing but the walk below.
//
// A program has a wish, a [github.com/confed-project/confed/federation.Object]: a template, where it should go, how its
// replicas are divided, what differs from cluster to cluster. It also has facts, a
// [github.com/confed-project/confed/federation.Snapshot]: the clusters, what they hold now, and what it remembered of the
// last time. A Planner makes a Plan of the two, a pure value that can be printed, reviewed, cut down and kept. A Dispatcher
// carries it out and returns one Result per step. The results fold into a Summary for people:
//
//	observed := federation.Observe(ctx, clients, planner.Targets(obj, snap)) // or from informer caches
//	plan, err := planner.Plan(obj, snap.With(observed))
//	results := dispatcher.Dispatch(ctx, plan)
//	sum := status.Summarize(prev, generation, federation.Statuses(results), now)
//
// No callback goes upward and no stage runs twice. What decides takes values and returns values; what acts takes a context.
// The library keeps no state: what must not be forgotten (who may hold a copy, the last decisions, the last division) are
// values that the program keeps with its object and hands back.
//
// Each package can be imported alone.
//
// Package scheduling divides a number of replicas among named targets: by Webster's method within floors, ceilings and
// capacities, without moving what need not move. It needs nothing but the standard library.
//
// Package placement decides which clusters receive an object, from names, labels, taints and other facts, and gives a reason
// for every cluster, chosen or not.
//
// Package override edits decoded JSON: patches, merges and typed edits in named layers, with a trace of who set what.
//
// Package federation brings these together: it renders the template for each cluster, compares with what is there (a digest
// for what the program changed, field ownership for what others changed) and plans one of six verbs per cluster: create,
// apply, release, delete, keep or hold. Its subpackage fedtest is a fleet in memory and a conformance suite for connections, its
// subpackage kubefed reads and writes KubeFed's API objects as data, and its subpackage report shows plans to people.
//
// Package status folds what happened in each cluster, and how healthy the copies are, into one status.
//
// Package dnsrecord computes the DNS records of a service that runs in many clusters, as data.
//
// Package clusterregistry keeps the members: what is known of each and how to reach it. Its subpackage kube does the
// reaching, and is the only package that needs client-go.
package confed
