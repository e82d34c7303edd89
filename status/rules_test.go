package status

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRules(t *testing.T) {
	live := decode(t, `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},
		"spec":{"size":3,"mode":"on"},"status":{"size":2,"ratio":0.5,"phase":"Growing","ok":true,"list":[{"name":"a","n":1}],"map":{}}}`)
	widget := func(checks ...Check) Rule { return Rule{Group: "example.com", Kind: "Widget", Current: checks} }
	for _, c := range []struct {
		name   string
		rule   Rule
		health Health
		why    string
	}{
		{"equal", widget(Check{Path: "status.phase", Value: "Growing"}), HealthCurrent, "Current: status.phase is Growing"},
		{"not equal", widget(Check{Path: "status.phase", Op: "!=", Value: "Growing", Reason: "StillGrowing"}), HealthInProgress, "StillGrowing: status.phase is Growing"},
		{"less than another field", widget(Check{Path: "status.size", Op: ">=", Than: "spec.size"}), HealthInProgress, "NotCurrent: status.size is 2"},
		{"number", widget(Check{Path: "status.ratio", Op: "<", Value: 0.75}), HealthCurrent, "Current: status.ratio is 0.5"},
		{"int against float", widget(Check{Path: "status.size", Op: "<=", Value: int64(2)}), HealthCurrent, "Current: status.size is 2"},
		{"boolean", widget(Check{Path: "status.ok", Value: true}), HealthCurrent, "Current: status.ok is true"},
		{"in", widget(Check{Path: "status.phase", Op: "in", Value: []any{"Ready", "Growing"}}), HealthCurrent, "Current: status.phase is Growing"},
		{"in nothing", widget(Check{Path: "status.phase", Op: "in", Value: []string{}}), HealthInProgress, "NotCurrent: status.phase is Growing"},
		{"exists", widget(Check{Path: "status.map", Op: "exists"}), HealthCurrent, "Current: status.map is there"},
		{"absent", widget(Check{Path: "status.none", Op: "absent"}), HealthCurrent, "Current: status.none is absent"},
		{"entry", widget(Check{Path: "status.list[name=a].n", Value: 1}), HealthCurrent, "Current: status.list[name=a].n is 1"},
		{"absent equals nothing", widget(Check{Path: "status.none", Value: 0}), HealthInProgress, "NotCurrent: status.none is absent"},
		{"absent differs", widget(Check{Path: "status.none", Op: "!=", Value: 0}), HealthCurrent, "Current: status.none is absent"},
		{"default", widget(Check{Path: "status.none", Value: 0, Default: 0}), HealthCurrent, "Current: status.none is 0"},
		{"failed first", Rule{Group: "example.com", Kind: "Widget", Failed: []Check{{Path: "status.phase", Value: "Growing"}}, Current: []Check{{Path: "status.ok", Value: true}}}, HealthFailed, "Failed: status.phase is Growing"},
		{"nothing is current", widget(), HealthUnknown, "NoRule: the rule does not say what is current"},
		{"another kind", Rule{Group: "example.com", Kind: "Gadget", Current: []Check{{Path: "kind", Op: "exists"}}}, HealthUnknown, "NoRule: no rule for this kind and no condition that tells"},
		{"wrong type", widget(Check{Path: "status.phase", Value: 3}), HealthUnknown, "Malformed: status.phase: a string cannot be compared with a number"},
		{"words have no order", widget(Check{Path: "status.phase", Op: "<", Value: "x"}), HealthUnknown, "Malformed: status.phase: status: invalid check: < compares numbers"},
		{"no operator", widget(Check{Path: "status.phase", Op: "~", Value: "x"}), HealthUnknown, `Malformed: status.phase: status: invalid check: no operator "~"`},
		{"no path", widget(Check{Path: "status..phase", Op: "exists"}), HealthUnknown, `Malformed: status..phase: status: invalid path "status..phase": no field name at ".phase"`},
		{"through a word", widget(Check{Path: "status.phase.x", Op: "exists"}), HealthUnknown, "Malformed: status.phase.x: status.phase is not an object"},
		{"in what", widget(Check{Path: "status.phase", Op: "in", Value: "Growing"}), HealthUnknown, "Malformed: status.phase: status: invalid check: in wants a list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			health, why := Assess(live, c.rule)
			require.Equal(t, c.health, health, why)
			require.Equal(t, c.why, why)

			raw, err := json.Marshal(c.rule)
			require.NoError(t, err)
			var stored Rule
			require.NoError(t, json.Unmarshal(raw, &stored))
			health, why = Assess(live, stored)
			require.Equal(t, c.health, health, "after JSON")
			require.Equal(t, c.why, why)
		})
	}
}

func TestRulesComeFirst(t *testing.T) {
	rule := Rule{Group: "apps", Kind: "Deployment", Current: []Check{{Path: "status.readyReplicas", Op: ">=", Value: 5, Default: 0}}}
	health, _ := Assess(settledDeployment(), rule)
	require.Equal(t, HealthInProgress, health, "the caller's rule replaces the known one")

	gone := settledDeployment()
	gone["metadata"].(map[string]any)["deletionTimestamp"] = "2026-03-01T10:00:00Z"
	health, _ = Assess(gone, rule)
	require.Equal(t, HealthTerminating, health)
}
