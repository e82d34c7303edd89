package status

import (
	"strings"
	"time"
)

// timeFold keeps the text of the winner; of equal moments the text that sorts first, so that the order does not matter.
type timeFold struct {
	early bool
	best  string
}

func (f *timeFold) add(s source) []problem {
	text, ok := s.value.(string)
	if !ok {
		return wrongType(s.value, "a time")
	}
	if !validTime(text) {
		return []problem{{GapBadTime, shorten(text, whyRunes)}}
	}
	d := compareTimes(text, f.best)
	if f.best == "" || d < 0 && f.early || d > 0 && !f.early || d == 0 && text < f.best {
		f.best = text
	}
	return nil
}

func (f *timeFold) result(scope) (any, map[string]any) {
	if f.best == "" {
		return nil, nil
	}
	return f.best, nil
}

// plainTime tells 2026-03-01T10:00:00Z and the like, nearly all that API servers write: those compare as text.
func plainTime(s string) bool {
	const shape = "dddd-dd-ddTdd:dd:ddZ"
	if len(s) != len(shape) {
		return false
	}
	for i := range len(shape) {
		if digit := s[i] >= '0' && s[i] <= '9'; shape[i] == 'd' && !digit || shape[i] != 'd' && s[i] != shape[i] {
			return false
		}
	}
	month, day := s[5:7], s[8:10]
	return month >= "01" && month <= "12" && day >= "01" && day <= "28" && s[11:13] <= "23" && s[14:16] <= "59" && s[17:19] <= "59"
}

func validTime(s string) bool {
	if plainTime(s) {
		return true
	}
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

// compareTimes compares valid times; the empty text is before all.
func compareTimes(a, b string) int {
	if a == "" || b == "" || plainTime(a) && plainTime(b) {
		return strings.Compare(a, b)
	}
	x, _ := time.Parse(time.RFC3339, a)
	y, _ := time.Parse(time.RFC3339, b)
	return x.Compare(y)
}

type durationFold struct {
	best  string
	value time.Duration
}

func (f *durationFold) add(s source) []problem {
	text, ok := s.value.(string)
	if !ok {
		return wrongType(s.value, "a duration")
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return []problem{{GapBadTime, shorten(text, whyRunes)}}
	case d < 0:
		return []problem{{GapNegative, text}}
	}
	if f.best == "" || d > f.value || d == f.value && text < f.best {
		f.best, f.value = text, d
	}
	return nil
}

func (f *durationFold) result(scope) (any, map[string]any) {
	if f.best == "" {
		return nil, nil
	}
	return f.best, nil
}
