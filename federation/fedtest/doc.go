// Package fedtest is an in-memory fleet for tests and demonstrations whose server-side apply tells the truth, and a
// suite that proves a federation.ClusterClient.
//
// A Member answers like an API server: managed fields, conflicts, preconditions, finalizers, namespaces, dry-run,
// generations. TestClient runs one list of scenarios against it and against real API servers, and their transcripts
// are compared line by line. What a Member does not do: it has no schema, so it refuses no unknown field, removes none
// and ignores FieldValidation; it validates names and metadata but no spec; it has no watches, and no controllers
// except that a deleted namespace takes its content along.
package fedtest
