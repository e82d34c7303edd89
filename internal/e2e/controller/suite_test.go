package controller_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/confed-project/confed/examples/controller/manager"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/internal/pinned"
)

// unfit are specs of KubeFed's suite that cannot be held against the controller.
type unfit struct {
	spec  string // part of the name
	scope string // "Cluster" or "Namespaced"; "": both; "Chart": Cluster on what KubeFed's chart installs
	why   string
}

func (u unfit) in(scope string) bool {
	return u.scope == "" || u.scope == scope || u.scope == "Cluster" && scope == "Chart"
}

const (
	inProcess  = "tests controllers of KubeFed's that it starts in the process of the suite"
	noWebhook  = "there is no webhook: "
	otherScope = "KubeFed itself skips it in this scope"
)

// leftOut has each spec that is skipped, and why. Each has to be in the suite, and no other may be skipped.
func leftOut() []unfit {
	return []unfit{
		{"Simulated Scale", "", inProcess + ", with the names of things in members changed"},
		{"Simulated not-ready nodes", "", inProcess + "; see TestMembersFailAndReturn"},
		{"Scheduler Manager", "", inProcess + "; told again by typesOfPreferences"},
		{"FTC controller", "", inProcess + "; told again by versionMoves"},
		{"mutating admissing webhook", "", noWebhook + "the controller knows the defaults; see TestCompatible"},
		{"should succeed when an invalid", "", noWebhook + "rules are in the definitions, and hold in all namespaces"},
		{"Core API Validation", "Chart", noWebhook + "KubeFed's definitions have no rules, ours have"},
		{narrowing, "Cluster", otherScope},
		{"clusterroles", "Namespaced", otherScope},
		{`Federated "namespaces"`, "Namespaced", otherScope},
		{"namespace with contents", "Namespaced", otherScope},
		{"NamespaceNotFederated", "Namespaced", otherScope},
		{"Federated CRD resources", "Namespaced", otherScope},
		{"does not cause controller-manager to fail", "Namespaced", otherScope},
		{"Leader Elector", "Namespaced", otherScope},
		{" ClusterVersionManager", "Namespaced", otherScope},
		{"ensures garbage collection", "Namespaced", otherScope},
	}
}

const (
	preferences = "Scheduling ReplicaSchedulingPreferences"
	narrowing   = "Placement should be computed"
)

// TestKubeFedSuite holds the controller to KubeFed's own end-to-end tests, with the rights that its installation gives: in
// both scopes with our definitions, and with what KubeFed's chart installed.
func TestKubeFedSuite(t *testing.T) {
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		for _, scope := range []string{"Cluster", "Namespaced"} {
			t.Run(scope, func(t *testing.T) {
				w := newWorld(t)
				w.namespaced = scope == "Namespaced"
				for _, name := range []string{"member-2", "member-3"} {
					w.delete(hostName, "kubefedclusters", w.cluster(name)) // the specs of preferences ask for two clusters
				}
				for _, k := range chartTypes() { // the specs expect daemonsets to be free
					w.enable(k)
				}
				config := w.config("leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 1s")
				require.NoError(t, unstructured.SetNestedField(config.Object, scope, "spec", "scope"))
				w.ensure(hostName, "kubefedconfigs", config)
				w.runSuite(scope)
			})
		}
	})
	t.Run("Chart", func(t *testing.T) {
		t.Parallel()
		fleet, err := cluster.Start(t.Context(), cluster.Options{Members: 1})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, fleet.Stop(t.Failed())) })
		w := worldOn(t, fleet)
		w.installKubeFed(nil)
		for name, s := range w.servers {
			w.join(name, s)
		}
		w.patch(hostName, "kubefedconfigs", w.config(""), `{spec: {featureGates: [{name: RawResourceStatusCollection, configuration: Enabled}]}}`)
		w.runSuite("Chart")
	})
}

func (w *world) runSuite(scope string) {
	var limited []string
	replicas := 1
	if w.namespaced {
		replicas = 2 // which share the objects
		limited = []string{"-limited-scope"}
		w.create("member-1", "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+w.system+"}}")
	}
	for i := range replicas {
		w.run(func(o *manager.Options) {
			o.Config, o.Compatible, o.Shard, o.Identity = nil, true, replicas > 1, fmt.Sprint("replica-", i)
		})
	}
	skip := []string{preferences, narrowing}
	for _, u := range leftOut() {
		if u.in(scope) {
			skip = append(skip, u.spec)
		}
	}
	all, whole := results{}, w.kubeconfig(w.fleet.Host.Config())
	// The suite starts KubeFed's own scheduler beside ours. That one may not write.
	all.add(w.suite(w.guarded(), append(limited, "-ginkgo.focus="+preferences)))
	w.cleared()
	all.add(w.suite(whole, append(limited, "-ginkgo.skip="+strings.Join(skip, "|"))))
	if w.namespaced {
		// Alone, since it narrows the one namespace of all.
		all.add(w.suite(whole, append(limited, "-ginkgo.focus="+narrowing)))
	}
	all.judge(w, scope)
	if scope == "Cluster" {
		w.versionMoves()
		w.typesOfPreferences()
	}
}

