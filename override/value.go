package override

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNodes bounds the values that one patch set brings in, those that its copy operations multiply, and those of a document
// inside a string, every use of an alias counted. The largest object that an API server stores has fewer.
const maxNodes = 1 << 18

// normalise returns a deep copy of v made of what decoded JSON is made of. It refuses what JSON cannot carry, and counts
// down nodes, so that a cyclic or endlessly shared value ends in an error.
func normalise(v any, depth int, nodes *int) (any, error) {
	if *nodes--; *nodes < 0 || depth > maxDepth {
		return nil, fmt.Errorf("%w: a value nested over %d levels, of over %d nodes, or cyclic", ErrInvalid, maxDepth, maxNodes)
	}
	switch v := v.(type) {
	case nil, bool, int64:
		return v, nil
	case string:
		return v, validText(v)
	case float64:
		return v, finite(v)
	case int:
		return int64(v), nil
	case json.Number:
		return number(string(v))
	case []any:
		if v == nil {
			return nil, nil
		}
		out := make([]any, len(v))
		for i := range v {
			item, err := normalise(v[i], depth+1, nodes)
			if err != nil {
				return nil, err
			}
			out[i] = item
		}
		return out, nil
	case map[string]any:
		if v == nil {
			return nil, nil
		}
		out := make(map[string]any, len(v))
		for _, k := range sortedKeys(v) { // sorted, so that one input has one error
			if err := validText(k); err != nil {
				return nil, err
			}
			member, err := normalise(v[k], depth+1, nodes)
			if err != nil {
				return nil, err
			}
			out[k] = member
		}
		return out, nil
	}
	return normaliseOther(v, depth, nodes)
}

// normaliseOther takes the values that Go programs write and decoders do not return.
func normaliseOther(v any, depth int, nodes *int) (any, error) {
	rv := reflect.ValueOf(v)
	if _, ok := v.(json.Marshaler); ok {
		return viaJSON(v, depth, nodes)
	}
	switch rv.Kind() {
	case reflect.Bool:
		return rv.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return rv.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if u := rv.Uint(); u > math.MaxInt64 {
			return nil, fmt.Errorf("%w: the integer %d does not fit 64 bits", ErrInvalid, u)
		}
		return int64(rv.Uint()), nil
	case reflect.Float32:
		// By way of its own shortest spelling, as encoding/json does: 0.1 stays 0.1.
		return number(strconv.FormatFloat(rv.Float(), 'e', -1, 32))
	case reflect.Float64:
		return rv.Float(), finite(rv.Float())
	case reflect.String:
		return rv.String(), validText(rv.String())
	case reflect.Pointer:
		if rv.IsNil() {
			return nil, nil
		}
		return normalise(rv.Elem().Interface(), depth+1, nodes)
	case reflect.Slice, reflect.Array:
		if rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8 {
			return viaJSON(v, depth, nodes)
		}
		return normaliseList(rv, depth, nodes)
	case reflect.Map:
		return normaliseMap(rv, depth, nodes)
	case reflect.Struct:
		return viaJSON(v, depth, nodes)
	}
	return nil, fmt.Errorf("%w: JSON cannot carry a %T", ErrInvalid, v)
}

func normaliseList(rv reflect.Value, depth int, nodes *int) (any, error) {
	if rv.Kind() == reflect.Slice && rv.IsNil() {
		return nil, nil
	}
	out := make([]any, rv.Len())
	for i := range out {
		item, err := normalise(rv.Index(i).Interface(), depth+1, nodes)
		if err != nil {
			return nil, err
		}
		out[i] = item
	}
	return out, nil
}

func normaliseMap(rv reflect.Value, depth int, nodes *int) (any, error) {
	if rv.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%w: JSON cannot carry a %s", ErrInvalid, rv.Type())
	}
	if rv.IsNil() {
		return nil, nil
	}
	members := make(map[string]any, rv.Len())
	for it := rv.MapRange(); it.Next(); {
		members[it.Key().String()] = it.Value().Interface()
	}
	return normalise(members, depth+1, nodes)
}

// viaJSON takes what knows its own JSON: structs, marshalers, bytes.
func viaJSON(v any, depth int, nodes *int) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	decoded, err := decodeJSON(text)
	if err != nil {
		return nil, err
	}
	return normalise(decoded, depth, nodes)
}

func decodeJSON(text []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: text after the JSON document", ErrInvalid)
	}
	return v, nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func validText(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: a string that is not UTF-8", ErrInvalid)
	}
	return nil
}

func finite(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("%w: JSON cannot carry %v", ErrInvalid, f)
	}
	return nil
}

// number reads a JSON number: an int64 when it is written as an integer, else a float64.
func number(text string) (any, error) {
	if !strings.ContainsAny(text, ".eE") {
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: the number %q is not an integer of 64 bits", ErrInvalid, text)
		}
		return i, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || finite(f) != nil || strings.ContainsAny(text, "xX") {
		return nil, fmt.Errorf("%w: the number %q is not a finite float64", ErrInvalid, text)
	}
	return f, nil
}

// equal compares decoded JSON as JSON does: 1 and 1.0 are one number. It counts down nodes and calls whatever is left
// unequal, so a cyclic document cannot hold it.
func equal(a, b any, nodes *int) bool {
	if *nodes--; *nodes < 0 {
		return false
	}
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		if identity(a) == identity(b) {
			return true
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !equal(v, w, nodes) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if ok && len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] {
			return true
		}
		return ok && slices.EqualFunc(a, b, func(v, w any) bool { return equal(v, w, nodes) })
	}
	return equalScalar(a, b)
}

func equalScalar(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case int64:
		switch b := b.(type) {
		case int64:
			return a == b
		case float64:
			return sameNumber(a, b)
		}
	case float64:
		switch b := b.(type) {
		case int64:
			return sameNumber(b, a)
		case float64:
			return a == b
		}
	}
	return false
}

func sameNumber(i int64, f float64) bool {
	return f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) && int64(f) == i
}

func same(a, b any) bool {
	nodes := maxNodes
	return equal(a, b, &nodes)
}

// identity tells one map from another; two names of one map have one identity.
func identity(m map[string]any) uintptr { return reflect.ValueOf(m).Pointer() }

// measure counts down the nodes of v and reports whether they were enough.
func measure(v any, depth int, nodes *int) bool {
	if *nodes--; *nodes < 0 || depth > maxDepth {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			if !measure(member, depth+1, nodes) {
				return false
			}
		}
	case []any:
		for _, item := range v {
			if !measure(item, depth+1, nodes) {
				return false
			}
		}
	}
	return true
}
