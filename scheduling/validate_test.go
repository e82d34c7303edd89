package scheduling

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateNamesTargetAndField(t *testing.T) {
	good := Target{Name: "a", Weight: 1}
	for name, c := range map[string]struct {
		req           Request
		targets       []Target
		target, field string
	}{
		"no targets":        {field: "Targets"},
		"negative replicas": {req: Request{Replicas: -1}, targets: []Target{good}, field: "Replicas"},
		"far too many":      {req: Request{Replicas: math.MaxInt64}, targets: []Target{good}, field: "Replicas"},
		"empty name":        {targets: []Target{good, {}}, field: "Name"},
		"repeated, sorted":  {targets: []Target{good, {Name: "b"}, {Name: "b"}}, target: "b", field: "Name"},
		"repeated, apart":   {targets: []Target{{Name: "c"}, good, {Name: "b"}, {Name: "c"}}, target: "c", field: "Name"},
		"negative weight":   {targets: []Target{good, {Name: "b", Weight: -1}}, target: "b", field: "Weight"},
		"negative min":      {targets: []Target{{Name: "b", Min: -1}}, target: "b", field: "Min"},
		"negative max":      {targets: []Target{{Name: "b", Max: pointer(-1)}}, target: "b", field: "Max"},
		"negative capacity": {targets: []Target{{Name: "b", Capacity: pointer(-1)}}, target: "b", field: "Capacity"},
		"negative current":  {targets: []Target{{Name: "b", Current: pointer(-1)}}, target: "b", field: "Current"},
		"min above max":     {targets: []Target{{Name: "b", Min: 3, Max: pointer(2)}}, target: "b", field: "Min"},
		"sum of min":        {targets: []Target{{Name: "b", Min: math.MaxInt64}, {Name: "c", Min: 1}}, target: "c", field: "Min"},
		"sum of current": {
			targets: []Target{{Name: "b", Current: pointer(math.MaxInt64)}, {Name: "c", Current: pointer(1)}},
			target:  "c", field: "Current",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := Validate(c.req, c.targets)
			require.ErrorIs(t, err, ErrInvalid)
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, c.target, invalid.Target)
			require.Equal(t, c.field, invalid.Field)
			require.Contains(t, err.Error(), c.field)
			_, again := Weighted(c.req, c.targets)
			require.Equal(t, err, again, "a strategy says the same")
		})
	}
	require.NoError(t, Validate(Request{}, []Target{good}))
	require.NoError(t, Validate(Request{}, []Target{{Name: "b"}, {Name: "a"}, {Name: "c", Weight: math.MaxInt64}, {Name: "d", Weight: math.MaxInt64}}))
}
