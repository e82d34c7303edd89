package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/federation/report"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const objects = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: shop}
stringData: {password: hunter2}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {greeting: "hello </script><b>|</b>", same: "yes"}
`

// plans are for three members that hold what an earlier pass left there; one of them goes dark on the way.
func plans(t testing.TB) []federation.Plan {
	t.Helper()
	members := fedtest.NewFleet("berlin", "boston", "paris")
	fleet, err := placement.NewFleet([]placement.Cluster{
		{Name: "berlin", Region: "eu"}, {Name: "boston", Region: "us"}, {Name: "paris", Region: "eu"},
	})
	require.NoError(t, err)
	snap := federation.Snapshot{Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Fleet: fleet}
	planner := federation.Planner{Owner: federation.Owner{Value: "test"}}
	observe := func(obj federation.Object) federation.Plan {
		plan, err := planner.Plan(obj, snap.With(federation.Observe(t.Context(), members.Clients, planner.Targets(obj, snap))))
		require.NoError(t, err)
		return plan
	}
	var out []federation.Plan
	namespace := wish(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
	federation.Dispatcher{Clients: members.Clients}.Dispatch(t.Context(), observe(namespace))
	for i, text := range strings.Split(objects, "---\n") {
		obj := wish(t, text)
		if i == 0 {
			obj.Replicas = &federation.Replicas{}
			obj.Placement = placement.Policy{Clusters: []string{"berlin", "boston", "rome"}}
			obj.Overrides = []federation.Override{{
				Clusters: placement.Policy{Clusters: []string{"boston"}},
				Layer:    override.Layer{Name: "us", Edits: []override.Edit{override.Patch{Path: "/spec/template/spec/containers/0/image", Value: "us.example/nginx"}}},
			}}
		} else {
			old := obj
			old.Template = obj.Template.DeepCopy()
			field := map[int]string{1: "stringData", 2: "data"}[i]
			require.NoError(t, unstructured.SetNestedField(old.Template.Object, "old", field, "password"))
			federation.Dispatcher{Clients: members.Clients}.Dispatch(t.Context(), observe(old))
		}
		if i == 2 {
			obj.Placement = placement.Policy{Clusters: []string{"berlin"}}
			members.Member("paris").Break(fedtest.Failing(errors.New("no \x1b[31mroute | to host")))
		}
		out = append(out, observe(obj))
	}
	return append(out, observe(namespace))
}

func wish(t testing.TB, text string) federation.Object {
	t.Helper()
	template := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	require.NoError(t, template.UnmarshalJSON(data)) // which keeps integers
	return federation.Object{Template: template, Placement: placement.Policy{Selector: &placement.Selector{}}}
}

func write(t *testing.T, o report.Options, plans []federation.Plan) (string, report.Totals) {
	t.Helper()
	var out bytes.Buffer
	w, err := report.New(&out, o)
	require.NoError(t, err)
	for _, p := range plans {
		require.NoError(t, w.Plan(p))
	}
	require.NoError(t, w.Fail(errors.New("document 7: not an object")))
	totals, err := w.Close()
	require.NoError(t, err)
	return out.String(), totals
}

func TestGolden(t *testing.T) {
	plans := plans(t)
	for name, o := range map[string]report.Options{
		"text.txt":       {},
		"changes.txt":    {Changes: true, All: true},
		"narrow.txt":     {Changes: true, Width: 80},
		"color.txt":      {Changes: true, Color: true},
		"diff.txt":       {Format: report.Diff},
		"diff-color.txt": {Format: report.Diff, Color: true},
		"plan.md":        {Format: report.Markdown, Title: "Plan for *shop*"},
		"plan.html":      {Format: report.HTML, Title: "Plan for <shop>"},
		"plan.json":      {Format: report.JSON},
		"plan.yaml":      {Format: report.YAML},
	} {
		t.Run(name, func(t *testing.T) {
			got, totals := write(t, o, plans)
			require.Equal(t, "2 create, 4 apply, 1 delete, 3 keep, 3 hold; 4 objects, 1 error", totals.String())
			require.True(t, totals.Steps.Writes())
			require.NotContains(t, got, "hunter2")
			require.NotContains(t, got, "aHVudGVyMg") // its base64
			require.Equal(t, o.Color, strings.Contains(got, "\x1b"), "control characters of a member reach the terminal, or colours do not")
			path := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), got))
		})
	}
}

func TestMachineForms(t *testing.T) {
	plans := plans(t)
	for _, list := range [][]federation.Plan{plans, nil} {
		for _, format := range []report.Format{report.JSON, report.YAML} {
			text, totals := write(t, report.Options{Format: format}, list)
			var got struct {
				Plans  []federation.Plan
				Errors []string
				Counts federation.Counts
			}
			require.NoError(t, yaml.Unmarshal([]byte(text), &got), "%s", text)
			require.Len(t, got.Plans, len(list))
			require.Equal(t, []string{"document 7: not an object"}, got.Errors)
			require.Equal(t, totals.Steps, got.Counts)
			for i, p := range got.Plans {
				require.Equal(t, list[i].String(), p.String())
			}
		}
	}
}

func TestEmpty(t *testing.T) {
	for _, format := range report.Formats() {
		var out bytes.Buffer
		w, err := report.New(&out, report.Options{Format: format})
		require.NoError(t, err)
		totals, err := w.Close()
		require.NoError(t, err)
		require.False(t, totals.Steps.Writes())
		require.Contains(t, out.String(), map[report.Format]string{
			report.JSON: `"plans": [`, report.YAML: "plans: []",
		}[format])
		if format != report.JSON && format != report.YAML {
			require.Contains(t, out.String(), "nothing to do; 0 objects")
		}
	}
	_, err := report.New(&bytes.Buffer{}, report.Options{Format: "xml"})
	require.ErrorIs(t, err, report.ErrFormat)
	require.ErrorContains(t, err, `"xml": want one of text, diff,`)
}

// Whoever reads along sees the first page before the last plan is there, and memory holds no more than a page.
func TestFirstPage(t *testing.T) {
	var out bytes.Buffer
	w, err := report.New(&out, report.Options{})
	require.NoError(t, err)
	plan := plans(t)[0]
	for range 60 {
		require.NoError(t, w.Plan(plan))
	}
	require.Positive(t, strings.Count(out.String(), "\n"))
	_, err = w.Close()
	require.NoError(t, err)
	require.Equal(t, 60, strings.Count(out.String(), "boston"))
}

func TestFlush(t *testing.T) {
	var out bytes.Buffer
	w, err := report.New(&out, report.Options{})
	require.NoError(t, err)
	require.NoError(t, w.Plan(plans(t)[0]))
	require.Empty(t, out.String())
	require.NoError(t, w.Flush())
	require.Contains(t, out.String(), "boston")
}

func TestMarkdownIsCut(t *testing.T) {
	one := plans(t)[0]
	for limit := range 5 {
		limit = 2000 * (limit + 1)
		var list []federation.Plan
		for i := range 400 {
			p := one
			p.Steps = append([]federation.Step(nil), one.Steps...)
			for j := range p.Steps {
				p.Steps[j].Ref.Name = fmt.Sprintf("web-%03d", i)
			}
			list = append(list, p)
		}
		text, totals := write(t, report.Options{Format: report.Markdown, Limit: limit}, list)
		require.LessOrEqual(t, len(text), limit)
		require.Equal(t, 400, totals.Objects)
		require.Contains(t, text, "objects are not listed")
		require.Equal(t, strings.Count(text, "<details>"), strings.Count(text, "</details>"))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWriterErrors(t *testing.T) {
	for _, format := range report.Formats() {
		w, err := report.New(broken{}, report.Options{Format: format})
		if err == nil {
			_, err = w.Close()
		}
		require.ErrorIs(t, err, os.ErrClosed)
	}
}

func BenchmarkText(b *testing.B) {
	list := plans(b)
	for b.Loop() {
		w, _ := report.New(&bytes.Buffer{}, report.Options{Changes: true})
		for range 1000 {
			_ = w.Plan(list[0])
		}
		_, _ = w.Close()
	}
}
