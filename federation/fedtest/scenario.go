package fedtest

import (
	"context"
	_ "embed" // scenarios.yaml
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
)

//go:embed scenarios.yaml
var scenariosYAML string

// story is a list of scenarios, and the objects that they start with.
type story struct {
	Objects   map[string]map[string]any `json:"objects"`
	Scenarios []scenario                `json:"scenarios"`
}

// scenario is what happens to one object.
type scenario struct {
	Name   string   `json:"name"`
	Object string   `json:"object"`
	Status bool     `json:"status"` // the status is part of the story
	Do     []string `json:"do"`
}

// readStory reads the scenarios for one run. The name of the run goes into the names of all that it makes.
func readStory(run string) (story, error) {
	var s story
	err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(scenariosYAML, "RUN", run)), &s)
	return s, err
}

// editor writes as somebody else, in ways that a ClusterClient cannot. Member is one.
type editor interface {
	Update(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error)
	Status(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error)
	Scale(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error)
}

// needs returns the first verb of a scenario that only an editor can do.
func (s scenario) needs(client federation.ClusterClient) string {
	if _, ok := client.(editor); ok {
		return ""
	}
	for _, step := range s.Do {
		if verb := strings.Fields(step)[1]; verb == "put" || verb == "status" || verb == "scale" {
			return verb
		}
	}
	return ""
}

// play is one scenario while it runs.
type play struct {
	client federation.ClusterClient
	run    string
	story  story
	wishes map[string]*unstructured.Unstructured // by who wishes
	name   string                                // of the object
	start  *unstructured.Unstructured
	seen   *unstructured.Unstructured // last answer; nil when there is none
}

// tell runs a scenario and returns what happened, a few lines for each step. An error means that the scenario makes
// no sense, not that a step has failed. With a pace, each step waits that long for controllers to be done with the one
// before, and the objects have other names.
func (r *run) tell(ctx context.Context, sc scenario, pace time.Duration) ([]string, error) {
	p := &play{client: r.client, run: r.name, story: r.story, name: strings.ReplaceAll(sc.Name, " ", "-")}
	if pace > 0 {
		p.name += again
	}
	if err := p.use(sc.Object); err != nil {
		return nil, err
	}
	t := newTranscript(r.name, sc)
	for _, step := range sc.Do {
		if err := p.settle(ctx, pace, t); err != nil {
			return nil, err
		}
		words := strings.SplitN(step, " ", 3)
		if len(words) < 2 {
			return nil, fmt.Errorf("%s: step %q: no verb", sc.Name, step)
		}
		words = append(words, "")
		obj, err := p.step(ctx, words[0], words[1], words[2])
		if errors.As(err, &stepError{}) {
			return nil, fmt.Errorf("%s: step %q: %w", sc.Name, step, err)
		}
		if obj == nil && err == nil && !silent(words[1]) {
			err = errNothing
		}
		t.step(step, obj, err)
		if obj != nil && !strings.HasSuffix(step, " dry") {
			p.seen = obj
		}
	}
	return t.lines, context.Cause(ctx)
}

// again is at the end of names in a second attempt.
const again = "-again"

