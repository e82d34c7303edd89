package kube_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/placement"
)

func ExampleNewClient() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/v1":
			fmt.Fprint(w, `{"groupVersion":"v1","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}`)
		case "/api/v1/namespaces/web/configmaps/settings":
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"web","name":"settings"},"data":{"color":"blue"}}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()

	client, err := kube.NewClient(&rest.Config{Host: server.URL}, kube.Options{UserAgent: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, name := context.Background(), types.NamespacedName{Namespace: "web", Name: "settings"}
	live, err := client.Get(ctx, schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, name)
	fmt.Println(live.Object["data"], err)
	_, err = client.Get(ctx, schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}, name)
	fmt.Println(meta.IsNoMatchError(err))
	// Output:
	// map[color:blue] <nil>
	// true
}

// A program reads KubeFedClusters and Secrets with its own informers, and keeps the members in step with them.
func ExampleFeed() {
	cluster := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster",
		"metadata": map[string]any{"namespace": "fleet", "name": "berlin", "labels": map[string]any{"env": "prod"}},
		"spec":     map[string]any{"apiEndpoint": "berlin.example:6443", "secretRef": map[string]any{"name": "berlin"}},
	}}
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": "fleet", "name": "berlin"},
		"data": map[string]any{"token": "dG9rZW4="},
	}}
	var registry clusterregistry.Registry[*kube.Client]
	feed := kube.Feed[*kube.Client]{Registry: &registry, Connect: func(c *kube.Client) *kube.Client { return c }}

	fmt.Println(feed.Sync([]kube.Member{kube.KubeFedMember(cluster, secret)}))
	for c := range registry.Fleet().All() {
		fmt.Println(c.Name, c.Labels)
	}
	fmt.Println(feed.Sync([]kube.Member{kube.KubeFedMember(cluster, nil)}))
	fmt.Println(registry.Fleet().Len(), "member is still known")
	// Output:
	// <nil>
	// berlin map[env:prod]
	// KubeFedCluster fleet/berlin, cluster "berlin": no credentials: Secret fleet/berlin is not there
	// 1 member is still known
}

// A dry run of joining: what would be created in the member.
func ExampleGrant_Objects() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"groupVersion":"v1","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}`)
	}))
	defer server.Close()
	member, err := kube.NewClient(&rest.Config{Host: server.URL}, kube.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	grant := kube.Grant{Name: "shop", Namespace: "shop-system", Kinds: []schema.GroupVersionKind{{Version: "v1", Kind: "ConfigMap"}}}
	objects, err := grant.Objects(context.Background(), member)
	fmt.Println(err)
	for _, obj := range objects {
		fmt.Println(obj.GetKind(), obj.GetNamespace(), obj.GetName())
	}
	// Output:
	// <nil>
	// Namespace  shop-system
	// ServiceAccount shop-system shop
	// Role shop-system shop-token
	// RoleBinding shop-system shop-token
	// ClusterRole  shop-system:shop
	// ClusterRoleBinding  shop-system:shop
}

// Reads come from memory; what changed in any member arrives on one stream.
func ExampleCaches() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/api/v1":
			fmt.Fprint(w, `{"groupVersion":"v1","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}`)
		case r.URL.Query().Has("sendInitialEvents"): // an old server: list first
			http.Error(w, "not supported", http.StatusUnprocessableEntity)
		case !r.URL.Query().Has("watch"):
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"ConfigMapList","metadata":{"resourceVersion":"7"},"items":[
				{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"web","name":"settings","resourceVersion":"5"}}]}`)
		default:
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	client, err := kube.NewClient(&rest.Config{Host: server.URL}, kube.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var registry clusterregistry.Registry[*kube.Client]
	_ = registry.Put(placement.Cluster{Name: "berlin"}, client)
	gvk := schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	caches := kube.Caches{Kinds: []kube.CachedKind{{GroupVersionKind: gvk}}, Selector: "confed.dev/owner=shop"}

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- caches.Run(ctx, &registry) }()
	for change := range caches.Changes(ctx) { // the first one says that the cache came into step
		member, err := caches.Client(change.Cluster)
		if err != nil {
			break
		}
		live, err := member.Get(ctx, gvk, types.NamespacedName{Namespace: "web", Name: "settings"})
		fmt.Println(change.Cluster, live.GetName(), live.GetResourceVersion(), err)
		break
	}
	cancel()
	fmt.Println(<-done)
	// Output:
	// berlin settings 5 <nil>
	// <nil>
}

// A program looks after a member's token now and then: what Renew returns goes into the records first.
func ExampleGrant_Renew() {
	token := func(from, until time.Time) string {
		claims := fmt.Sprintf(`{"iat":%d,"exp":%d}`, from.Unix(), until.Unix())
		return "header." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".signature"
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","status":{"token":%q,"expirationTimestamp":"2026-01-02T13:50:00Z"}}`,
			token(noon.Add(50*time.Minute), noon.Add(110*time.Minute)))
	}))
	defer server.Close()
	grant := kube.Grant{Name: "shop", Namespace: "shop-system"}
	config := &rest.Config{Host: server.URL, BearerToken: token(noon, noon.Add(time.Hour))}

	for _, minutes := range []time.Duration{10, 50} {
		renewed, next, err := grant.Renew(context.Background(), config, noon.Add(minutes*time.Minute))
		fmt.Println(renewed != config, next.UTC().Format(time.TimeOnly), err)
	}
	// Output:
	// false 12:48:00 <nil>
	// true 13:38:00 <nil>
}
