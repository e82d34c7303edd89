package command_test

import (
	"errors"
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/examples/fedctl/scripttest"
	"github.com/confed-project/confed/federation/fedtest"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// TestScripts runs the command line as people type it, without a cluster.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, ContinueOnError: true,
		Setup: scripttest.Files("testdata/files"), Cmds: scripttest.Commands(),
	})
}

// TestTroubleScripts runs it against members in memory that fail. The scripts also know
//
//	break CLUSTER FAULT              nothing, refused, forbidden or silent
func TestTroubleScripts(t *testing.T) {
	cmds := scripttest.Commands()
	cmds["break"] = func(ts *testscript.TestScript, _ bool, args []string) {
		fault, known := map[string]fedtest.Fault{
			"nothing": {}, "refused": fedtest.Refused(), "silent": fedtest.Silent(),
			"forbidden": fedtest.Failing(apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no right to it"))),
		}[args[1]]
		if !known {
			ts.Fatalf("no fault %s", args[1])
		}
		ts.Value("fleet").(*fedtest.Fleet).Member(args[0]).Break(fault)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/memory", ContinueOnError: true, Cmds: cmds,
		Setup: func(env *testscript.Env) error {
			fleet, clusters, stop := scripttest.Memory("host", "member-1", "member-2", "member-3")
			env.Defer(stop)
			env.Values["fleet"] = fleet
			return scripttest.Kubeconfig(env, clusters)
		},
	})
}

// TestLiveScripts runs it against a host and members in memory. The same scripts run on real API servers in internal/e2e.
func TestLiveScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/live", UpdateScripts: *update, ContinueOnError: true, Cmds: scripttest.Commands(),
		Setup: func(env *testscript.Env) error {
			_, clusters, stop := scripttest.Memory("host", "member-1", "member-2", "member-3")
			env.Defer(stop)
			return scripttest.Kubeconfig(env, clusters)
		},
	})
}
