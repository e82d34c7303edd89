package fedtest

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
)

var update = flag.Bool("update", false, "write the golden files")

func TestAMemberIsAClient(t *testing.T) {
	TestClient(t, func(*testing.T) federation.ClusterClient { return &Member{} })
}

func TestWhatAClientCannotIsLeftOut(t *testing.T) {
	lines, err := Transcript(t.Context(), struct{ federation.ClusterClient }{&Member{}})
	require.NoError(t, err)
	require.Contains(t, lines, "== replicas are scaled (left out: the client cannot scale)")
	require.Contains(t, lines, "== a value is changed")
}

// TestTranscriptStaysTrue keeps what was found to be the same on a real API server. Long answers are cut to their
// length and a digest.
func TestTranscriptStaysTrue(t *testing.T) {
	lines, err := Transcript(t.Context(), &Member{})
	require.NoError(t, err)
	var text, answer []string
	flush := func() {
		if len(answer) > 12 {
			answer = append(answer[:3], fmt.Sprintf("  … %d lines more, %.4x", len(answer)-3, sha256.Sum256([]byte(strings.Join(answer[3:], "\n")))))
		}
		text, answer = append(text, answer...), nil
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "  ") {
			answer = append(answer, line)
			continue
		}
		flush()
		text = append(text, line)
	}
	flush()
	golden := filepath.Join("testdata", "transcript.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(strings.Join(text, "\n")+"\n"), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, strings.Split(strings.TrimSpace(string(want)), "\n"), text)
}

func TestTheSuiteIsAsWideAsItSays(t *testing.T) {
	s, err := readStory("run")
	require.NoError(t, err)
	names, kinds, edited := map[string]bool{}, map[any]bool{}, 0
	for _, sc := range s.Scenarios {
		require.False(t, names[sc.Name], sc.Name)
		names[sc.Name] = true
		for _, step := range sc.Do {
			if strings.HasPrefix(step, "them ") || strings.HasPrefix(step, "hpa ") || strings.HasPrefix(step, "vpa ") {
				kinds[s.Objects[sc.Object]["kind"]] = true
				edited++
				break
			}
		}
	}
	require.GreaterOrEqual(t, edited, 30)
	require.GreaterOrEqual(t, len(kinds), 8)
}

// liar is a client that does one thing wrong.
type liar struct {
	*Member
	get    func(context.Context, schema.GroupVersionKind, types.NamespacedName) (*unstructured.Unstructured, error)
	create func(context.Context, *unstructured.Unstructured, metav1.CreateOptions) (*unstructured.Unstructured, error)
	patch  func(context.Context, *unstructured.Unstructured, []byte, metav1.PatchOptions) (*unstructured.Unstructured, error)
	delete func(context.Context, schema.GroupVersionKind, types.NamespacedName, metav1.DeleteOptions) error
}

func (l *liar) Get(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	if l.get != nil {
		return l.get(ctx, gvk, name)
	}
	return l.Member.Get(ctx, gvk, name)
}

func (l *liar) Create(ctx context.Context, obj *unstructured.Unstructured, opts metav1.CreateOptions) (*unstructured.Unstructured, error) {
	if l.create != nil {
		return l.create(ctx, obj, opts)
	}
	return l.Member.Create(ctx, obj, opts)
}

func (l *liar) Patch(ctx context.Context, obj *unstructured.Unstructured, jsonPatch []byte, opts metav1.PatchOptions) (*unstructured.Unstructured, error) {
	if l.patch != nil {
		return l.patch(ctx, obj, jsonPatch, opts)
	}
	return l.Member.Patch(ctx, obj, jsonPatch, opts)
}

func (l *liar) Delete(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName, opts metav1.DeleteOptions) error {
	if l.delete != nil {
		return l.delete(ctx, gvk, name, opts)
	}
	return l.Member.Delete(ctx, gvk, name, opts)
}

type unstructuredObject = unstructured.Unstructured

