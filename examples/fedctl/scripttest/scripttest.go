// Package scripttest runs scripts of the command line against any fleet: members in memory, or real API servers.
package scripttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/confed-project/confed/examples/fedctl/command"
)

// Commands are what the scripts know, beside what testscript brings:
//
//	fedctl ARGS… [< FILE]            fails unless the exit code is 0
//	code N fedctl ARGS…              fails unless it is N
//	seed DIR OBJECTS CLUSTERS        saves what clusters hold once the objects were propagated, as kubectl get would
//	[!] get CONTEXT TYPE NAME [NS]   prints an object of a cluster as YAML, or fails if there is none
//	put CONTEXT FILE                 writes the objects of a file to a cluster, as kubectl apply does
//	change CONTEXT TYPE NAME NS JSON patches an object as somebody else
//	delete CONTEXT TYPE NAME [NS]    deletes an object
//	within TIME COMMAND…             tries again until the command works
func Commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"fedctl": func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("say which exit code: code 1 fedctl …")
			}
			check(ts, 0, args)
		},
		"code": func(ts *testscript.TestScript, _ bool, args []string) {
			want, err := strconv.Atoi(args[0])
			ts.Check(err)
			check(ts, want, args[2:])
		},
		"seed": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(seed(ts, ts.MkAbs(args[0]), ts.MkAbs(args[1]), ts.MkAbs(args[2])))
		},
		"get":    get,
		"put":    put,
		"change": change,
		"delete": remove,
		"within": within,
	}
}

// IO is an IO for tests, at a moment of its own.
func IO(in io.Reader, out, errOut io.Writer, getenv func(string) string) command.IO {
	return command.IO{
		IOStreams: genericiooptions.IOStreams{In: in, Out: out, ErrOut: errOut},
		Getenv:    getenv,
		Now:       func() time.Time { return time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC) },
		Name:      "fedctl",
	}
}

func check(ts *testscript.TestScript, want int, args []string) {
	out, errOut, code := run(ts, args)
	fmt.Fprint(ts.Stdout(), out)
	fmt.Fprint(ts.Stderr(), errOut)
	if code != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", code, want, out, errOut)
	}
}

// run runs fedctl in this process. The scripts run side by side with one working directory: names of files are made
// absolute here and relative again in what is printed.
func run(ts *testscript.TestScript, args []string) (out, errOut string, code int) {
	var in io.Reader = strings.NewReader("")
	if i := slices.Index(args, "<"); i >= 0 {
		in = strings.NewReader(ts.ReadFile(args[i+1]))
		args = args[:i]
	}
	args = slices.Clone(args)
	for i := 1; i < len(args); i++ {
		if slices.Contains([]string{"-f", "--clusters", "--state", "--to"}, args[i-1]) && args[i] != "-" {
			args[i] = ts.MkAbs(args[i])
		}
	}
	if config := ts.Getenv("KUBECONFIG"); config != "" && !strings.HasPrefix(args[0], "-") {
		args = append(args, "--kubeconfig", config, "--cache-dir", ts.MkAbs(".cache"))
	}
	var stdout, stderr bytes.Buffer
	code = command.Main(context.Background(), append([]string{"fedctl"}, args...), IO(in, &stdout, &stderr, ts.Getenv))
	work := ts.Getenv("WORK") + "/"
	return strings.ReplaceAll(stdout.String(), work, ""), strings.ReplaceAll(stderr.String(), work, ""), code
}

// Kubeconfig writes a kubeconfig with a context for each cluster, the host first, and tells the script of it.
func Kubeconfig(env *testscript.Env, clusters map[string]*rest.Config) error {
	path := filepath.Join(env.WorkDir, "kubeconfig")
	env.Setenv("KUBECONFIG", path)
	return WriteKubeconfig(path, "host", clusters)
}

// WriteKubeconfig writes a kubeconfig with a context for each cluster, one of which is current.
func WriteKubeconfig(path, current string, clusters map[string]*rest.Config) error {
	config := api.NewConfig()
	config.CurrentContext = current
	for name, c := range clusters {
		config.Clusters[name] = &api.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData, CertificateAuthority: c.CAFile}
		config.AuthInfos[name] = &api.AuthInfo{Token: c.BearerToken, ClientCertificateData: c.CertData, ClientKeyData: c.KeyData}
		config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
	}
	return clientcmd.WriteToFile(*config, path)
}

// Files copies a directory of files into every script's own.
func Files(dir string) func(*testscript.Env) error {
	return func(env *testscript.Env) error { return os.CopyFS(env.WorkDir, os.DirFS(dir)) }
}

func within(ts *testscript.TestScript, neg bool, args []string) {
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	if neg || args[1] != "fedctl" {
		ts.Fatalf("within TIME fedctl …")
	}
	for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		out, errOut, code := run(ts, args[2:])
		if code == 0 || time.Now().After(end) {
			fmt.Fprint(ts.Stdout(), out)
			fmt.Fprint(ts.Stderr(), errOut)
			if code != 0 {
				ts.Fatalf("exit code %d\n%s%s", code, out, errOut)
			}
			return
		}
	}
}

// quietly leaves out of an object what differs from run to run.
func quietly(obj *unstructured.Unstructured) *unstructured.Unstructured {
	for _, field := range []string{"managedFields", "uid", "resourceVersion", "creationTimestamp", "generation"} {
		unstructured.RemoveNestedField(obj.Object, "metadata", field)
	}
	return obj
}
