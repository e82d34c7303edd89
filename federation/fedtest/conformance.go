package fedtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
)

// TestClient proves that the client that factory makes is a federation.ClusterClient, as sub-tests of t: that it
// keeps the interface's contract, and that the story of every scenario of Transcript is the same as in memory, line
// by line. Scenarios that write through a PUT or a subresource are skipped, with the reason, unless the client also
// has Member's methods Update, Status and Scale.
//
// The cluster must let the client create namespaces and CustomResourceDefinitions. What the suite makes has names of
// its own and is deleted in the end, also after a failure. Several runs may share a cluster. Controllers that write to
// workloads are waited for where they get in the way.
func TestClient(t *testing.T, factory func(t *testing.T) federation.ClusterClient) {
	client := factory(t)
	r, err := begin(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.end(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	for _, c := range contract() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.check(t.Context(), client, r.name); err != nil {
				t.Error(err)
			}
		})
	}
	model := run{client: &Member{}, name: r.name, story: r.story}
	if err := model.place(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sc := range r.story.Scenarios {
		t.Run(sc.Name, func(t *testing.T) {
			if verb := sc.needs(client); verb != "" {
				t.Skipf("the client cannot %s", verb)
			}
			want, err := model.tell(t.Context(), sc, 0)
			if err != nil {
				t.Fatal(err)
			}
			first := r.compare(t.Context(), sc, 0, want)
			if first == nil {
				return
			}
			// Controllers may have come between two steps: give them time.
			if err := r.remove(t.Context(), r.story.Objects[sc.Object]); err != nil {
				t.Error(err)
			}
			if err := r.compare(t.Context(), sc, time.Second/4, want); err != nil {
				t.Errorf("%v\nand with time for controllers:\n%v", first, err)
			}
		})
	}
}

// Transcript runs every scenario of the suite against a cluster, and writes down what happened: each step with the
// changes that its answer shows, in the object and in who owns which field, or with the error. Two servers that do the
// same give the same lines: what they choose freely is replaced by a name for it, namely the names of the run, UIDs,
// resourceVersions, times, cluster IPs and node ports; and what controllers do at any time (entries of managers that
// are not in the scenario, a status that it does not speak of) is left out.
//
// See TestClient for what it needs. An error means that a scenario could not be run, or that ctx has ended.
func Transcript(ctx context.Context, client federation.ClusterClient) (lines []string, err error) {
	r, err := begin(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, sc := range r.story.Scenarios {
		if verb := sc.needs(client); verb != "" {
			lines = append(lines, "== "+sc.Name+" (left out: the client cannot "+verb+")")
			continue
		}
		told, err := r.tell(ctx, sc, 0)
		lines = append(append(lines, "== "+sc.Name), told...)
		if err != nil {
			return lines, err
		}
	}
	return lines, r.end(ctx)
}

// run is one run of the suite against one cluster.
type run struct {
	client federation.ClusterClient
	name   string // of the run and of its namespace
	story  story
}

// begin reads the scenarios under a new name and makes their namespace.
func begin(ctx context.Context, client federation.ClusterClient) (*run, error) {
	random := make([]byte, 5)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	r := &run{client: client, name: "fedtest-" + hex.EncodeToString(random)}
	var err error
	if r.story, err = readStory(r.name); err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	return r, r.place(ctx)
}

func (r *run) namespace() *unstructured.Unstructured {
	namespace := &unstructured.Unstructured{}
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetName(r.name)
	return namespace
}

func (r *run) place(ctx context.Context) error {
	if _, err := r.client.Create(ctx, r.namespace(), metav1.CreateOptions{FieldManager: "fedtest"}); err != nil {
		return fmt.Errorf("namespace %s: %w", r.name, err)
	}
	return nil
}

// end deletes the namespace and everything that lives outside it.
func (r *run) end(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(r.story.Objects)) {
		if err := r.remove(ctx, r.story.Objects[name]); err != nil {
			return err
		}
	}
	return r.remove(ctx, r.namespace().Object)
}

// remove deletes an object that has a name of its own: the others live in the namespace.
func (r *run) remove(ctx context.Context, content map[string]any) error {
	obj := &unstructured.Unstructured{Object: content}
	if obj.GetName() == "" {
		return nil
	}
	if err := r.client.Delete(ctx, obj.GroupVersionKind(), nameOf(obj), metav1.DeleteOptions{}); err != nil && !gone(err) {
		return fmt.Errorf("%s %s: %w", obj.GetKind(), obj.GetName(), err)
	}
	return nil
}

// compare runs a scenario and returns how it differs from what is wanted.
func (r *run) compare(ctx context.Context, sc scenario, pace time.Duration, want []string) error {
	got, err := r.tell(ctx, sc, pace)
	if err != nil {
		return err
	}
	if text := difference(want, got); text != "" {
		return errors.New(text)
	}
	return nil
}

// difference shows the first line where two transcripts part, with the step that it belongs to.
func difference(want, got []string) string {
	step := ""
	for i := range max(len(want), len(got)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return "(nothing more)"
		}
		if line(want) != line(got) {
			return fmt.Sprintf("line %d, after step %q:\nan API server: %s\nthe client:    %s", i+1, step, line(want), line(got))
		}
		if want[i] != "" && want[i][0] != ' ' {
			step = want[i]
		}
	}
	return ""
}
