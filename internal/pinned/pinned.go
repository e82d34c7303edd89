// Package pinned builds the tools that a nested module pins with the tool directive of its go.mod, once per
// version, into the user's cache directory.
//
// The versions and checksums live in the go.mod and go.sum of the nested module, so the tools never enter the
// requirements of the library. Build compiles into a temporary directory and renames it, under a file lock: a
// directory that exists is complete, and any number of processes may ask at the same time.
package pinned

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"go/version"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Module names a nested module of this repository and says how its tools are built.
type Module struct {
	Dir     string                      // of the module, relative to the root of the repository
	Name    string                      // of the directory below the cache directory
	Lead    string                      // path of the required module whose version names the build
	LDFlags func(version string) string // given the version of Lead; nil: strip only
	Tests   []string                    // arguments of "go test -c" for tests that are built as programs too; nil: none
}

// Kube pins the control plane: kube-apiserver, kube-controller-manager, kube-scheduler, and etcd as "server".
// Without the version flags the API servers would answer v0.0.0-master, which clients cannot parse.
func Kube() Module {
	return Module{
		Dir: "internal/kubebin", Name: "kube", Lead: "k8s.io/kubernetes",
		LDFlags: func(v string) string {
			const set = " -X k8s.io/component-base/version."
			parts := strings.SplitN(strings.TrimPrefix(v, "v"), ".", 3)
			if len(parts) != 3 {
				return ""
			}
			return set + "gitVersion=" + v + set + "gitMajor=" + parts[0] + set + "gitMinor=" + parts[1]
		},
	}
}

// Kwok pins kwok, which plays the kubelets of nodes that do not exist.
func Kwok() Module { return Module{Dir: "internal/kwokbin", Name: "kwok", Lead: "sigs.k8s.io/kwok"} }

// KubeFed pins KubeFed: hyperfed, which is its controller-manager when called so, and its end-to-end tests as "e2e.test".
// They are written in the Go of before 1.22, by which every spec of a table would test its last line.
func KubeFed() Module {
	const tests = "sigs.k8s.io/kubefed/test/e2e"
	return Module{
		Dir: "internal/kubefedbin", Name: "kubefed", Lead: "sigs.k8s.io/kubefed",
		Tests: []string{"-gcflags=" + tests + "=-lang=go1.22", tests},
	}
}

// Lint pins golangci-lint.
func Lint() Module {
	return Module{Dir: "internal/lint", Name: "lint", Lead: "github.com/golangci/golangci-lint/v2"}
}

// Build returns the directory that holds the tools of m. When it is not there yet, Build compiles it (minutes for
// Kube) and reports progress to log. It finds the repository from the working directory, which must be inside it.
func (m Module) Build(ctx context.Context, log io.Writer) (string, error) {
	dir, err := m.build(ctx, log)
	if err != nil {
		return "", fmt.Errorf("building the tools of %s: %w", m.Dir, err)
	}
	return dir, nil
}

// Source returns the directory with the files of the module that leads m, downloaded if need be. It is read-only.
func (m Module) Source(ctx context.Context) (string, error) {
	src, err := m.src(ctx)
	if err != nil {
		return "", err
	}
	if _, err := goOutput(ctx, src, "mod", "download", m.Lead); err != nil {
		return "", err
	}
	return goOutput(ctx, src, "list", "-m", "-f", "{{.Dir}}", m.Lead)
}

// src is the directory of m itself.
func (m Module) src(ctx context.Context) (string, error) {
	root, err := goOutput(ctx, "", "list", "-m", "-f", "{{.Dir}}", "github.com/confed-project/confed")
	return filepath.Join(root, filepath.FromSlash(m.Dir)), err
}

func (m Module) build(ctx context.Context, log io.Writer) (string, error) {
	src, err := m.src(ctx)
	if err != nil {
		return "", err
	}
	lead, err := goOutput(ctx, src, "list", "-m", "-f", "{{.Version}}", m.Lead)
	if err != nil {
		return "", err
	}
	flags := "-s -w"
	if m.LDFlags != nil {
		flags += m.LDFlags(lead)
	}
	key, err := m.key(src, lead, flags)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	parent := filepath.Join(cache, "confed", m.Name)
	return once(parent, key, log, func(tmp string) error {
		fmt.Fprintf(log, "building %s of %s into %s (once per version)\n", lead, m.Lead, filepath.Join(parent, key))
		out := tmp + string(filepath.Separator)
		if err := compile(goCommand(ctx, src, "build", "-v", "-o", out, "-ldflags", flags, "tool"), log); err != nil {
			return err
		}
		if len(m.Tests) == 0 {
			return nil
		}
		_, err := goOutput(ctx, src, append([]string{"test", "-c", "-o", out, "-ldflags", flags}, m.Tests...)...)
		return err
	})
}

// key names one build: the version to be read by people, and a digest of all that changes the result. Of the Go
// release only the language version counts, since a rebuild for every patch release costs more than it brings.
func (m Module) key(src, lead, flags string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, version.Lang(runtime.Version()), runtime.GOOS, runtime.GOARCH, strings.Join(append([]string{flags}, m.Tests...), " "))
	data, err := os.ReadFile(filepath.Join(src, "go.mod"))
	if err != nil {
		return "", err
	}
	sum.Write(data)
	return fmt.Sprintf("%s-%x", lead, sum.Sum(nil)[:4]), nil
}

// once returns parent/key; when it is absent, make fills a temporary directory that then takes the name.
func once(parent, key string, log io.Writer, make func(tmp string) error) (string, error) {
	dir := filepath.Join(parent, key)
	if exists(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(dir+".lock", func() { fmt.Fprintf(log, "waiting for another process that builds %s\n", dir) })
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(dir) {
		return dir, nil
	}
	tmp := dir + ".tmp" // a rest of an interrupted build; ours alone under the lock
	if err := os.RemoveAll(tmp); err != nil {
		return "", err
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return "", err
	}
	if err := make(tmp); err != nil {
		return "", errors.Join(err, os.RemoveAll(tmp))
	}
	return dir, os.Rename(tmp, dir)
}

func exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// goOutput runs the go command in dir and returns its trimmed standard output.
func goOutput(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := goCommand(ctx, dir, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd
}
