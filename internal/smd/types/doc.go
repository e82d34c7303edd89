// Package types knows how the lists and maps of Kubernetes objects merge under server-side apply, and does to an
// object's managed fields what an API server does.
//
// A schema of everything would be megabytes of somebody else's types. What matters is small: which lists have items of
// their own (and by which keys), and which maps are one value. That is written down in a table; all the rest is
// deduced from the content: maps merge field by field, lists are one value.
package types
