package status

import (
	"encoding/json"
	"math"
	"strings"
)

// object is a live object taken apart once. The getters note the first field that is not what it should be in bad;
// whatever was concluded from it then counts for nothing.
type object struct {
	live             map[string]any
	group, kind      string
	meta, spec, stat map[string]any
	conds            []any
	bad              string
}

func open(live map[string]any) object {
	o := object{live: live}
	version := o.text(live, "apiVersion", "")
	if i := strings.IndexByte(version, '/'); i >= 0 {
		o.group = version[:i]
	}
	o.kind = o.text(live, "kind", "")
	o.meta, o.spec, o.stat = o.child(live, "metadata"), o.child(live, "spec"), o.child(live, "status")
	return o
}

func (o *object) wrong(key string, what string) {
	if o.bad == "" {
		o.bad = key + " is " + what
	}
}

func (o *object) child(in map[string]any, key string) map[string]any {
	switch v := in[key].(type) {
	case map[string]any:
		return v
	case nil:
	default:
		o.wrong(key, "not an object")
	}
	return nil
}

func (o *object) list(in map[string]any, key string) []any {
	switch v := in[key].(type) {
	case []any:
		return v
	case nil:
	default:
		o.wrong(key, "not a list")
	}
	return nil
}

func (o *object) text(in map[string]any, key, otherwise string) string {
	switch v := in[key].(type) {
	case string:
		return v
	case nil:
	default:
		o.wrong(key, "not a string")
	}
	return otherwise
}

func (o *object) flag(in map[string]any, key string) bool {
	switch v := in[key].(type) {
	case bool:
		return v
	case nil:
	default:
		o.wrong(key, "not a boolean")
	}
	return false
}

// count reads a number that cannot be negative.
func (o *object) count(in map[string]any, key string, otherwise int64) int64 {
	v, ok := in[key]
	if !ok || v == nil {
		return otherwise
	}
	n, ok := integer(v)
	switch {
	case !ok:
		o.wrong(key, "not an integer")
	case n < 0:
		o.wrong(key, "negative")
	default:
		return n
	}
	return otherwise
}

// integer accepts what JSON decoders make of an integer. It is small, so that the usual case is inlined.
func integer(v any) (n int64, ok bool) {
	if n, ok = v.(int64); !ok {
		n, ok = otherInteger(v)
	}
	return n, ok
}

func otherInteger(v any) (int64, bool) {
	switch n := v.(type) {
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<63 {
			return int64(n), true
		}
	case int:
		return int64(n), true
	case int32:
		return int64(n), true
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}

// cond is one entry of status.conditions. Pointers would cost an allocation each.
type cond struct {
	kind, status, reason, message string
	entry                         map[string]any
}

// stale tells a condition that says itself that it was made for an earlier generation.
func (c cond) stale(o *object) bool {
	seen, ok := integer(c.entry["observedGeneration"])
	wanted, has := integer(o.meta["generation"])
	return ok && has && seen < wanted
}

func (c cond) is(status string) bool { return c.kind != "" && c.status == status }

// readCondition reads one entry and says what is wrong with it.
func readCondition(entry any) (c cond, flaw string) {
	m, ok := entry.(map[string]any)
	if !ok {
		return cond{}, "conditions is not a list of objects"
	}
	kind, isText := m["type"].(string)
	if !isText || kind == "" {
		return cond{}, "a condition is without type"
	}
	c.kind, c.entry = kind, m
	for _, f := range []struct {
		key string
		to  *string
	}{{"status", &c.status}, {"reason", &c.reason}, {"message", &c.message}} {
		v := m[f.key]
		if *f.to, ok = v.(string); !ok && v != nil {
			return cond{}, "condition " + kind + ": " + f.key + " is not a string"
		}
	}
	return c, ""
}

// condition finds one by type; the zero cond is in no status.
func (o *object) condition(kind string) cond {
	for i := range o.conds {
		if m, _ := o.conds[i].(map[string]any); m != nil && m["type"] == kind {
			c, _ := readCondition(m) // convention has seen all of them
			return c
		}
	}
	return cond{}
}
