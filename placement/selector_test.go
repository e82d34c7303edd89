package placement

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// upstream builds the selector of apimachinery, the twin of ours.
func upstream(s Selector) (labels.Selector, error) {
	out := labels.NewSelector()
	add := func(key string, op selection.Operator, values []string) error {
		r, err := labels.NewRequirement(key, op, values)
		if err == nil {
			out = out.Add(*r)
		}
		return err
	}
	for key, value := range s.MatchLabels {
		if err := add(key, selection.In, []string{value}); err != nil {
			return nil, err
		}
	}
	ops := map[string]selection.Operator{"In": selection.In, "NotIn": selection.NotIn, "Exists": selection.Exists,
		"DoesNotExist": selection.DoesNotExist, "Gt": selection.GreaterThan, "Lt": selection.LessThan}
	for _, e := range s.MatchExpressions {
		if err := add(e.Key, ops[e.Operator], e.Values); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkSelector compares selector, index and Matcher with the twin over a fleet.
func checkSelector(t *testing.T, s Selector, f *Fleet) {
	t.Helper()
	want, wantErr := upstream(s)
	m, err := Compile(Policy{Selector: &s})
	require.Equal(t, wantErr == nil, err == nil, "%v / %v", wantErr, err)
	if err != nil {
		require.ErrorIs(t, err, ErrInvalid)
		for _, line := range strings.Split(err.Error(), "\n") {
			require.True(t, strings.HasPrefix(line, "clusterSelector.match"), line)
		}
	}
	sure, may := m.masks(f)
	for i, k := range f.parts() {
		for off, c := range k.clusters {
			matches := err == nil && want.Matches(labels.Set(c.Labels))
			require.Equal(t, matches, m.Matches(c), "%+v of %+v", s, c.Labels)
			require.Equal(t, matches, sure[i]>>off&1 == 1, "%+v of %+v", s, c.Labels)
			require.Equal(t, matches || err != nil, may[i]>>off&1 == 1)
		}
	}
}

func randomSelector(rnd *rand.Rand) Selector {
	s := Selector{MatchLabels: map[string]string{}}
	for rnd.IntN(3) == 0 {
		s.MatchLabels[pick(rnd, "env", "tier", "bad key", "n")] = pick(rnd, "a", "b", "c")
	}
	for rnd.IntN(3) > 0 {
		e := Expression{Key: pick(rnd, "env", "tier", "n", "gone"), Operator: pick(rnd, "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")}
		n := map[string]int{"In": 1 + rnd.IntN(3), "NotIn": 1 + rnd.IntN(3), "Gt": 1, "Lt": 1}[e.Operator]
		for range n {
			if e.Operator == "Gt" || e.Operator == "Lt" {
				e.Values = append(e.Values, pick(rnd, "1", "2", "-5"))
			} else {
				e.Values = append(e.Values, pick(rnd, "a", "b", "c", "1", "30", ""))
			}
		}
		if rnd.IntN(30) == 0 {
			e.Operator = pick(rnd, "in", "", "Gt", "Exists", "In")
		}
		s.MatchExpressions = append(s.MatchExpressions, e)
	}
	return s
}

func TestSelectorIsKubernetes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		checkSelector(t, randomSelector(rnd), randomFleet(rnd, rnd.IntN(150)))
	}
}

func TestSelectorErrorsNameTheField(t *testing.T) {
	for field, s := range map[string]Selector{
		"clusterSelector.matchLabels[a b]":              {MatchLabels: map[string]string{"a b": "c"}},
		"clusterSelector.matchLabels[a]":                {MatchLabels: map[string]string{"a": "c d"}},
		"clusterSelector.matchExpressions[0].key":       {MatchExpressions: []Expression{{Operator: "Exists"}}},
		"clusterSelector.matchExpressions[0].operator":  {MatchExpressions: []Expression{{Key: "a", Operator: "Near"}}},
		"clusterSelector.matchExpressions[0].values":    {MatchExpressions: []Expression{{Key: "a", Operator: "In"}}},
		"clusterSelector.matchExpressions[1].values":    {MatchExpressions: []Expression{{Key: "a", Operator: "Exists"}, {Key: "a", Operator: "Exists", Values: []string{"x"}}}},
		"clusterSelector.matchExpressions[0].values[0]": {MatchExpressions: []Expression{{Key: "a", Operator: "Gt", Values: []string{"x"}}}},
		"clusterSelector.matchExpressions[0].values[1]": {MatchExpressions: []Expression{{Key: "a", Operator: "In", Values: []string{"x", "y y"}}}},
	} {
		_, err := Compile(Policy{Selector: &s})
		var fe *FieldError
		require.ErrorAs(t, err, &fe, field)
		require.Equal(t, field, fe.Field)
	}
}

func FuzzSelector(f *testing.F) {
	f.Add([]byte(`{"matchLabels":{"env":"a"},"matchExpressions":[{"key":"n","operator":"Gt","values":["1"]}]}`))
	f.Add([]byte(`{"matchExpressions":[{"key":"tier","operator":"NotIn","values":["a",""]},{"key":"","operator":"Near"}]}`))
	fleet := randomFleet(rand.New(rand.NewPCG(7, 8)), 70)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s Selector
		if json.Unmarshal(raw, &s) == nil {
			checkSelector(t, s, fleet)
		}
	})
}
