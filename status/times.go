package status

import (
	"cmp"
	"time"
)

// stamp is a moment and its text; the zero stamp is before all others.
type stamp struct {
	second int64 // yyyymmddhhmmss by UTC
	nano   int
	text   string
}

func (s stamp) compare(t stamp) int {
	if s.second == t.second {
		return cmp.Compare(s.nano, t.nano)
	}
	return cmp.Compare(s.second, t.second)
}

// readStamp reads RFC 3339.
func readStamp(text string) (stamp, bool) {
	if second, ok := plainSecond(text); ok {
		return stamp{second: second, text: text}, true
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return stamp{}, false
	}
	t = t.UTC()
	second := int64(t.Year())
	for _, n := range []int{int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()} {
		second = second*100 + int64(n)
	}
	return stamp{second: second, nano: t.Nanosecond(), text: text}, true
}

// plainSecond reads 2026-03-01T10:00:00Z and the like, nearly all that API servers write, many times faster than
// time.Parse; of the days that not every month has it keeps off.
func plainSecond(s string) (int64, bool) {
	if len(s) != len("2026-03-01T10:00:00Z") || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z' {
		return 0, false
	}
	century, year := twoDigits(s, 0), twoDigits(s, 2)
	month, day, hour := twoDigits(s, 5), twoDigits(s, 8), twoDigits(s, 11)
	minute, second := twoDigits(s, 14), twoDigits(s, 17)
	if century|year|month|day|hour|minute|second < 0 || month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	return ((((((century*100+year)*100+month)*100+day)*100+hour)*100 + minute) * 100) + second, true
}

// twoDigits is below zero for anything else.
func twoDigits(s string, at int) int64 {
	a, b := s[at]-'0', s[at+1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int64(a)*10 + int64(b)
}

// timeFold keeps the winner; of equal moments the text that sorts first, so that the order does not matter.
type timeFold struct {
	early bool
	best  stamp
}

func (f *timeFold) add(s *source) []problem {
	text, ok := s.value.(string)
	if !ok {
		return wrongType(s.value, "a time")
	}
	at, ok := readStamp(text)
	if !ok {
		return []problem{{GapBadTime, shorten(text, whyRunes)}}
	}
	d := at.compare(f.best)
	if f.best.text == "" || d < 0 && f.early || d > 0 && !f.early || d == 0 && text < f.best.text {
		f.best = at
	}
	return nil
}

func (f *timeFold) result(scope) (any, map[string]any) {
	if f.best.text == "" {
		return nil, nil
	}
	return f.best.text, nil
}

type durationFold struct {
	best  string
	value time.Duration
}

func (f *durationFold) add(s *source) []problem {
	text, ok := s.value.(string)
	if !ok {
		return wrongType(s.value, "a duration")
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return []problem{{GapBadTime, shorten(text, whyRunes)}}
	case d < 0:
		return []problem{{GapNegative, shorten(text, whyRunes)}}
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
