package override

import (
	"fmt"
	"strconv"
	"strings"
)

// maxDepth bounds the tokens of a pointer and the nesting of a value.
const maxDepth = 1000

type tokenKind uint8

const (
	tokName  tokenKind = iota // a member of an object only
	tokIndex                  // a member of an object, or an index of a list
	tokEnd                    // a member of an object, or the end of a list
	tokItem                   // the item of a list that matches
)

type match struct{ key, value string }

type token struct {
	kind  tokenKind
	index int    // of tokIndex; negative counts from the end
	key   string // unescaped; empty for tokItem
	match []match
}

// pointer is a parsed path. Its zero value points to the whole document.
type pointer struct {
	text   string
	tokens []token
	exact  bool // text is plain RFC 6901, and no token needs a document to be resolved
}

func parsePointer(text string) (pointer, error) {
	p := pointer{text: text, exact: !strings.Contains(text, "~2") && !strings.Contains(text, "~3")}
	if text == "" {
		return p, nil
	}
	if text[0] != '/' {
		return p, fmt.Errorf("%w: a path is empty or starts with a slash", ErrInvalid)
	}
	n := strings.Count(text, "/")
	if n > maxDepth {
		return p, fmt.Errorf("%w: a path of %d tokens (at most %d)", ErrInvalid, n, maxDepth)
	}
	p.tokens = make([]token, 0, n)
	for raw := range strings.SplitSeq(text[1:], "/") {
		name, matches, err := parseSelectors(raw)
		if err != nil {
			return p, err
		}
		if matches == nil || name != "" {
			t, err := parseToken(name)
			if err != nil {
				return p, err
			}
			p.tokens = append(p.tokens, t)
			p.exact = p.exact && t.kind != tokEnd && t.index >= 0
		}
		if matches != nil {
			p.tokens = append(p.tokens, token{kind: tokItem, match: matches})
			p.exact = false
		}
	}
	return p, nil
}

// parseSelectors splits name[key=value]… ; a token of any other form is a name alone.
func parseSelectors(raw string) (name string, matches []match, err error) {
	open := strings.IndexByte(raw, '[')
	if open < 0 || raw[len(raw)-1] != ']' {
		return raw, nil, nil
	}
	for rest := raw[open:]; rest != ""; {
		end := strings.IndexByte(rest, ']')
		key, value, ok := strings.Cut(rest[1:max(end, 1)], "=")
		if rest[0] != '[' || end < 0 || !ok || key == "" {
			return raw, nil, nil
		}
		if key, err = unescape(key); err != nil {
			return "", nil, err
		}
		if value, err = unescape(value); err != nil {
			return "", nil, err
		}
		matches = append(matches, match{key, value})
		rest = rest[end+1:]
	}
	return raw[:open], matches, nil
}

func parseToken(raw string) (token, error) {
	key, err := unescape(raw)
	if err != nil {
		return token{}, err
	}
	if key == "-" {
		return token{kind: tokEnd, key: key}, nil
	}
	if i, err := strconv.Atoi(key); err == nil && strconv.Itoa(i) == key {
		return token{kind: tokIndex, index: i, key: key}, nil
	}
	return token{kind: tokName, key: key}, nil
}

func unescape(s string) (string, error) {
	i := strings.IndexByte(s, '~')
	if i < 0 {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0; i = strings.IndexByte(s, '~') {
		b.WriteString(s[:i])
		code := byte(0)
		if i+1 < len(s) {
			code = s[i+1]
		}
		if code < '0' || code > '3' {
			return "", fmt.Errorf("%w: a ~ is followed by 0 (for ~), 1 (for /), 2 (for [) or 3 (for ])", ErrInvalid)
		}
		b.WriteByte("~/[]"[code-'0'])
		s = s[i+2:]
	}
	b.WriteString(s)
	return b.String(), nil
}

// escape is the inverse of unescape for a name; brackets are left alone where they cannot be read as a selector.
func escape(key string) string {
	if !strings.ContainsAny(key, "~/[") {
		return key
	}
	key = strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
	if strings.HasSuffix(key, "]") {
		key = strings.ReplaceAll(key, "[", "~2")
	}
	return key
}

// selects reports whether item is an object that has all the values.
func (t token) selects(item any) bool {
	m, ok := item.(map[string]any)
	if !ok {
		return false
	}
	for _, want := range t.match {
		if v, ok := m[want.key]; !ok || !spells(v, want.value) {
			return false
		}
	}
	return true
}

// spells reports whether v is a string, a number or a bool that JSON writes as text.
func spells(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case int64:
		return strconv.FormatInt(v, 10) == text
	case bool:
		return strconv.FormatBool(v) == text
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64) == text
	}
	return false
}

// within returns the index in a list of n items that t names, counting from the end when it is negative.
func (t token) within(n int) (int, bool) {
	if t.kind != tokIndex {
		return 0, false
	}
	i := t.index
	if i < 0 {
		i += n
	}
	return i, i >= 0 && i < n
}

// find returns the index of the item that t names: -1 when there is none.
func (t token) find(list []any) (int, error) {
	if t.kind != tokItem {
		if i, ok := t.within(len(list)); ok {
			return i, nil
		}
		return -1, nil
	}
	found := -1
	for i, item := range list {
		if !t.selects(item) {
			continue
		}
		if found >= 0 {
			return -1, fmt.Errorf("%w: items %d and %d both match %s", ErrInvalid, found, i, t)
		}
		found = i
	}
	return found, nil
}

// String spells the token for a path; selectors are spelled with their brackets.
func (t token) String() string {
	if t.kind != tokItem {
		return escape(t.key)
	}
	var b strings.Builder
	for _, m := range t.match {
		fmt.Fprintf(&b, "[%s=%s]", m.key, m.value)
	}
	return b.String()
}

// lookup returns the value at p without copying anything.
func (p pointer) lookup(doc any) (value any, ok bool, err error) {
	for _, t := range p.tokens {
		switch c := doc.(type) {
		case map[string]any:
			if t.kind == tokItem {
				return nil, false, nil
			}
			if doc, ok = c[t.key]; !ok {
				return nil, false, nil
			}
		case []any:
			i, err := t.find(c)
			if i < 0 {
				return nil, false, err
			}
			doc = c[i]
		default:
			return nil, false, nil
		}
	}
	return doc, true, nil
}
