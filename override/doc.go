// Package override edits decoded JSON: RFC 6902 patches, RFC 7386 merges and typed edits of Kubernetes objects, in
// named layers, with a trace of who set what.
//
// Everything here is a pure function of its arguments. A document is what encoding/json or the API machinery decodes:
// nil, bool, int64, float64, string, []any and map[string]any. No function changes a document that it was given; what it
// returns shares the untouched parts with its input and, for values, with the patches, so results are read-only: whoever
// must change one copies it first. All functions and methods may be called concurrently.
//
// The package exports more names than others, because each kind of edit is a type of plain data with the one method of Edit.
package override
