package placement

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func selectedNames(n int, every int) (out []Decision) {
	for i := range n {
		if i%every == 0 {
			out = append(out, Decision{Cluster: fmt.Sprintf("fleet/c%04d", i), Selected: true, Reason: Matched})
		} else {
			out = append(out, Decision{Cluster: fmt.Sprintf("fleet/c%04d", i), Reason: NotMatched})
		}
	}
	return out
}

// TestSlicesRoundTrip writes random decisions one after the other, each with the last objects, and reads them back.
func TestSlicesRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	s := DecisionSlices{Namespace: "fed", Name: "web", SchedulerName: "confed"}
	var last []map[string]any
	for range 60 {
		var decisions []Decision
		for i := range rnd.IntN(450) {
			decisions = append(decisions, Decision{Cluster: fmt.Sprintf("c%03d", i), Selected: rnd.IntN(3) > 0, Reason: Chosen})
		}
		objects := s.Encode(decisions, last)
		require.NotEmpty(t, objects)
		want := append([]string{}, names(decisions)...)
		for at, object := range objects {
			in, err := sliceClusters(object)
			require.NoError(t, err)
			require.LessOrEqual(t, len(in), 100)
			require.True(t, slices.IsSorted(in))
			for _, old := range last {
				was, _ := sliceIndex(old)
				stays, _ := sliceClusters(old)
				for _, name := range stays {
					if slices.Contains(want, name) {
						require.Equal(t, was == at, slices.Contains(in, name), "%s left its slice", name)
					}
				}
			}
		}
		require.Empty(t, cmp.Diff(objects, s.Encode(decisions, objects)), "nothing changed, nothing is written")
		reversed := slices.Clone(objects)
		slices.Reverse(reversed)
		got, err := s.Decode(reversed)
		require.NoError(t, err)
		require.Equal(t, want, got)
		last = reversed
	}
}

func TestSlicesAreTheKindOfSIGMulticluster(t *testing.T) {
	s := DecisionSlices{Namespace: "fed", Name: "web", Key: "web-1", PlacementKey: "shop.web", SchedulerName: "confed"}
	objects := s.Encode(selectedNames(4, 3), nil)
	raw, err := json.MarshalIndent(objects, "", " ")
	require.NoError(t, err)
	require.JSONEq(t, `[{"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "PlacementDecision",
		"metadata": {"name": "web-0", "namespace": "fed", "labels": {"multicluster.x-k8s.io/decision-key": "web-1",
			"multicluster.x-k8s.io/decision-index": "0", "multicluster.x-k8s.io/placement-key": "shop.web"}},
		"schedulerName": "confed", "decisions": [
			{"clusterProfileRef": {"namespace": "fleet", "name": "c0000"}, "reason": "Matched"},
			{"clusterProfileRef": {"namespace": "fleet", "name": "c0003"}, "reason": "Matched"}]}]`, string(raw))
	require.Len(t, s.Encode(selectedNames(1000, 1), nil), 10)
	require.Len(t, s.Encode(nil, nil), 1, "nothing selected is said, too")
}

func TestDecodeRefuses(t *testing.T) {
	s := DecisionSlices{Name: "web", Key: "web"}
	whole := s.Encode(selectedNames(250, 1), nil)
	for field, edit := range map[string]func([]map[string]any) []map[string]any{
		"slices": func(o []map[string]any) []map[string]any { return []map[string]any{o[0], o[2]} },
		"slices[1].metadata.labels[multicluster.x-k8s.io/decision-index]": func(o []map[string]any) []map[string]any {
			return []map[string]any{o[0], o[0]}
		},
		"slices[3].metadata.labels[multicluster.x-k8s.io/decision-key]": func(o []map[string]any) []map[string]any {
			other := DecisionSlices{Name: "other"}.Encode(selectedNames(301, 300), nil)[0]
			other["metadata"].(map[string]any)["labels"].(map[string]any)[sliceIndexLabel] = "3"
			return append(o, other)
		},
		"slices[0].decisions": func(o []map[string]any) []map[string]any {
			o[0] = map[string]any{"metadata": o[0]["metadata"], "decisions": []any{map[string]any{"clusterProfileRef": "c"}}}
			return o
		},
	} {
		_, err := s.Decode(edit(slices.Clone(whole)))
		var fe *FieldError
		require.ErrorAs(t, err, &fe, field)
		require.Equal(t, field, fe.Field)
	}
	_, err := s.Decode([]map[string]any{{"metadata": map[string]any{"labels": map[string]any{sliceIndexLabel: "-1", sliceKeyLabel: "web"}}}})
	require.ErrorIs(t, err, ErrInvalid)
	got, err := s.Decode(nil)
	require.NoError(t, err)
	require.NotNil(t, got)
}

