// Package status folds what happened in each cluster into one status.
//
// Everything here is a pure function of its arguments: of decoded JSON for what clusters hold, of plain structs for the
// rest, and of the time where it matters. Assess says how one live object fares, Feedback reads values from it,
// Aggregate makes one status out of those of all members, Summarize says how far the propagation is, and Wait decides
// whether that is enough. Nothing returns an error: what cannot be judged is Unknown, what cannot be counted is a Gap,
// what cannot be read is a Value with an Error, each with its reason; one bad cluster or field never hides the others.
package status
