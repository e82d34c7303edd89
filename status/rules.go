package status

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rule tells how objects of one kind fare by their own fields. It is plain data and marshals to JSON. When one check of
// Failed holds the object is Failed; else when one of InProgress holds, or one of Current does not, it is InProgress;
// else Current. A rule without any Current check leaves the object Unknown.
type Rule struct {
	Group      string  `json:"group,omitempty"` // API group, any version; empty: the core group
	Kind       string  `json:"kind"`
	Failed     []Check `json:"failed,omitempty"`
	InProgress []Check `json:"inProgress,omitempty"`
	Current    []Check `json:"current,omitempty"`
}

// Check compares one field of an object. A field of another type than it is compared with makes the assessment Unknown.
type Check struct {
	Path string `json:"path"`         // status.conditions[type=Ready].status, spec.replicas, status.list[0].name, metadata.labels['a.b/c']
	Op   string `json:"op,omitempty"` // = (also when empty), !=, <, <=, >, >=, in, exists, absent
	// Value is what the field is compared with: a string, number or boolean; for in a list of them.
	Value any `json:"value,omitempty"`
	// Than is the path of the field to compare with, instead of Value.
	Than string `json:"than,omitempty"`
	// Default stands for an absent Path. Without it an absent field equals nothing and is neither less nor greater.
	Default any    `json:"default,omitempty"`
	Reason  string `json:"reason,omitempty"` // CamelCase, for when the check decides; empty: one is made up
}

var errCheck = errors.New("status: invalid check")

// apply judges by one rule.
func (r Rule) apply(o *object) verdict {
	for _, c := range r.Failed {
		if holds, text := o.check(c); holds {
			return failed(reasonOr(c.Reason, "Failed"), text)
		}
	}
	for _, c := range r.InProgress {
		if holds, text := o.check(c); holds {
			return progress(reasonOr(c.Reason, "InProgress"), text)
		}
	}
	if len(r.Current) == 0 {
		return verdict{HealthUnknown, "NoRule", "the rule does not say what is current"}
	}
	found := ""
	for _, c := range r.Current {
		holds, text := o.check(c)
		if !holds {
			return progress(reasonOr(c.Reason, "NotCurrent"), text)
		}
		found = cmp.Or(found, text)
	}
	return current(found)
}

func ruleFor(rules []Rule, o *object) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Kind == o.kind && r.Group == o.group })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// check evaluates c and says what was found. What cannot be evaluated is noted in the object and does not hold.
func (o *object) check(c Check) (bool, string) {
	value, err := o.at(c.Path)
	if err == nil && value == nil {
		value = c.Default
	}
	want := c.Value
	if err == nil && c.Than != "" {
		want, err = o.at(c.Than)
	}
	holds := false
	if err == nil {
		holds, err = compare(c.Op, value, want)
	}
	if err != nil {
		if o.bad == "" {
			o.bad = c.Path + ": " + err.Error()
		}
		return false, ""
	}
	text, ok := scalar(value)
	switch {
	case value == nil:
		text = "absent"
	case !ok:
		text = "there"
	}
	return holds, c.Path + " is " + text
}

func (o *object) at(path string) (any, error) {
	segments, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	return find(o.live, segments)
}

func compare(op string, value, want any) (bool, error) {
	switch op {
	case "exists":
		return value != nil, nil
	case "absent":
		return value == nil, nil
	case "in":
		return contained(value, want)
	case "", "=", "!=", "<", "<=", ">", ">=":
	default:
		return false, fmt.Errorf("%w: no operator %q", errCheck, op)
	}
	if value == nil || want == nil {
		return op == "!=" && (value != nil || want != nil), nil
	}
	d, err := order(value, want)
	if err != nil {
		return false, err
	}
	if _, isNumber := number(value); !isNumber && strings.ContainsAny(op, "<>") {
		return false, fmt.Errorf("%w: %s compares numbers", errCheck, op)
	}
	switch op {
	case "!=":
		return d != 0, nil
	case "<":
		return d < 0, nil
	case "<=":
		return d <= 0, nil
	case ">":
		return d > 0, nil
	case ">=":
		return d >= 0, nil
	}
	return d == 0, nil
}

func contained(value, want any) (bool, error) {
	var list []any
	switch w := want.(type) {
	case []any:
		list = w
	case []string:
		for _, s := range w {
			list = append(list, s)
		}
	default:
		return false, fmt.Errorf("%w: in wants a list", errCheck)
	}
	for _, w := range list {
		if same, err := compare("=", value, w); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// order compares two values of one type.
func order(a, b any) (int, error) {
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	}
	if x, ok := a.(bool); ok {
		if y, ok := b.(bool); ok {
			if x == y {
				return 0, nil
			}
			return 1, nil
		}
	}
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return cmp.Compare(x, y), nil
		}
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return cmp.Compare(x, y), nil
		}
	}
	return 0, fmt.Errorf("a %s cannot be compared with a %s", typeName(a), typeName(b))
}

func number(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	n, ok := integer(v)
	return float64(n), ok
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case map[string]any:
		return "object"
	case []any:
		return "list"
	}
	if _, ok := number(v); ok {
		return "number"
	}
	return fmt.Sprintf("%T", v)
}
