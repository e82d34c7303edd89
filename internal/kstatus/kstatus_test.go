package kstatus

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/confed-project/confed/status"
	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden file anew")

// theirs is the verdict of kstatus; an error of it is Unknown.
func theirs(live map[string]any) (status.Health, string) {
	r, err := kstatus.Compute(&unstructured.Unstructured{Object: live})
	if err != nil {
		return status.HealthUnknown, err.Error()
	}
	return status.Health(r.Status), r.Message
}

// difference is one way in which Assess deviates on purpose.
type difference struct {
	name  string
	kinds string // separated by spaces, or empty for all
	from  string // kstatus says; empty: anything, error: it gives up
	to    status.Health
	when  string // beginning of what Assess says why
	why   string
	field string // path=value that the object has besides; empty: whatever it has
}

func differences() []difference {
	return []difference{
		{"load balancer without address", "Service", "Current", status.HealthInProgress, "NoAddress", "a load balancer that has no address serves nobody", ""},
		{"running job", "Job", "Current", status.HealthInProgress, "JobRunning", "work that is not done is not current", ""},
		{"suspended job", "Job", "Current", status.HealthInProgress, "JobSuspended", "work that is not done is not current", ""},
		{"failing job", "Job", "Current", status.HealthInProgress, "JobFailing", "work that is not done is not current", ""},
		{"failed and complete job", "Job", "Current", status.HealthFailed, "", "both conditions never come together; kstatus takes the one that is listed first", ""},
		{"failed pod", "Pod", "Current", status.HealthFailed, "", "a pod whose work failed is not current", ""},
		{"pod that cannot start", "Pod", "InProgress", status.HealthFailed, "", "init containers and pending pods crash and miss images too; kstatus looks only at the containers of running pods", ""},
		{"unschedulable pod", "Pod", "Failed", status.HealthInProgress, "Unschedulable", "kstatus gives it 15 seconds by the clock; a node may be added at any time, and the same status must give the same verdict", ""},
		{"on-delete daemon set", "DaemonSet", "InProgress", status.HealthCurrent, "", "whoever deletes the pods decides when they are updated; kstatus waits for ever", "spec.updateStrategy.type=OnDelete"},
		{"on-delete stateful set", "StatefulSet", "Current", status.HealthInProgress, "", "pods that are missing or not ready count under every strategy", "spec.updateStrategy.type=OnDelete"},
		{"stateful set with minReadySeconds", "StatefulSet", "Current", status.HealthInProgress, "LessAvailable", "ready is not yet available", ""},
		{"paused deployment", "Deployment", "InProgress", status.HealthCurrent, "", "a paused rollout with all replicas updated and available waits for nothing; kstatus wants NewReplicaSetAvailable, which the controller replaced by DeploymentPaused", "spec.paused=true"},
		{"lost claim", "PersistentVolumeClaim", "InProgress", status.HealthFailed, "Lost", "a lost volume does not come back", ""},
		{"budget that cannot be computed", "PodDisruptionBudget", "Current", status.HealthFailed, "SyncFailed", "kstatus predates the condition", ""},
		{"definition with contrary conditions", "CustomResourceDefinition", "", status.HealthFailed, "", "names that were not accepted and an establishment that failed are failures wherever they are listed; kstatus takes the condition that comes first", ""},
		{"no address of an ingress", "Ingress", "Current", status.HealthInProgress, "NoAddress", "kstatus has no rule for the kind and calls it current", ""},
		{"autoscaler", "HorizontalPodAutoscaler", "Current", status.HealthInProgress, "", "kstatus has no rule for the kind and calls it current", ""},
		{"volume in progress", "PersistentVolume", "Current", status.HealthInProgress, "", "kstatus has no rule for the kind and calls it current", ""},
		{"failed volume", "PersistentVolume", "Current", status.HealthFailed, "", "kstatus has no rule for the kind and calls it current", ""},
		{"namespace", "Namespace", "Current", status.HealthInProgress, "", "kstatus has no rule for the kind and calls it current", ""},
		{"replication controller", "ReplicationController", "Current", status.HealthInProgress, "", "kstatus has no rule for the kind and calls it current", ""},
		{"no rule", "Widget MyCR", "Current", status.HealthUnknown, "NoRule", "without a rule and without a condition nothing is known", ""},
		{"failed by condition", "Widget", "", status.HealthFailed, "", "a condition Failed that is True is a failure", ""},
		{"available by condition", "Widget", "Current", status.HealthInProgress, "NotAvailable", "a condition Available that is not True is progress, as it is for Ready", ""},
		{"stale condition", "Widget", "Current", status.HealthInProgress, "StaleCondition", "a condition that was made for an earlier generation says nothing of this one", ""},
		{"always current, with a conventional condition", "CronJob", "", status.HealthCurrent, "Current: exists", "the kind has no conditions", ""},
		{"wrong types", "", "", status.HealthUnknown, "Malformed", "kstatus takes a default for a number or word of the wrong type, and fails on others; a status that cannot be read says nothing", ""},
		{"field that decides nothing", "", "error", status.HealthFailed, "", "kstatus gives up on a field of the wrong type also when another one has decided", ""},
		{"read without its status", "", "", status.HealthUnknown, "NoStatus", "an object read without spec and status, as metadata-only caches do, says nothing", ""},
	}
}

func (d difference) fits(live map[string]any) bool {
	path, want, found := strings.Cut(d.field, "=")
	if !found {
		return true
	}
	have, _, _ := unstructured.NestedFieldNoCopy(live, strings.Split(path, ".")...)
	return fmt.Sprint(have) == want
}

