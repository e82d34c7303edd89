// Package fedtest is an in-memory fleet for tests and demonstrations whose server-side apply tells the truth, and a
// suite that proves a federation.ClusterClient.
//
// A Member answers like an API server: managed fields, conflicts, preconditions, finalizers, namespaces, dry-run,
// generations, defaults, spelling of quantities, fields that do not change, definitions with structural schemas.
// TestClient runs one list of scenarios against it and against real API servers, and the stories must agree line by
// line. What a Member does not do:
//
//   - it has no schema of built-in kinds: it refuses no unknown field of theirs, keeps zero values that a server's
//     types leave out, validates names and metadata but no spec, and ignores FieldValidation;
//   - it has no controllers, except that a deleted namespace, a deleted owner and a deleted definition take along at
//     once what hangs on them, and that a definition is established at once;
//   - it does not write what says the same once more. A server sometimes does, and then only the version shows it.
//
// A Member is also an http.Handler: behind an httptest.Server it is an API server for clients of others.
//
// Of its exported names seven are methods of Member that others prescribe: those of federation.ClusterClient, and the
// three by which a test plays somebody else; five are faults. Hence a few more than the rest of the module allows.
package fedtest
