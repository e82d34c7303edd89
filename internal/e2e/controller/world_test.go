package controller_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/examples/controller/manager"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

const (
	within = 3 * time.Minute
	tick   = 50 * time.Millisecond
)

// world is a host with KubeFed's definitions, its members, and a system namespace of the test's own.
type world struct {
	testing.TB
	ctx     context.Context
	fleet   *cluster.Fleet
	servers map[string]*cluster.Server // the members, and the host as one of them
	direct  map[string]dynamic.Interface
	system  string
	lenient bool // federated types are defined as KubeFed did, with schemas that refuse nothing

	namespaced bool // the control plane has no rights outside its namespace
}

// hostName is the host as everybody calls it here; it is a member too.
const hostName = "host"

// newWorld is on the fleet that all tests share, with our definitions, and has every cluster as a member.
func newWorld(t testing.TB) *world {
	w := worldOn(t, cluster.Shared(t))
	w.install()
	for name, s := range w.servers {
		w.join(name, s)
	}
	return w
}

// worldOn is on a fleet, with nothing but the system namespace.
func worldOn(t testing.TB, fleet *cluster.Fleet) *world {
	w := &world{TB: t, ctx: context.WithoutCancel(t.Context()), fleet: fleet, servers: map[string]*cluster.Server{}, direct: map[string]dynamic.Interface{}}
	for _, s := range fleet.Servers() {
		client, err := dynamic.NewForConfig(s.Config())
		require.NoError(t, err)
		w.servers[s.Name], w.direct[s.Name] = s, client
	}
	w.system = "kubefed-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-", "=", "-").Replace(t.Name()))
	w.create(hostName, "namespaces", fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}", w.system))
	return w
}

// join registers a member as kubefedctl does, with an administrator's token.
func (w *world) join(name string, s *cluster.Server) {
	records, err := kube.KubeFedRecords(types.NamespacedName{Namespace: w.system, Name: name}, s.Config())
	require.NoError(w, err)
	for _, obj := range records {
		if obj.GetKind() == "KubeFedCluster" {
			obj.SetLabels(map[string]string{"name": name})
		}
		w.ensure(hostName, map[string]string{"Secret": "secrets", "KubeFedCluster": "kubefedclusters"}[obj.GetKind()], obj)
	}
}

// run starts a controller and returns how to stop it and hear how it ended.
func (w *world) run(change ...func(*manager.Options)) (stop func() error) {
	w.Helper()
	w.deploy()
	options := manager.Options{
		Host: w.asInstalled(), Namespace: w.system, Settle: 100 * time.Millisecond,
		Config: w.config("leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 1s"),
	}
	if testing.Verbose() {
		options.Log = testr.NewWithInterface(w.TB, testr.Options{})
	}
	for _, f := range change {
		f(&options)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- manager.Run(ctx, options) }()
	var ended bool
	var result error
	stop = func() error {
		cancel()
		if !ended {
			select {
			case result = <-done:
				ended = true
			case <-time.After(time.Minute):
				w.Fatal("the controller does not end")
			}
		}
		return result
	}
	w.Cleanup(func() { _ = stop() })
	return stop
}

// config is a KubeFedConfig that reacts faster than the default.
func (w *world) config(lease string) *unstructured.Unstructured {
	return w.decode(`{apiVersion: core.kubefed.io/v1beta1, kind: KubeFedConfig, metadata: {name: kubefed, namespace: ` + w.system + `},
	  spec: {scope: Cluster, controllerDuration: {unavailableDelay: 1s}, clusterHealthCheck: {period: 1s}, leaderElect: {` + lease + `},
	  featureGates: [{name: RawResourceStatusCollection, configuration: Enabled}]}}`)
}

func (w *world) decode(text string) *unstructured.Unstructured {
	w.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(w, err)
	u := &unstructured.Unstructured{}
	require.NoError(w, u.UnmarshalJSON(data))
	return u
}

func (w *world) at(server, plural string, obj *unstructured.Unstructured) dynamic.ResourceInterface {
	r := w.direct[server].Resource(obj.GroupVersionKind().GroupVersion().WithResource(plural))
	if obj.GetNamespace() == "" {
		return r
	}
	return r.Namespace(obj.GetNamespace())
}

func (w *world) create(server, plural, text string) *unstructured.Unstructured {
	w.Helper()
	obj := w.decode(text)
	out, err := w.at(server, plural, obj).Create(w.ctx, obj, metav1.CreateOptions{})
	require.NoError(w, err)
	return out
}

// ensure creates an object, or lets it be.
func (w *world) ensure(server, plural string, obj *unstructured.Unstructured) {
	w.Helper()
	_, err := w.at(server, plural, obj).Create(w.ctx, obj, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		require.NoError(w, err)
	}
}

// get reads an object; nil when it is not there.
func (w *world) get(server, plural string, like *unstructured.Unstructured) *unstructured.Unstructured {
	w.Helper()
	obj, err := w.at(server, plural, like).Get(w.ctx, like.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(w, err)
	return obj
}

func (w *world) patch(server, plural string, like *unstructured.Unstructured, merge string) {
	w.Helper()
	data, err := yaml.YAMLToJSON([]byte(merge))
	require.NoError(w, err)
	_, err = w.at(server, plural, like).Patch(w.ctx, like.GetName(), types.MergePatchType, data, metav1.PatchOptions{FieldManager: "somebody"})
	require.NoError(w, err)
}

func (w *world) delete(server, plural string, like *unstructured.Unstructured) {
	w.Helper()
	err := w.at(server, plural, like).Delete(w.ctx, like.GetName(), metav1.DeleteOptions{})
	if !apierrors.IsNotFound(err) {
		require.NoError(w, err)
	}
}

// eventually waits for a condition and says what was last seen.
func (w *world) eventually(what string, seen func() (ok bool, state any)) {
	w.Helper()
	deadline := time.Now().Add(within)
	for {
		ok, state := seen()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			data, _ := yaml.Marshal(state)
			require.FailNow(w, "not in time: "+what, "%s", data)
		}
		time.Sleep(tick)
	}
}

// gone waits until an object is not there any more.
func (w *world) gone(server, plural string, like *unstructured.Unstructured) {
	w.Helper()
	w.eventually(fmt.Sprintf("%s %s gone from %s", plural, like.GetName(), server), func() (bool, any) {
		obj := w.get(server, plural, like)
		if obj == nil {
			return true, nil
		}
		return false, obj.Object
	})
}