func explain(live map[string]any, from, to status.Health, why string) []string {
	kind, _ := live["kind"].(string)
	var names []string
	for _, d := range differences() {
		if (d.kinds == "" || slices.Contains(strings.Fields(d.kinds), kind)) && (d.from == "" || d.from == string(from) || d.from == "error" && from == "") && d.to == to && strings.HasPrefix(why, d.when) && d.fits(live) {
			names = append(names, d.name)
		}
	}
	return names
}

// compare records a justified difference and complains about any other.
func compare(t *testing.T, live map[string]any, seen map[string]string) {
	t.Helper()
	from, theirWhy := theirs(live)
	to, why := status.Assess(live)
	if from == to {
		return
	}
	kind, _ := live["kind"].(string)
	names := explain(live, from, to, why)
	if len(names) == 0 {
		raw, _ := yaml.Marshal(live)
		t.Fatalf("%s: kstatus says %q (%s), Assess %q (%s):\n%s", kind, from, theirWhy, to, why, raw)
	}
	for _, name := range names {
		if _, ok := seen[name]; !ok {
			seen[name] = fmt.Sprintf("%s: kstatus %q (%s), Assess %q (%s)", kind, from, theirWhy, to, why)
		}
	}
}

// TestTheirOwnCases takes every manifest out of the tests of kstatus.
func TestTheirOwnCases(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/fluxcd/cli-utils").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(strings.TrimSpace(string(out)), "pkg", "kstatus", "status", "status_compute_test.go")
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		lit, ok := node.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING || !strings.Contains(lit.Value, "kind:") {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		if live := decode(text); live["kind"] != nil {
			n++
			compare(t, live, map[string]string{})
		}
		return true
	})
	if n < 50 {
		t.Fatalf("only %d manifests found in %s", n, path)
	}
}

// decode returns nothing for what is no manifest.
func decode(text string) map[string]any {
	raw, err := yaml.YAMLToJSON([]byte(text))
	var u unstructured.Unstructured
	if err != nil || u.UnmarshalJSON(raw) != nil {
		return nil
	}
	return u.Object
}

// TestRandomStatuses makes up statuses for every kind; all that differs must be listed, and all that is listed must occur.
func TestRandomStatuses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	seen := map[string]string{}
	for range 60000 {
		compare(t, randomObject(r), seen)
	}
	var b strings.Builder
	for _, d := range differences() {
		example, ok := seen[d.name]
		if !ok {
			t.Errorf("%q never occurred", d.name)
		}
		fmt.Fprintf(&b, "%s: %s\n  %s\n", d.name, d.why, example)
	}
	const golden = "testdata/differences.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func randomObject(r *rand.Rand) map[string]any {
	kinds := kinds()
	k := kinds[r.IntN(len(kinds))]
	api, kind, _ := strings.Cut(k.gvk, " ")
	meta := map[string]any{"name": "x", "creationTimestamp": "2020-01-01T00:00:00Z"}
	o := map[string]any{"apiVersion": api, "kind": kind, "metadata": meta}
	if r.IntN(3) > 0 {
		meta["generation"] = int64(1 + r.IntN(8)/7)
	}
	if r.IntN(60) == 0 {
		meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
	}
	if r.IntN(60) == 0 {
		return o
	}
	o["spec"], o["status"] = map[string]any{}, map[string]any{}
	fill(r, o, "spec", k.spec)
	fill(r, o, "status", k.stat)
	in := o["status"].(map[string]any)
	if r.IntN(3) > 0 {
		in["observedGeneration"] = int64(1 + r.IntN(8)/7)
	}
	if len(k.conditions) > 0 {
		in["conditions"] = randomConditions(r, k.conditions)
	}
	if r.IntN(60) == 0 {
		spoil(r, o)
	}
	return o
}

// fill sets dotted paths to one of their values; an empty word leaves the field out.
func fill(r *rand.Rand, o map[string]any, part string, fields map[string][]any) {
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		values := fields[path]
		if v := values[r.IntN(len(values))]; v != "" {
			if err := unstructured.SetNestedField(o, v, append([]string{part}, strings.Split(path, ".")...)...); err != nil {
				panic(err)
			}
		}
	}
}

// randomConditions writes "Type/Reason" with any status.
func randomConditions(r *rand.Rand, kinds []string) []any {
	var list []any
	used := map[string]bool{}
	for range r.IntN(len(kinds) + 1) {
		kind, reason, _ := strings.Cut(kinds[r.IntN(len(kinds))], "/")
		if used[kind] {
			continue
		}
		used[kind] = true
		c := map[string]any{"type": kind, "status": []any{"True", "True", "True", "False", "False", "Unknown"}[r.IntN(6)], "message": "said so"}
		if reason != "" {
			c["reason"] = reason
		}
		if kind == "Ready" && r.IntN(6) == 0 {
			c["observedGeneration"] = int64(1)
		}
		list = append(list, c)
	}
	return list
}

// spoil gives one field a value of another type.
func spoil(r *rand.Rand, o map[string]any) {
	in := o[[]string{"spec", "status"}[r.IntN(2)]].(map[string]any)
	keys := slices.Sorted(maps.Keys(in))
	if len(keys) == 0 {
		return
	}
	in[keys[r.IntN(len(keys))]] = []any{"x", int64(-2), true, map[string]any{"a": "b"}, []any{}}[r.IntN(5)]
}
