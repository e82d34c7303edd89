package federation

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// maxDepth is how deep a template may be nested; a value that contains itself is deeper.
const maxDepth = 200

var errNotJSON = errors.New("not JSON")

// decoded returns the document as an API client would have decoded it: whole numbers are int64, other numbers float64,
// lists []any and maps map[string]any. Most are that already, and come back as they are; values built in Go, such as an int
// or a map[string]string, go through JSON once. What JSON cannot carry is an error.
func decoded(doc map[string]any) (map[string]any, error) {
	if isDecoded(doc, 0) {
		return doc, nil
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrInvalid, errNotJSON, err)
	}
	var out map[string]any
	if err := utiljson.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrInvalid, errNotJSON, err)
	}
	if !isDecoded(out, 0) {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrInvalid, maxDepth)
	}
	return out, nil
}

func isDecoded(v any, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch t := v.(type) {
	case nil, string, bool, int64:
		return true
	case float64:
		return !math.IsNaN(t) && !math.IsInf(t, 0)
	case map[string]any:
		for _, x := range t {
			if !isDecoded(x, depth+1) {
				return false
			}
		}
		return true
	case []any:
		for _, x := range t {
			if !isDecoded(x, depth+1) {
				return false
			}
		}
		return true
	}
	return false
}
