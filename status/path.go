package status

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// errPath begins every complaint about a path that cannot be read.
var errPath = errors.New("status: invalid path")

// segment is one step of a path: a field, a list index, or the first list entry whose field key has the text name.
type segment struct {
	name  string
	key   string
	index int // -1: not an index
}

func (s segment) every() bool { return s.name == "*" && s.key == "" && s.index < 0 }

// parsePath reads .spec.replicas, status.conditions[type=Ready].status, status.list[0].name, metadata.labels['a.b/c'];
// a leading dot or $ may be left out, JSONPath's braces may be there.
func parsePath(path string) ([]segment, error) {
	rest := path
	if strings.HasPrefix(rest, "{") && strings.HasSuffix(rest, "}") {
		rest = rest[1 : len(rest)-1]
	}
	rest = strings.TrimPrefix(rest, "$")
	if rest != "" && rest[0] != '.' && rest[0] != '[' {
		rest = "." + rest
	}
	out := make([]segment, 0, strings.Count(rest, ".")+strings.Count(rest, "["))
	for rest != "" {
		var s segment
		var err error
		if rest[0] == '.' {
			s, rest, err = fieldSegment(rest[1:])
		} else {
			s, rest, err = bracketSegment(rest)
		}
		if err != nil {
			return nil, fmt.Errorf("%w %q: %w", errPath, path, err)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w %q: empty", errPath, path)
	}
	return out, nil
}

func fieldSegment(rest string) (segment, string, error) {
	end := strings.IndexAny(rest, ".[")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 || strings.ContainsAny(rest[:end], "]{}'\"") {
		return segment{}, "", fmt.Errorf("no field name at %q", rest)
	}
	return segment{name: rest[:end], index: -1}, rest[end:], nil
}

// bracketSegment reads ['name'], [3] and [key=value]; a value or name with a bracket in it must be quoted.
func bracketSegment(rest string) (segment, string, error) {
	if rest[0] != '[' {
		return segment{}, "", fmt.Errorf("expected a dot or a bracket at %q", rest)
	}
	body := rest[1:]
	key := ""
	if eq := strings.IndexByte(body, '='); eq > 0 && !strings.ContainsAny(body[:eq], "]'\"") {
		key, body = body[:eq], body[eq+1:]
	}
	name, quoted := "", false
	if body != "" && (body[0] == '\'' || body[0] == '"') {
		end := strings.IndexByte(body[1:], body[0])
		if end < 0 {
			return segment{}, "", fmt.Errorf("no closing quote at %q", rest)
		}
		name, body, quoted = body[1:1+end], body[end+2:], true
	} else if end := strings.IndexByte(body, ']'); end >= 0 {
		name, body = body[:end], body[end:]
	}
	if body == "" || body[0] != ']' {
		return segment{}, "", fmt.Errorf("no closing bracket at %q", rest)
	}
	s := segment{name: name, key: key, index: -1}
	if key == "" && !quoted {
		n, err := strconv.Atoi(name)
		if err != nil || n < 0 {
			return segment{}, "", fmt.Errorf("%q is neither an index, nor quoted, nor key=value", name)
		}
		s.index = n
	}
	return s, body[1:], nil
}

// find walks the path from v. Absent is nil without an error; a step into something of another shape is an error.
func find(v any, path []segment) (any, error) {
	for i, s := range path {
		if v == nil {
			return nil, nil
		}
		if s.key == "" && s.index < 0 {
			m, ok := v.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%s is not an object", printPath(path[:i]))
			}
			v = m[s.name]
			continue
		}
		list, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("%s is not a list", printPath(path[:i]))
		}
		v = entry(list, s)
	}
	return v, nil
}

func entry(list []any, s segment) any {
	if s.key == "" {
		if s.index < len(list) {
			return list[s.index]
		}
		return nil
	}
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			if text, ok := scalar(m[s.key]); ok && text == s.name {
				return e
			}
		}
	}
	return nil
}

func printPath(path []segment) string {
	var b strings.Builder
	for i, s := range path {
		switch {
		case s.key != "":
			b.WriteString("[" + s.key + "=" + s.name + "]")
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case strings.ContainsAny(s.name, ".[]"):
			b.WriteString("['" + s.name + "']")
		case i > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// scalar spells a string, number or boolean.
func scalar(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	}
	if n, ok := integer(v); ok {
		return strconv.FormatInt(n, 10), true
	}
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64), true
	}
	return "", false
}