// settle waits until controllers have had their time, and looks at what they have made of the object.
func (p *play) settle(ctx context.Context, pace time.Duration, t *transcript) error {
	if pace == 0 {
		return nil
	}
	if err := wait(ctx, pace); err != nil || p.seen == nil {
		return err
	}
	if obj, err := p.client.Get(ctx, p.seen.GroupVersionKind(), nameOf(p.seen)); err == nil && obj != nil {
		p.seen = obj
		t.version = obj.GetResourceVersion()
	}
	return nil
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// silent tells whether a step has no answer when it went well.
func silent(verb string) bool {
	return verb == "wish" || verb == "use" || strings.HasSuffix(verb, "served") || verb == "delete"
}

// use starts over with one of the story's objects.
func (p *play) use(name string) error {
	content, ok := p.story.Objects[name]
	if !ok {
		return fmt.Errorf("no object %q", name)
	}
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	p.start = &unstructured.Unstructured{}
	if err := p.start.UnmarshalJSON(data); err != nil {
		return err
	}
	if p.start.GetName() == "" {
		p.start.SetName(p.name)
		if namespace, found, _ := unstructured.NestedString(p.start.Object, "metadata", "namespace"); !found {
			p.start.SetNamespace(p.run)
		} else {
			p.start.SetNamespace(namespace) // removes an empty one
		}
	}
	p.wishes, p.seen = map[string]*unstructured.Unstructured{}, nil
	return nil
}

func (p *play) wish(who string) *unstructured.Unstructured {
	if p.wishes[who] == nil {
		p.wishes[who] = p.start.DeepCopy()
	}
	return p.wishes[who]
}

// stepError is a step that cannot be done as it is written.
type stepError struct{ error }

func (p *play) step(ctx context.Context, who, verb, how string) (*unstructured.Unstructured, error) {
	wish := p.wish(who)
	manager := strings.TrimPrefix(who, "-")
	var dry []string
	if how == "dry" {
		dry = []string{metav1.DryRunAll}
	}
	name := types.NamespacedName{Namespace: wish.GetNamespace(), Name: wish.GetName()}
	switch verb {
	case "use":
		return nil, stepFault(p.use(how))
	case "served", "unserved":
		return nil, p.served(ctx, verb == "served")
	case "wish":
		changed, err := patched(wish, how)
		p.wishes[who] = changed
		return nil, stepFault(err)
	case "get":
		return p.client.Get(ctx, wish.GroupVersionKind(), name)
	case "create":
		return p.client.Create(ctx, wish, metav1.CreateOptions{FieldManager: manager, DryRun: dry})
	case "apply", "force":
		force := verb == "force"
		return p.client.Patch(ctx, wish, nil, metav1.PatchOptions{FieldManager: manager, Force: &force, DryRun: dry})
	case "patch":
		if p.seen != nil {
			how = strings.NewReplacer("VERSION", p.seen.GetResourceVersion(), "UID", string(p.seen.GetUID())).Replace(how)
		}
		return p.client.Patch(ctx, p.start, []byte(how), metav1.PatchOptions{FieldManager: manager})
	case "delete":
		return nil, p.client.Delete(ctx, wish.GroupVersionKind(), name, p.deleteOptions(how, dry))
	}
	if p.seen == nil {
		return nil, stepError{fmt.Errorf("nothing was seen")}
	}
	return p.edit(ctx, manager, verb, how)
}

// edit does a step that starts from what was last seen.
func (p *play) edit(ctx context.Context, manager, verb, how string) (*unstructured.Unstructured, error) {
	obj := p.seen.DeepCopy()
	client, _ := p.client.(editor)
	switch verb {
	case "move", "stale", "release":
		data, err := handOver(obj, manager, verb)
		if err != nil {
			return nil, stepError{err}
		}
		return p.client.Patch(ctx, p.start, data, metav1.PatchOptions{FieldManager: manager})
	case "put":
		obj, err := patched(obj, how)
		if err != nil {
			return nil, stepError{err}
		}
		return client.Update(ctx, obj, manager)
	case "status":
		var status map[string]any
		if err := yaml.Unmarshal([]byte(how), &status); err != nil {
			return nil, stepError{err}
		}
		obj.Object["status"] = status
		return client.Status(ctx, obj, manager)
	case "scale":
		replicas, err := strconv.ParseInt(how, 10, 64)
		if err != nil {
			return nil, stepError{err}
		}
		if err := unstructured.SetNestedField(obj.Object, replicas, "spec", "replicas"); err != nil {
			return nil, stepError{err}
		}
		return client.Scale(ctx, obj, manager)
	}
	return nil, stepError{fmt.Errorf("unknown verb %q", verb)}
}

func stepFault(err error) error {
	if err != nil {
		return stepError{err}
	}
	return nil
}

// served waits until the object's kind is served, or is not. No server needs this long.
func (p *play) served(ctx context.Context, want bool) error {
	for range 100 {
		_, err := p.client.Get(ctx, p.start.GroupVersionKind(), nameOf(p.start))
		if meta.IsNoMatchError(err) != want {
			return nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return stepError{err}
		}
	}
	return fmt.Errorf("waited in vain until %s is served: %t", p.start.GroupVersionKind(), want)
}

func (p *play) deleteOptions(how string, dry []string) metav1.DeleteOptions {
	opts := metav1.DeleteOptions{DryRun: dry}
	uid, version := types.UID("00000000-0000-4000-8000-000000000000"), "1"
	if p.seen != nil && !strings.HasPrefix(how, "other-") {
		uid, version = p.seen.GetUID(), p.seen.GetResourceVersion()
	}
	switch how {
	case "uid", "other-uid":
		opts.Preconditions = &metav1.Preconditions{UID: &uid}
	case "version", "other-version":
		opts.Preconditions = &metav1.Preconditions{ResourceVersion: &version}
	}
	return opts
}

// patched returns a copy of obj with an RFC 6902 patch applied.
func patched(obj *unstructured.Unstructured, patch string) (*unstructured.Unstructured, error) {
	operations, err := jsonpatch.DecodePatch([]byte(patch))
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(obj.Object)
	if err != nil {
		return nil, err
	}
	options := jsonpatch.NewApplyOptions()
	options.EnsurePathExistsOnAdd = true
	if data, err = operations.ApplyWithOptions(data, options); err != nil {
		return nil, err
	}
	changed := &unstructured.Unstructured{}
	return changed, changed.UnmarshalJSON(data)
}

// handOver makes the patch that moves a manager's entry on the main resource from Update to Apply, that ages it, or
// that releases the object: takes it away, with the owner's label.
func handOver(obj *unstructured.Unstructured, manager, verb string) ([]byte, error) {
	entries := obj.GetManagedFields()
	kept := entries[:0]
	for _, e := range entries {
		if e.Manager == manager && e.Subresource == "" {
			switch verb {
			case "move":
				e.Operation = metav1.ManagedFieldsOperationApply
			case "stale":
				e.APIVersion += "beta0"
			case "release":
				continue
			}
		}
		kept = append(kept, e)
	}
	operations := []map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": obj.GetResourceVersion()},
		{"op": "replace", "path": "/metadata/managedFields", "value": kept},
	}
	if labels := maps.Clone(obj.GetLabels()); verb == "release" && labels["confed.dev/owner"] != "" {
		operations = append(operations, map[string]any{"op": "remove", "path": "/metadata/labels/confed.dev~1owner"})
	}
	return json.Marshal(operations)
}

func nameOf(obj *unstructured.Unstructured) types.NamespacedName {
	return types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}
