package command

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/placement"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// TestScripts runs the command line as people type it. The scripts know, beside what testscript brings:
//
//	fedctl ARGS… [< FILE]       fails unless the exit code is 0
//	code N fedctl ARGS…         fails unless it is N
//	seed DIR OBJECTS CLUSTERS   saves what the clusters hold once the objects were propagated, as kubectl get would
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:             "testdata/script",
		UpdateScripts:   *update,
		ContinueOnError: true,
		Setup: func(env *testscript.Env) error {
			return os.CopyFS(env.WorkDir, os.DirFS("testdata/files"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fedctl": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg {
					ts.Fatalf("say which exit code: code 1 fedctl …")
				}
				runScript(ts, 0, args)
			},
			"code": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				runScript(ts, want, args[2:])
			},
			"seed": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(seed(ts.MkAbs(args[0]), ts.MkAbs(args[1]), ts.MkAbs(args[2])))
			},
		},
	})
}

// testIO is an IO for tests, at a moment of its own.
func testIO(in io.Reader, out, errOut io.Writer, getenv func(string) string) IO {
	return IO{
		IOStreams: genericiooptions.IOStreams{In: in, Out: out, ErrOut: errOut},
		Getenv:    getenv,
		Now:       func() time.Time { return time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC) },
		Name:      "fedctl",
	}
}

func runScript(ts *testscript.TestScript, want int, args []string) {
	var in io.Reader = strings.NewReader("")
	if i := slices.Index(args, "<"); i >= 0 {
		in = strings.NewReader(ts.ReadFile(args[i+1]))
		args = args[:i]
	}
	// The scripts run side by side in one process, which has one working directory: names of files are made absolute here
	// and relative again in what is printed.
	work := ts.Getenv("WORK") + "/"
	args = slices.Clone(args)
	for i := 1; i < len(args); i++ {
		if slices.Contains([]string{"-f", "--clusters", "--state", "--to"}, args[i-1]) && args[i] != "-" {
			args[i] = ts.MkAbs(args[i])
		}
	}
	var out, errOut bytes.Buffer
	code := Main(context.Background(), append([]string{"fedctl"}, args...), testIO(in, &out, &errOut, ts.Getenv))
	fmt.Fprint(ts.Stdout(), strings.ReplaceAll(out.String(), work, ""))
	fmt.Fprint(ts.Stderr(), strings.ReplaceAll(errOut.String(), work, ""))
	if code != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", code, want, &out, &errOut)
	}
}

// seed propagates objects to members in memory and saves what they hold then.
func seed(dir, objects, clusters string) error {
	ctx := context.Background()
	fleet, err := readClusters([]string{clusters}, nil)
	if err != nil {
		return err
	}
	var names []string
	for c := range fleet.All() {
		names = append(names, c.Name)
	}
	members := fedtest.NewFleet(names...)
	a := &app{io: testIO(nil, nil, nil, os.Getenv), files: []string{objects}, owner: "kubefed.io/managed=true"}
	planner, err := a.planner()
	if err != nil {
		return err
	}
	around := newSurroundings()
	v := &view{planner: planner, fleet: fleet, clients: members.Clients, wishes: a.fileWishes(around), around: around}
	namespaces := map[string]bool{}
	for p, err := range v.plans(ctx, a) {
		if err != nil {
			return err
		}
		if ns := p.wish.object.Template.GetNamespace(); ns != "" && !namespaces[ns] {
			namespaces[ns] = true
			ensure := p.wish.object
			ensure.Template = ensure.Template.DeepCopy()
			ensure.Template.Object = map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": ns}}
			ensure.Placement = placement.Policy{Selector: &placement.Selector{}}
			ensure.Overrides, ensure.Replicas = nil, nil
			snap := federation.Snapshot{Now: a.io.Now(), Fleet: fleet}
			plan, err := planner.Plan(ensure, snap.With(federation.Observe(ctx, members.Clients, planner.Targets(ensure, snap))))
			if err != nil {
				return err
			}
			federation.Dispatcher{Clients: members.Clients}.Dispatch(ctx, plan)
		}
		for _, r := range (federation.Dispatcher{Clients: members.Clients}).Dispatch(ctx, p.plan) {
			if r.Err != nil {
				return r.Err
			}
		}
	}
	var errs []error
	for _, name := range names {
		var text bytes.Buffer
		for _, obj := range members.Member(name).Objects() {
			data, err := yaml.Marshal(obj.Object)
			errs = append(errs, err)
			fmt.Fprintf(&text, "---\n%s", data)
		}
		errs = append(errs, os.MkdirAll(filepath.Join(dir, name), 0o755), os.WriteFile(filepath.Join(dir, name, "all.yaml"), text.Bytes(), 0o600))
	}
	return errors.Join(errs...)
}