func TestSelectorFromAnnotation(t *testing.T) {
	const key = "federation.alpha.kubernetes.io/cluster-selector"
	fleet, err := NewFleet([]Cluster{{Name: "a", Labels: map[string]string{"pci": "true", "n": "3"}}, {Name: "b", Labels: map[string]string{"env": "test"}}, {Name: "c"}})
	require.NoError(t, err)
	for raw, want := range map[string][]string{
		`[]`: {"a", "b", "c"},
		`[{"key":"pci","operator":"In","values":["true"]},{"key":"env","operator":"notin","values":["test"]}]`: {"a"},
		`[{"key":"env","operator":"exists"}]`:          {"b"},
		`[{"key":"env","operator":"DoesNotExist"}]`:    {"a", "c"},
		`[{"key":"n","operator":"Gt","values":["2"]}]`: {"a"},
		`[{"key":"n","operator":"lt","values":["3"]}]`: {},
	} {
		s, err := SelectorFromAnnotation(map[string]string{key: raw})
		require.NoError(t, err)
		got, err := Select(Request{Policy: Policy{Selector: s}}, fleet)
		require.NoError(t, err)
		require.Equal(t, want, got, raw)
	}
	s, err := SelectorFromAnnotation(map[string]string{"other": "x"})
	require.NoError(t, err)
	require.Equal(t, &Selector{}, s, "without the annotation: everywhere")

	for raw, field := range map[string]string{
		``:                              "",
		`null`:                          "",
		`{}`:                            "",
		`[{"key":"a","operator":"In"}]`: "[0].values",
		`[{"key":"a","operator":"Exists"},{"key":"a"}]`:            "[1].operator",
		`[{"key":"a","operator":"Gt","values":["x"]}]`:             "[0].values[0]",
		`[{"key":"a","operator":"Exists"},{"operator":"Exists"}] `: "[1].key",
		`[{"key":"a","operator":"Exists"}] []`:                     "",
	} {
		s, err := SelectorFromAnnotation(map[string]string{key: raw})
		var fe *FieldError
		require.ErrorAs(t, err, &fe, raw)
		require.Equal(t, "metadata.annotations["+key+"]"+field, fe.Field)
		req := Request{Policy: Policy{Selector: s}, Previous: []Decision{{Cluster: "b", Selected: true}}}
		got, err := Select(req, fleet)
		require.ErrorIs(t, err, ErrInvalid)
		require.Equal(t, []string{"b"}, got, "no new copy, and none is withdrawn")
	}
}

func FuzzSelectorFromAnnotation(f *testing.F) {
	f.Add(`[{"key":"a","operator":"In","values":["x"]}]`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := SelectorFromAnnotation(map[string]string{selectorAnnotation: raw})
		_, compileErr := Compile(Policy{Selector: s})
		require.Equal(t, err == nil, compileErr == nil)
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`[{"metadata":{"labels":{"multicluster.x-k8s.io/decision-index":"0"}},"decisions":[{"clusterProfileRef":{"name":"a"}}]}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var objects []map[string]any
		if json.Unmarshal(raw, &objects) != nil {
			return
		}
		s := DecisionSlices{Name: "x"}
		got, err := s.Decode(objects)
		require.True(t, slices.IsSorted(got))
		if err != nil {
			return
		}
		var decisions []Decision
		for _, name := range got {
			decisions = append(decisions, Decision{Cluster: name, Selected: true})
		}
		back, err := s.Decode(s.Encode(decisions, objects))
		require.NoError(t, err)
		require.Equal(t, got, back)
	})
}
