package confed_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/confed-project/confed"

// The tests of this file ask the go command, whose answers the test cache does not watch: run them with -count=1.

// packages is the plan of the tree, without the examples. A package that is not here fails the test, which is the
// moment to talk about it. The row says which packages of ours it may import, and how many packages of others one
// import of it may cost.
func packages() map[string]struct {
	ours   []string
	others int
} {
	type row = struct {
		ours   []string
		others int
	}
	return map[string]row{
		"":           {},
		"scheduling": {},
		"dnsrecord":  {},
		"override":   {others: 5},
		"placement":  {others: 30},
		"status":     {others: 70},
		"federation": {
			ours:   []string{"scheduling", "override", "placement", "status", "internal/ownership"},
			others: 80,
		},
		"federation/fedtest": {
			ours:   []string{"federation", "placement", "internal/smd/types"},
			others: 130,
		},
		"federation/report": {ours: []string{"federation", "override"}, others: 80},
		"federation/kubefed": {
			ours:   []string{"federation", "override", "placement", "scheduling", "status", "dnsrecord", "internal/ownership"},
			others: 80,
		},
		"clusterregistry": {ours: []string{"placement", "internal/pending"}, others: 30},
		"clusterregistry/kube": {
			ours:   []string{"clusterregistry", "federation", "placement", "internal/pending"},
			others: 150,
		},
		"internal/contract": {
			ours:   []string{"federation", "override", "placement", "scheduling"},
			others: 80,
		},
		"internal/model": {
			ours:   []string{"federation", "override", "placement", "scheduling"},
			others: 80,
		},
		"internal/pending":    {},
		"internal/ownership":  {others: 30},
		"internal/smd/types":  {others: 130},
		"internal/pinned":     {},
		"internal/pinned/pin": {ours: []string{"internal/pinned"}},
	}
}

// requirements are the modules that the library, its tests and its examples may require directly. Another one needs a
// record in docs/adr.
func requirements() []string {
	return []string{
		"github.com/evanphx/json-patch/v5",
		"github.com/go-logr/logr",
		"github.com/google/go-cmp",
		"github.com/stretchr/testify",
		"golang.org/x/sync",
		"k8s.io/apimachinery",
		"k8s.io/client-go",
		"sigs.k8s.io/structured-merge-diff/v6",
		"sigs.k8s.io/yaml",
	}
}

// forbidden returns the packages of others that a package of ours must not reach, neither itself nor through somebody
// else: what is for tests; the client; and for the one package that holds it, what drags in every typed API.
func forbidden(name string) []string {
	out := []string{
		"k8s.io/component-base",
		"sigs.k8s.io/structured-merge-diff/v4", // a second copy of what apimachinery links as v6
	}
	if name != "internal/contract" && name != "internal/model" {
		out = append(out, "github.com/stretchr/testify", "github.com/google/go-cmp")
	}
	if name != "clusterregistry/kube" {
		return append(out, "k8s.io/client-go", "k8s.io/api")
	}
	return append(out,
		"k8s.io/client-go/discovery", "k8s.io/client-go/dynamic/dynamicinformer", "k8s.io/client-go/informers",
		"k8s.io/client-go/kubernetes", "k8s.io/client-go/metadata/metadatainformer", "k8s.io/client-go/restmapper",
		"k8s.io/client-go/tools/leaderelection",
	)
}

// aside are packages that only one package may import, so that a change of theirs stays in one place.
func aside() map[string]string {
	return map[string]string{
		"sigs.k8s.io/structured-merge-diff": "internal/smd",
		"k8s.io/client-go":                  "clusterregistry/kube",
	}
}

func TestBoundaryRequirements(t *testing.T) {
	var mod struct {
		Go        string
		Toolchain string
		Require   []struct {
			Path     string
			Indirect bool
		}
		Replace, Exclude, Tool []any
	}
	goJSON(t, &mod, "mod", "edit", "-json")
	require.Equal(t, "1.25.0", mod.Go, "the oldest release of Go that we promise to support")
	require.Empty(t, mod.Toolchain)
	require.Empty(t, mod.Replace, "a replace does not reach those who import us")
	require.Empty(t, mod.Exclude)
	require.Empty(t, mod.Tool, "tools are pinned in modules of their own")
	for _, r := range mod.Require {
		if !r.Indirect {
			require.Contains(t, requirements(), r.Path, "a new requirement needs a record in docs/adr")
		}
	}
}

func TestBoundaryImports(t *testing.T) {
	plan := packages()
	graph := list(t)
	for name := range plan {
		if _, exists := graph[strings.TrimSuffix(module+"/"+name, "/")]; !exists {
			t.Errorf("%s is in packages, but there is no such package", name)
		}
	}
	for path, pkg := range graph {
		name, ours := own(path)
		if !ours || name == "examples" || strings.HasPrefix(name, "examples/") {
			continue
		}
		row, known := plan[name]
		if !known {
			t.Errorf("%s: a new package needs a row in packages", name)
			continue
		}
		for _, imported := range pkg.Imports {
			if other, ours := own(imported); ours && !slices.Contains(row.ours, other) {
				t.Errorf("%s imports %s, against the directions of the tree", name, other)
			}
			for prefix, home := range aside() {
				if under(imported, prefix) && !under(name, home) {
					t.Errorf("%s imports %s, which only %s may", name, imported, home)
				}
			}
		}
		others := external(pkg.Deps)
		if len(others) > row.others {
			t.Errorf("one import of %s costs %d packages of others, at most %d: %s", name, len(others), row.others,
				strings.Join(others, " "))
		}
		for _, dep := range others {
			for _, prefix := range forbidden(name) {
				if under(dep, prefix) {
					t.Errorf("%s reaches %s", name, dep)
				}
			}
		}
		t.Logf("%-22s %3d packages of others (%d)", name, len(others), row.others)
	}
}

// Whoever wants the scheduler alone gets the scheduler alone.
func TestBoundaryConsumer(t *testing.T) {
	root, err := os.Getwd()
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module example.com/consumer\n\ngo 1.25.0\n\nrequire "+module+" v0.0.0\n\nreplace "+module+" => "+root+"\n")
	write("main.go", "package main\n\nimport _ \""+module+"/scheduling\"\n\nfunc main() {}\n")
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, []string{module + "/scheduling", "example.com/consumer"}, strings.Fields(string(out)))
}

type listed struct {
	ImportPath    string
	Standard      bool
	Imports, Deps []string
}

// list returns every package of the root module by its import path.
func list(t *testing.T) map[string]listed {
	t.Helper()
	out := map[string]listed{}
	dec := json.NewDecoder(bytes.NewReader(goOutput(t, "list", "-json=ImportPath,Standard,Imports,Deps", "./...")))
	for dec.More() {
		var pkg listed
		require.NoError(t, dec.Decode(&pkg))
		out[pkg.ImportPath] = pkg
	}
	require.Contains(t, out, module+"/scheduling")
	return out
}

// own returns the path of a package of ours below the module.
func own(path string) (string, bool) {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/"), under(path, module)
}

// under says whether a package is prefix or below it. The major version of a module counts as below.
func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// external returns the packages that are neither ours nor of the standard library.
func external(deps []string) []string {
	return slices.DeleteFunc(slices.Clone(deps), func(path string) bool {
		first, _, _ := strings.Cut(path, "/")
		return !strings.Contains(first, ".") || under(path, module)
	})
}

func goJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	require.NoError(t, json.Unmarshal(goOutput(t, args...), into))
}

func goOutput(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go %v: %s", args, &stderr)
	return out
}
