package federation_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// spots are the places in a Secret, or near one, where a value may stand.
func spots(doc map[string]any, key, value string) []func() {
	put := func(field string, v any) func() { return func() { doc[field] = v } }
	note := func(key string) func() {
		return func() {
			meta, _ := doc["metadata"].(map[string]any)
			if meta == nil {
				meta = map[string]any{}
				doc["metadata"] = meta
			}
			meta["annotations"] = map[string]any{key: `{"data":{"k":"` + value + `"}}`}
		}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	return []func(){
		put("data", map[string]any{key: encoded}), put("data", map[string]any{key: value}), put("stringData", map[string]any{key: value}),
		put("data", map[string]any{key: map[string]any{key: value}}), put("data", []any{value}), put("data", value), put("stringData", value),
		put("stringdata", map[string]any{key: value}), put("spec", map[string]any{key: []any{map[string]any{"name": "x", key: value}}}),
		note("kubectl.kubernetes.io/last-applied-configuration"), note("kapp.k14s.io/original"), put("data", map[string]any{key: nil, "other": encoded}),
	}
}

// edits are overrides that carry a value, or fail over one.
func edits(key, value string) []override.Edit {
	return []override.Edit{
		override.Patch{Op: "add", Path: "/data/" + key, Value: value}, override.Patch{Op: "test", Path: "/data/k", Value: value},
		override.Patch{Op: "replace", Path: "/data", Value: value}, override.Patch{Op: "add", Path: "/data/-", Value: map[string]any{"x": value}},
		override.Merge{"data": map[string]any{key: value}}, override.Patch{Op: "copy", From: "/data/k", Path: "/metadata/annotations/" + key},
		override.Patch{Op: "add", Path: "/metadata/annotations", Value: map[string]any{"kapp.k14s.io/original": value}},
	}
}

// FuzzSecret plants a value in a Secret of any shape, in its override, in what is there and in what a member answers. Nothing
// that prints shows it, and a form that is masked cannot be carried out.
func FuzzSecret(f *testing.F) {
	for i := range uint16(64) {
		f.Add([]byte(`{"type":"Opaque","data":{"k":"eA=="}}`), "k", i*1031)
	}
	f.Add([]byte(`{"metadata":{"annotations":{"a":"b"},"labels":{"c":"d"}}}`), "a.b", uint16(7))
	f.Add([]byte(`{"data":[],"stringData":null,"metadata":[]}`), "-", uint16(9))
	f.Fuzz(func(t *testing.T, shape []byte, key string, bits uint16) {
		var doc, live map[string]any
		if json.Unmarshal(shape, &doc) != nil || doc == nil || strings.Contains(string(shape)+key, canary) || !json.Valid([]byte(`"`+key+`"`)) {
			return
		}
		if meta, ok := doc["metadata"].(map[string]any); !ok || meta == nil {
			doc["metadata"] = map[string]any{}
		}
		places := spots(doc, key, canary)
		places[int(bits)%len(places)]()
		identify(doc)
		data, err := json.Marshal(doc)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &live))
		obj := federation.Object{Template: &object{Object: doc}, Placement: everywhere(), Adopt: federation.AdoptAlways}
		list := edits(key, canary)
		obj.Overrides = []federation.Override{{Clusters: placement.Policy{Clusters: []string{"b"}}, Layer: override.Layer{Name: "l",
			Edits: []override.Edit{list[int(bits>>4)%len(list)]}}}}
		places = spots(live, key, canary)
		places[int(bits>>8)%len(places)]()
		identify(live)
		printed, plan := printAll(t, obj, live)
		for _, secret := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))} {
			require.NotContains(t, printed, secret)
		}
		masked, err := json.Marshal(plan)
		require.NoError(t, err)
		var back federation.Plan
		require.NoError(t, json.Unmarshal(masked, &back))
		require.True(t, back.Redacted || len(plan.Steps) == 0)
	})
}

func identify(doc map[string]any) {
	doc["apiVersion"], doc["kind"] = "v1", "Secret"
	meta, _ := doc["metadata"].(map[string]any)
	meta["name"], meta["namespace"] = "s", "default"
}

// printAll plans the object for a cluster without it, one with an override and one that holds the live object, carries the
// plan out in members that quote the value in their refusals, and returns everything that prints.
func printAll(t *testing.T, obj federation.Object, live map[string]any) (string, federation.Plan) {
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "a"}, {Name: "b"}, {Name: "c"}})
	require.NoError(t, err)
	snap := federation.Snapshot{Fleet: fleet, Observed: map[federation.Key]federation.Observation{}}
	for _, ref := range planner().Targets(obj, snap) {
		snap.Observed[ref.Key()] = federation.Observation{State: federation.Absent}
		if ref.Cluster == "c" {
			snap.Observed[ref.Key()] = federation.Observation{State: federation.Present, Live: &object{Object: live}}
		}
	}
	plan, err := planner().Plan(obj, snap)
	if err != nil {
		return err.Error(), plan
	}
	quoting := &fedtest.Member{}
	quoting.Break(fedtest.Fault{Before: func(context.Context, fedtest.Request) error {
		return apierrors.NewGenericServerResponse(422, "POST", metav1.SchemeGroupVersion.WithResource("secrets").GroupResource(), "s", "wrong: "+canary, 0, true)
	}})
	results := federation.Dispatcher{Clients: func(string) (federation.ClusterClient, error) { return quoting, nil }}.Dispatch(t.Context(), plan)
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	things := []any{plan, &plan, plan.Steps, results, federation.Statuses(results), plan.Errs, plan.Err()}
	for i := range plan.Steps {
		things = append(things, plan.Steps[i], &plan.Steps[i], results[i], &results[i])
	}
	for _, thing := range things {
		_, _ = fmt.Fprintf(&b, "%v %+v %#v %s %q\n", thing, thing, thing, thing, thing)
		data, err := json.Marshal(thing)
		require.NoError(t, err)
		b.Write(data)
		log.Info("thing", "thing", thing)
	}
	for _, cluster := range []string{"a", "b", "c"} {
		b.WriteString(plan.Explain(cluster))
	}
	for _, r := range results {
		_, _ = fmt.Fprintln(&b, r.Err, r.Message)
	}
	return b.String(), plan
}