// cleared waits until no workload of an earlier spec is left in the system namespace, where all of them are in namespaced scope: the
// spec of delete options asks that nobody takes a ReplicaSet that it orphaned, and they all have its labels.
func (w *world) cleared() {
	for _, name := range []string{hostName, "member-1"} {
		for _, plural := range []string{"deployments", "replicasets"} {
			like := w.decode("{apiVersion: apps/v1, kind: Any, metadata: {name: any, namespace: " + w.system + "}}")
			w.eventually("no "+plural+" of the suite left in "+name, func() (bool, any) {
				list, err := w.at(name, plural, like).List(w.ctx, metav1.ListOptions{})
				require.NoError(w, err)
				for _, item := range list.Items {
					if strings.HasPrefix(item.GetName(), "test-e2e-") {
						return false, item.Object
					}
				}
				return true, nil
			})
		}
	}
}

// spec is one of KubeFed's tests and what became of it.
type spec struct {
	Name    string  `xml:"name,attr"`
	Seconds float64 `xml:"time,attr"`
	Failure *string `xml:"failure"`
	Skipped *string `xml:"skipped"`
	Output  string  `xml:"system-out"`
}

// results are specs by name. What was left to another run of the suite counts by that.
type results map[string]spec

func (r results) add(all []spec) {
	for _, s := range all {
		if _, ok := r[s.Name]; !ok || s.Skipped == nil {
			r[s.Name] = s
		}
	}
}

// judge fails the test for each spec that failed or was skipped without a reason, and for reasons without a spec.
func (r results) judge(w *world, scope string) {
	w.Helper()
	counts, used := map[string]int{}, map[string]bool{}
	var table strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r)) {
		s, state := r[name], "passed"
		switch {
		case s.Failure != nil:
			state = "FAILED"
			w.Errorf("%s: %s\n%s", name, *s.Failure, s.Output[max(0, len(s.Output)-4000):])
		case s.Skipped != nil:
			state = "skipped"
			i := slices.IndexFunc(leftOut(), func(u unfit) bool { return strings.Contains(name, u.spec) && u.in(scope) })
			if i < 0 {
				w.Errorf("%s was skipped without a reason: %s", name, *s.Skipped)
				break
			}
			used[leftOut()[i].spec] = true
			state += ": " + leftOut()[i].why
		}
		counts[state[:6]]++
		fmt.Fprintf(&table, "%6.1f s  %s: %s\n", s.Seconds, name, state)
	}
	w.Logf("KubeFed's suite, scope %s: %d passed, %d skipped, %d failed\n%s", scope, counts["passed"], counts["skippe"], counts["FAILED"], &table)
	for _, u := range leftOut() {
		if u.in(scope) && !used[u.spec] {
			w.Errorf("no spec was skipped for the name %q", u.spec)
		}
	}
}

// suite runs KubeFed's tests as a program of its own.
func (w *world) suite(kubeconfig string, args []string) []spec {
	w.Helper()
	dir, err := pinned.KubeFed().Build(w.ctx, os.Stderr)
	require.NoError(w, err)
	report := filepath.Join(w.TempDir(), "report.xml")
	cmd := exec.Command(filepath.Join(dir, "e2e.test"), append(args, "-kubeconfig="+kubeconfig, "-kubefed-namespace="+w.system,
		"-single-call-timeout=1m", "-ginkgo.reportFile="+report, "-ginkgo.noColor")...)
	cmd.Env = append(os.Environ(), "PATH="+w.inPath()+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = tied()
	out, ended := cmd.CombinedOutput()
	data, err := os.ReadFile(report)
	require.NoError(w, err, "%v\n%s", ended, out)
	var all struct {
		Specs []spec `xml:"testcase"`
	}
	require.NoError(w, xml.Unmarshal(data, &all))
	failed := slices.ContainsFunc(all.Specs, func(s spec) bool { return s.Failure != nil })
	require.Equal(w, failed, ended != nil, "%v\n%s", ended, out)
	return all.Specs
}

// inPath is a directory with our program under the name by which the suite starts it, and with KubeFed's words in its log,
// for which the suite waits. It listens nowhere, since the suite starts two.
func (w *world) inPath() string {
	program, err := built()
	require.NoError(w, err, program)
	const words = `s/.*"msg":"configured","namespace":"\([^"]*\)".*/Using valid KubeFedConfig "\1\/kubefed"/; ` +
		`s/.*"msg":"leading".*/promoted as leader, Starting cluster controller/`
	script := "#!/bin/bash\nexec " + program + ` --healthz-addr=0 --metrics-addr=0 "$@" 2> >(exec sed -u '` + words + `' >&2)` + "\n"
	dir := w.TempDir()
	require.NoError(w, os.WriteFile(filepath.Join(dir, "controller-manager"), []byte(script), 0o700)) //nolint:gosec // a program
	return dir
}

// kubeconfig writes a kubeconfig. The context has the name by which the host is a member.
func (w *world) kubeconfig(config *rest.Config) string {
	path := filepath.Join(w.TempDir(), "kubeconfig")
	require.NoError(w, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{hostName: {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{hostName: {Token: config.BearerToken}},
		Contexts:       map[string]*clientcmdapi.Context{hostName: {Cluster: hostName, AuthInfo: hostName}},
		CurrentContext: hostName,
	}, path))
	return path
}

// guarded is a kubeconfig of the host which refuses to change federated objects that are there.
func (w *world) guarded() string {
	transport, err := rest.TransportFor(w.fleet.Host.Config())
	require.NoError(w, err)
	to, err := url.Parse(w.fleet.Host.URL)
	require.NoError(w, err)
	proxy := &httputil.ReverseProxy{Transport: transport, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	federated := regexp.MustCompile(`^/apis/types\.kubefed\.io/`)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && federated.MatchString(r.URL.Path) {
			http.Error(out, "the test lets nobody but the controller write this", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(out, r)
	}))
	w.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return w.kubeconfig(&rest.Config{Host: server.URL})
}
