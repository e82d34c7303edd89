package scheduling

import (
	"fmt"
	"strings"
)

func show(targets []Target) string {
	var b strings.Builder
	p := func(v *int64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprint(*v)
	}
	for _, t := range targets {
		fmt.Fprintf(&b, "%s w%d min %d max %s cap %s cur %s nogrowth %v tier %d\n", t.Name, t.Weight, t.Min, p(t.Max), p(t.Capacity), p(t.Current), t.NoGrowth, t.Tier)
	}
	return b.String()
}
