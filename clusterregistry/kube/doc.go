// Package kube connects member clusters with client-go: clients, sources of members, caches, probes, joining and leaving.
//
// A program reads its members from where they are written down (KubeconfigMembers, KubeFedMember, ProfileMember,
// SecretMember, or a list of its own), merges what it read, and keeps a Registry in step with it by a Feed. Caches mirror
// what the members of the Registry hold, ProbeAll asks how they are, and clusterregistry.Judge makes verdicts of the
// answers. Join, Grant.Renew, Leave and Teardown create, keep and remove what a program may do in a member.
//
//	members, doubled := kube.Merge(fromSecrets, fromProfiles)
//	broken := feed.Sync(members) // both errors are to be told; the other members work
//
// What goes wrong with a member concerns that member. Errors of its Client are the API machinery's, and
// federation.Refused tells what they mean: not served, forbidden, throttled and for how long, fields held and by whom,
// immutable, unreachable. No credential is in an error, a verdict or a log line of ours, even if a member sends back
// what it was sent. Who calls a Client at verbosity 8 or more gets client-go's dumps of bodies, Secrets too.
//
// A fleet at rest is not polled, except by the program's probes. Each member has one connection, which all its
// requests share; per mirrored kind it has one watch, which is begun anew every five to ten minutes. A thousand idle
// members with one mirrored kind take six goroutines, one connection and 56 to 80 KiB each; another kind takes four
// goroutines and about 28 KiB more. A mirrored Deployment takes 3.3 kB, a seventh of its decoded form; its metadata alone
// takes 2 kB. BenchmarkThousandMembers and BenchmarkPackedSize measure these.
//
// It is the only package of this module, for importers, that needs client-go, and has more exports than others for that
// reason alone: who wants one of its parts has paid for client-go already.
package kube
