package command

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
)

// want is one argument: a kind, and a name or all of that kind.
type want struct{ kind, name string }

// parseWants reads arguments: none, KIND, KIND NAME… or KIND/NAME….
func parseWants(args []string) ([]want, error) {
	var wants []want
	switch {
	case len(args) == 0:
	case strings.Contains(args[0], "/"):
		for _, arg := range args {
			kind, name, ok := strings.Cut(arg, "/")
			if !ok || name == "" {
				return nil, hint(fmt.Errorf("%q is not KIND/NAME", arg), "either all arguments are KIND/NAME, or the first is a kind and the others are names")
			}
			wants = append(wants, want{kind, name})
		}
	case len(args) == 1:
		wants = append(wants, want{args[0], ""})
	default:
		for _, name := range args[1:] {
			wants = append(wants, want{args[0], name})
		}
	}
	return wants, nil
}

// matcher is the condition that arguments make: for objects of files by all spellings of their kind.
func (a *app) matcher(wants []want) func(*wish) bool {
	return func(w *wish) bool {
		if len(wants) == 0 {
			return a.inNamespace(w)
		}
		for _, want := range wants {
			if (want.name == "" || want.name == w.source.GetName()) && w.is(want.kind) && a.inNamespace(w) {
				return true
			}
		}
		return false
	}
}

func (a *app) inNamespace(w *wish) bool {
	if a.allNamespaces || a.flags == nil || *a.flags.Namespace == "" {
		return true
	}
	return w.source.GetNamespace() == "" || w.source.GetNamespace() == *a.flags.Namespace
}

// is says whether the object or its target is of a kind, in any spelling: Deployment, deployments, deployments.apps,
// federateddeployments.
func (w *wish) is(kind string) bool {
	kind = strings.ToLower(kind)
	target := w.object.Template.GroupVersionKind()
	for _, gvk := range []struct{ group, kind string }{{target.Group, target.Kind}, {w.source.GroupVersionKind().Group, w.source.GetKind()}} {
		plural, _ := meta.UnsafeGuessKindToResource(target)
		if gvk.kind != target.Kind {
			plural, _ = meta.UnsafeGuessKindToResource(w.source.GroupVersionKind())
		}
		for _, name := range []string{strings.ToLower(gvk.kind), plural.Resource} {
			if kind == name || kind == name+"."+gvk.group {
				return true
			}
		}
	}
	return false
}

// matching leaves the wishes that match. Errors of objects that nobody can read pass, since they may be the ones meant.
func matching(wishes iter.Seq2[*wish, error], match func(*wish) bool) iter.Seq2[*wish, error] {
	return func(yield func(*wish, error) bool) {
		for w, err := range wishes {
			if (err != nil || match(w)) && !yield(w, err) {
				return
			}
		}
	}
}

// objectArgs wants exactly one object.
func objectArgs(args []string) error {
	if len(args) == 2 && !strings.Contains(args[0], "/") || len(args) == 1 && strings.Contains(args[0], "/") {
		return nil
	}
	return hint(errors.New("one object is needed"), "KIND NAME or KIND/NAME, such as deployment/web")
}

// exactly wants so many arguments: none or one.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		takes := [...]string{"no argument", "one argument"}[n]
		return hint(fmt.Errorf("%s takes %s, not %d", cmd.CommandPath(), takes, len(args)), "%s", cmd.UseLine())
	}
}

// noSuchCommand refuses what is no command below this one. cobra itself does so for the root alone.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := cmd.CommandPath() + " --help lists the commands"
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text = "did you mean " + strings.Join(near, " or ") + "? " + text
	}
	return hint(fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath()), "%s", text)
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }
