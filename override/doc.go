// Package override edits decoded JSON.
package override
