// Package placement decides which clusters receive an object, and says why for every cluster.
//
// A Policy is the wish, a Fleet the facts, Decide the function from both to a Decision per cluster. It is pure: time, the
// last decisions and whatever others have to say about it (Verdicts) are arguments.
//
// The package exports more names than the others because its vocabulary is data: most of them are plain structs that
// a Request, a Policy or a Result is made of, and that a program writes down in its own API.
package placement
