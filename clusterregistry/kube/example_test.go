package kube_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/confed-project/confed/clusterregistry/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
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
