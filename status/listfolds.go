package status

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// worstFold ranks values by the field's order.
type worstFold struct {
	Field
	rank int // len(Order): none yet
	with map[string]any
	beat any
}

// rankOf also ranks objects of which one key is set, such as a container's state.
func (f *worstFold) rankOf(v any) int {
	switch x := v.(type) {
	case string:
		return slices.Index(f.Order, x)
	case map[string]any:
		return slices.IndexFunc(f.Order, func(key string) bool { return x[key] != nil })
	}
	return -1
}

func (f *worstFold) add(s *source) []problem {
	rank := f.rankOf(s.value)
	if rank < 0 {
		text, ok := scalar(s.value)
		if _, isMap := s.value.(map[string]any); !ok && !isMap {
			return wrongType(s.value, "a word")
		}
		return []problem{{GapUnknownValue, shorten(text, whyRunes)}}
	}
	if rank < f.rank {
		f.rank, f.beat, f.with = rank, clone(s.value), map[string]any{}
		for _, name := range f.With {
			if v := s.parent[name]; v != nil {
				f.with[name] = clone(v)
			}
		}
	}
	return nil
}

func (f *worstFold) result(s scope) (any, map[string]any) {
	silent := !s.complete() && f.rank > 0 // someone may fare worse than all that was heard
	missing := slices.Index(f.Order, f.Missing)
	switch {
	case f.beat == nil, silent && f.Missing == "":
		return nil, nil
	case silent && missing >= 0 && missing < f.rank:
		return f.Missing, nil
	}
	return f.beat, f.with
}

// concatFold gathers the entries of lists; entries with equal keys become one.
type concatFold struct {
	Field
	entries []keyed
}

type keyed struct {
	key   string
	entry map[string]any
}

func (f *concatFold) add(s *source) []problem {
	list, ok := s.value.([]any)
	if !ok {
		return wrongType(s.value, "a list")
	}
	var problems []problem
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			problems = append(problems, wrongType(e, "an object")...)
			continue
		}
		if name, ok := m[f.Mark].(string); ok && f.Mark != "" {
			m, _ = clone(m).(map[string]any)
			m[f.Mark] = name + " (" + s.member.Cluster + ")"
		}
		key, ok := f.keyOf(m)
		if !ok {
			problems = append(problems, problem{GapWrongType, "an entry without " + strings.Join(f.Key, ", ")})
			continue
		}
		f.entries = append(f.entries, keyed{key, m})
	}
	return problems
}

// keyOf spells the key fields; one of them at least must be there.
func (f *concatFold) keyOf(m map[string]any) (string, bool) {
	var b strings.Builder
	some := false
	for _, name := range f.Key {
		text, ok := scalar(m[name])
		some = some || ok
		b.WriteString(text)
		b.WriteByte(0)
	}
	return b.String(), some
}

func (f *concatFold) result(scope) (any, map[string]any) {
	if len(f.entries) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(f.entries, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	out := make([]any, 0, len(f.entries))
	for i := 0; i < len(f.entries); {
		merged, _ := clone(f.entries[i].entry).(map[string]any)
		first := i
		for i++; i < len(f.entries) && f.entries[i].key == f.entries[first].key; i++ {
			unite(merged, f.entries[i].entry)
		}
		out = append(out, merged)
	}
	return out, nil
}

// unite adds what into lacks: fields, and entries of lists, which then are sorted. Other fields stay as they are.
func unite(into, from map[string]any) {
	for key, v := range from {
		have, isList := into[key].([]any)
		more, also := v.([]any)
		switch {
		case v == nil:
		case into[key] == nil:
			into[key] = clone(v)
		case isList && also:
			into[key] = union(have, more)
		}
	}
}

func union(a, b []any) []any {
	byText := make(map[string]any, len(a)+len(b))
	for _, e := range b {
		byText[spell(e)] = e
	}
	for _, e := range a {
		byText[spell(e)] = e
	}
	out := make([]any, 0, len(byText))
	for _, text := range slices.Sorted(maps.Keys(byText)) {
		out = append(out, clone(byText[text]))
	}
	return out
}

// spell writes decoded JSON in one way; what is none sorts first.
func spell(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// mergeFold unites maps.
type mergeFold struct {
	mark string
	into map[string]any
}

func (f *mergeFold) add(s *source) []problem {
	m, ok := s.value.(map[string]any)
	if !ok {
		return wrongType(s.value, "an object")
	}
	for key, v := range m {
		if f.mark != "" {
			key = s.member.Cluster + f.mark + key
		}
		if f.into[key] == nil && v != nil {
			f.into[key] = clone(v)
		}
	}
	return nil
}

func (f *mergeFold) result(scope) (any, map[string]any) {
	if len(f.into) == 0 {
		return nil, nil
	}
	return f.into, nil
}