// TestLiesShow proves that the suite finds what a client may get wrong.
func TestLiesShow(t *testing.T) {
	ctx := t.Context()
	require.False(t, shows(t, &Member{}))
	member := &Member{}
	var shared *unstructuredObject
	force := true
	for name, l := range map[string]*liar{
		"applies always by force": {patch: func(ctx context.Context, obj *unstructuredObject, p []byte, o metav1.PatchOptions) (*unstructuredObject, error) {
			o.Force = &force
			return member.Patch(ctx, obj, p, o)
		}},
		"forgets a dry run": {create: func(ctx context.Context, obj *unstructuredObject, o metav1.CreateOptions) (*unstructuredObject, error) {
			o.DryRun = nil
			return member.Create(ctx, obj, o)
		}},
		"forgets the manager": {create: func(ctx context.Context, obj *unstructuredObject, _ metav1.CreateOptions) (*unstructuredObject, error) {
			return member.Create(ctx, obj, metav1.CreateOptions{})
		}},
		"creates with an apply": {create: func(ctx context.Context, obj *unstructuredObject, o metav1.CreateOptions) (*unstructuredObject, error) {
			return member.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: o.FieldManager, Force: &force, DryRun: o.DryRun})
		}},
		"forgets preconditions": {delete: func(ctx context.Context, gvk schema.GroupVersionKind, n types.NamespacedName, _ metav1.DeleteOptions) error {
			return member.Delete(ctx, gvk, n, metav1.DeleteOptions{})
		}},
		"takes not found for success": {delete: func(ctx context.Context, gvk schema.GroupVersionKind, n types.NamespacedName, o metav1.DeleteOptions) error {
			return client404(member.Delete(ctx, gvk, n, o))
		}},
		"returns neither object nor error": {get: func(ctx context.Context, gvk schema.GroupVersionKind, n types.NamespacedName) (*unstructuredObject, error) {
			obj, err := member.Get(ctx, gvk, n)
			return obj, client404(err)
		}},
		"applies a JSON patch": {patch: func(ctx context.Context, obj *unstructuredObject, _ []byte, o metav1.PatchOptions) (*unstructuredObject, error) {
			return member.Patch(ctx, obj, nil, o)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l.Member = member
			require.True(t, shows(t, l))
		})
	}
	broken := map[string]*liar{
		"an ended context ends a call, which has done nothing": {create: func(_ context.Context, obj *unstructuredObject, o metav1.CreateOptions) (*unstructuredObject, error) {
			return member.Create(ctx, obj, o)
		}},
		"given objects are left alone": {patch: func(ctx context.Context, obj *unstructuredObject, p []byte, o metav1.PatchOptions) (*unstructuredObject, error) {
			obj.SetLabels(map[string]string{"touched": "true"})
			return member.Patch(ctx, obj, p, o)
		}},
		"returned objects belong to the caller": {get: func(ctx context.Context, gvk schema.GroupVersionKind, n types.NamespacedName) (*unstructuredObject, error) {
			if shared == nil {
				shared, _ = member.Get(ctx, gvk, n)
			}
			return shared, nil
		}},
		"calls may run side by side": {create: func(ctx context.Context, obj *unstructuredObject, o metav1.CreateOptions) (*unstructuredObject, error) {
			return obj, nil
		}},
	}
	require.Len(t, broken, len(contract()))
	for _, c := range contract() {
		t.Run(c.name, func(t *testing.T) {
			l := broken[c.name]
			l.Member = member
			require.Error(t, c.check(ctx, l, "default"))
			require.NoError(t, c.check(ctx, &Member{}, "default"))
		})
	}
}

// shows tells whether some scenario gives a client away.
func shows(t *testing.T, client federation.ClusterClient) bool {
	t.Helper()
	r, err := begin(t.Context(), client)
	require.NoError(t, err)
	model := run{client: &Member{}, name: r.name, story: r.story}
	require.NoError(t, model.place(t.Context()))
	for _, sc := range r.story.Scenarios {
		want, err := model.tell(t.Context(), sc, 0)
		require.NoError(t, err)
		if r.compare(t.Context(), sc, 0, want) != nil {
			return true
		}
	}
	return false
}

func client404(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func TestEveryDefaultIsReadable(t *testing.T) {
	for line := range strings.Lines(builtinDefaults) {
		if strings.HasPrefix(line, "\t") {
			continue
		}
		_, rules := defaultsOf(strings.TrimSpace(line))
		for _, rule := range rules {
			text, isText := rule.value.(string)
			require.False(t, isText && strings.Contains(text, "invalid character"), "%s: %v: %s", line, rule.path, text)
			require.NotEqual(t, []string{"new"}, rule.path, "%s: new comes first", line)
		}
	}
}
