package override

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Expand returns a copy of value, normalised as Compile does it, with the variables in its strings replaced, at any depth
// but never in the names of members.
//
// A variable is ${name}, and $${ is a literal ${. A string that is nothing but one variable becomes the variable's value
// as it is: a number stays a number. Inside a longer string it becomes text, so there it must be a string, a number or a
// bool. An unknown name is ErrNotFound unless a default follows it: ${name:-default}. As the whole string, a default that
// is spelled as JSON spells a number, a bool or null, or that is quoted, is that value. ${name|string}, |int, |number and
// |bool convert, a default too: ${cluster.labels[size]|int:-3}. A name holds neither } nor |.
func Expand(value any, vars Vars) (any, error) {
	if vars == nil {
		vars = func(string) (any, bool) { return nil, false }
	}
	nodes := maxNodes
	clean, err := normalise(value, 0, &nodes)
	if err != nil {
		return nil, err
	}
	return expand(clean, vars, &nodes)
}

// expand replaces variables in a value that nobody else holds.
func expand(value any, vars Vars, nodes *int) (any, error) {
	var err error
	switch v := value.(type) {
	case string:
		return expandString(v, vars, nodes)
	case map[string]any:
		for _, k := range sortedKeys(v) { // sorted, so that one input has one error
			if v[k], err = expand(v[k], vars, nodes); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, item := range v {
			if v[i], err = expand(item, vars, nodes); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// expandString counts bytes of text as nodes, so that short text cannot grow without bound.
func expandString(s string, vars Vars, nodes *int) (any, error) {
	if !strings.Contains(s, "${") {
		return s, nil
	}
	var b strings.Builder
	for rest := s; ; {
		i := strings.Index(rest, "${")
		if i < 0 {
			b.WriteString(rest)
			return b.String(), nil
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1] + "${")
			rest = rest[i+2:]
			continue
		}
		body, after, ok := strings.Cut(rest[i+2:], "}")
		if !ok {
			return nil, fmt.Errorf("%w: a ${ without its }", ErrInvalid)
		}
		ref := parseReference(body)
		if i == 0 && after == "" && len(rest) == len(s) {
			return ref.value(vars, nodes)
		}
		text, err := ref.text(vars, nodes)
		if err != nil {
			return nil, err
		}
		if *nodes -= len(text); *nodes < 0 {
			return nil, fmt.Errorf("%w: variables expand to over %d bytes", ErrInvalid, maxNodes)
		}
		b.WriteString(rest[:i] + text)
		rest = after
	}
}

// reference is what stands between ${ and }.
type reference struct {
	name, as, fallback string
	optional           bool
}

func parseReference(body string) reference {
	var r reference
	r.name, r.fallback, r.optional = strings.Cut(body, ":-")
	r.name, r.as, _ = strings.Cut(r.name, "|")
	return r
}

// value returns the variable with its own type, or converted.
func (r reference) value(vars Vars, nodes *int) (any, error) {
	v, ok := vars(r.name)
	switch {
	case !ok && !r.optional:
		return nil, fmt.Errorf("variable %q: %w", r.name, ErrNotFound)
	case !ok:
		v = scalar(r.fallback)
	}
	v, err := normalise(v, 0, nodes)
	if err == nil && r.as != "" {
		v, err = convert(v, r.as)
	}
	if err != nil {
		return nil, fmt.Errorf("variable %q: %w", r.name, err)
	}
	return v, nil
}

// text returns the variable as it is written inside a longer string; a default is written as it stands.
func (r reference) text(vars Vars, nodes *int) (string, error) {
	v, err := r.value(vars, nodes)
	if err != nil {
		return "", err
	}
	if _, ok := vars(r.name); !ok && r.as == "" {
		if s, quoted := v.(string); quoted {
			return s, nil
		}
		return r.fallback, nil
	}
	text, ok := spelling(v)
	if !ok {
		return "", fmt.Errorf("variable %q: %w: %s has no place inside a string", r.name, ErrInvalid, typeName(v))
	}
	return text, nil
}

// scalar reads a default. Only what JSON would write in the same letters is more than a string, so 1.10 stays one.
func scalar(s string) any {
	v, err := decodeJSON([]byte(s))
	if err != nil {
		return s
	}
	switch v := v.(type) {
	case json.Number:
		n, err := number(string(v))
		if text, _ := spelling(n); err != nil || text != s {
			return s
		}
		return n
	case nil, bool, string:
		return v
	}
	return s
}

// spelling writes a string, a number or a bool as text.
func spelling(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

func convert(v any, as string) (any, error) {
	text, ok := spelling(v)
	if ok {
		switch as {
		case "string":
			return text, nil
		case "int":
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return n, nil
			}
		case "number":
			if n, err := number(text); err == nil {
				return n, nil
			}
		case "bool":
			if text == "true" || text == "false" {
				return text == "true", nil
			}
		default:
			return nil, fmt.Errorf("%w: unknown conversion %q (string, int, number, bool)", ErrInvalid, as)
		}
	}
	return nil, fmt.Errorf("%w: %s that is not a valid %s", ErrInvalid, typeName(v), as)
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "a bool"
	}
	return "a number"
}

// mentions reports whether a decoded value holds what might be a variable. It gives up on a value that is no tree and
// lets the compiler refuse it.
func mentions(value any, depth int, nodes *int) bool {
	if *nodes--; *nodes < 0 || depth > maxDepth {
		return false
	}
	switch v := value.(type) {
	case nil, bool, int64, float64, int:
		return false
	case string:
		return strings.Contains(v, "${")
	case map[string]any:
		for _, member := range v {
			if mentions(member, depth+1, nodes) {
				return true
			}
		}
		return false
	case []any:
		for _, item := range v {
			if mentions(item, depth+1, nodes) {
				return true
			}
		}
		return false
	}
	return true
}
