//go:build externaldns

package dnstest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/source"
	"sigs.k8s.io/external-dns/source/wrappers"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/dnsrecord"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

var (
	crds         = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	dnsEndpoints = schema.GroupVersionResource{Group: "externaldns.k8s.io", Version: "v1alpha1", Resource: "dnsendpoints"}
)

// clients is external-dns's way to reach the API server; the crd source needs only the configuration.
type clients struct {
	source.ClientGenerator
	config *rest.Config
}

func (c clients) RESTConfig() (*rest.Config, error) { return c.config, nil }

// eventually tries until it works.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for range 300 {
		if err = try(); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.NoError(t, err, what)
}

// startAPIServer returns a kube-apiserver that serves a custom resource.
func startAPIServer(t *testing.T, definition []byte, resource schema.GroupVersionResource) *cluster.Server {
	t.Helper()
	fleet, err := cluster.Start(t.Context(), cluster.Options{Members: 1, NoControllers: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fleet.Stop(t.Failed())) })

	object := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal(definition, &object.Object))
	client, err := dynamic.NewForConfig(fleet.Host.Config())
	require.NoError(t, err)
	_, err = client.Resource(crds).Create(t.Context(), object, metav1.CreateOptions{})
	require.NoError(t, err)
	eventually(t, resource.Resource+" are served", func() error {
		_, err := client.Resource(resource).List(t.Context(), metav1.ListOptions{})
		return err
	})
	return fleet.Host
}

// definitionOfDNSEndpoint is the one that external-dns ships.
func definitionOfDNSEndpoint(t *testing.T) []byte {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/external-dns").Output()
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "config/crd/standard/dnsendpoints.externaldns.k8s.io.yaml"))
	require.NoError(t, err)
	return data
}

// TestExternalDNSReadsOurObjects writes DNSEndpoints to a real API server and lets external-dns read them there.
func TestExternalDNSReadsOurObjects(t *testing.T) {
	ctx, config := t.Context(), startAPIServer(t, definitionOfDNSEndpoint(t), dnsEndpoints).Config()
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	objects := client.Resource(dnsEndpoints).Namespace("default")

	settings, err := source.NewSourceConfig(&externaldns.Config{Sources: []string{"crd"}}, source.WithClientGenerator(clients{config: config}))
	require.NoError(t, err)
	from, err := wrappers.Build(ctx, settings)
	require.NoError(t, err)
	program := newExternalDNS(t, from)

	apply := func(endpoints []dnsrecord.Endpoint) {
		t.Helper()
		object := &unstructured.Unstructured{Object: dnsrecord.Object("default", "service-nginx", endpoints)}
		applied, err := objects.Apply(ctx, "service-nginx", object, metav1.ApplyOptions{FieldManager: "confed", Force: true})
		require.NoError(t, err)
		live, err := dnsrecord.FromObject(applied.Object)
		require.NoError(t, err)
		same(t, endpoints, live)
		eventually(t, "external-dns has seen the object", func() error { // it writes the generation it has read
			if _, err := from.Endpoints(ctx); err != nil {
				return err
			}
			seen, err := objects.Get(ctx, "service-nginx", metav1.GetOptions{})
			if err != nil {
				return err
			}
			read, _, _ := unstructured.NestedInt64(seen.Object, "status", "observedGeneration")
			if read != seen.GetGeneration() {
				return apierrors.NewConflict(dnsEndpoints.GroupResource(), "service-nginx", nil)
			}
			return nil
		})
	}

	before := []dnsrecord.Endpoint{}
	weighted := func(a *dnsrecord.Answers) { a.Split = &dnsrecord.Split{Weight: "inmemory/weight"} }
	both, err := dnsrecord.Merge(service(t, nil), clusterSet(t))
	require.NoError(t, err)
	for _, story := range []struct {
		title string
		wish  []dnsrecord.Endpoint
	}{
		{"applied", service(t, nil)},
		{"a zone goes dark", service(t, func(a *dnsrecord.Answers) { a.Clusters[0].Ready = false })},
		{"a region goes dark", service(t, func(a *dnsrecord.Answers) { a.Clusters[0].Ready, a.Clusters[1].Addresses = false, nil })},
		{"back, with weights", service(t, weighted)},
		{"other weights", service(t, func(a *dnsrecord.Answers) { weighted(a); a.Clusters[0].Weight = 1 })},
		{"with a cluster set", both},
		{"nothing is left", []dnsrecord.Endpoint{}},
		{"and again", service(t, nil)},
	} {
		t.Log(story.title)
		apply(story.wish)
		same(t, dnsrecord.Diff(before, story.wish), program.pass(t))
		same(t, story.wish, program.holds(t))
		require.Empty(t, program.pass(t), "a second pass finds nothing to do")
		require.Empty(t, program.changes)
		before = story.wish
	}

	t.Log("removed")
	require.NoError(t, objects.Delete(ctx, "service-nginx", metav1.DeleteOptions{}))
	eventually(t, "external-dns has seen that the object is gone", func() error {
		if left, err := from.Endpoints(ctx); err != nil || len(left) > 0 {
			return apierrors.NewConflict(dnsEndpoints.GroupResource(), "service-nginx", err)
		}
		return nil
	})
	same(t, dnsrecord.Diff(before, nil), program.pass(t))
	require.Empty(t, program.holds(t))
	require.Empty(t, program.pass(t))
}
