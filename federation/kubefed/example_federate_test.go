package kubefed_test

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// What a program discovered is looked up as people name it, and enabled.
func ExampleEnable() {
	lists := []metav1.APIResourceList{{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
		{Name: "deployments", Kind: "Deployment", Namespaced: true, ShortNames: []string{"deploy"}},
	}}}
	target, err := kubefed.Match("deploy", lists)
	if err != nil {
		fmt.Println(err)
		return
	}
	t, crd, err := kubefed.Enable(target, nil, kubefed.Directive{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Target.GVK, "→", t.Federated.GVK)
	fmt.Println(crd.GetKind(), crd.GetName())
	// Output:
	// apps/v1, Kind=Deployment → types.kubefed.io/v1beta1, Kind=FederatedDeployment
	// CustomResourceDefinition federateddeployments.types.kubefed.io
}

func ExampleFederate() {
	objects, err := kubefed.Documents([]byte(`
apiVersion: v1
kind: ConfigMap
metadata: {name: motd, namespace: shop, uid: 6f2a, labels: {team: a}}
data: {text: hello}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-root-ca.crt, namespace: shop}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range objects {
		t, _, err := kubefed.Enable(kubefed.Guess(o), nil, kubefed.Directive{})
		if err != nil {
			fmt.Println(err)
			return
		}
		federated, err := kubefed.Federate(o, t)
		if errors.Is(err, kubefed.ErrLocal) {
			fmt.Println("#", err)
			continue
		}
		text, _ := yaml.Marshal(federated.Object)
		fmt.Print(string(text))
	}
	// Output:
	// apiVersion: types.kubefed.io/v1beta1
	// kind: FederatedConfigMap
	// metadata:
	//   name: motd
	//   namespace: shop
	// spec:
	//   placement:
	//     clusterSelector:
	//       matchLabels: {}
	//   template:
	//     data:
	//       text: hello
	//     metadata:
	//       labels:
	//         team: a
	// # ConfigMap shop/kube-root-ca.crt: belongs to its cluster: every cluster publishes its own root certificate
}

func ExampleContents() {
	objects, _ := kubefed.Documents([]byte(`
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shop}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}}
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
`))
	var types []kubefed.Type
	for _, r := range []metav1.APIResource{
		{Name: "namespaces", Kind: "Namespace", Version: "v1"},
		{Name: "secrets", Kind: "Secret", Version: "v1", Namespaced: true},
	} {
		t, _, _ := kubefed.Enable(r, nil, kubefed.Directive{})
		types = append(types, t)
	}
	federated, left := kubefed.Contents(objects, types)
	for _, o := range federated {
		fmt.Println(o.GetKind(), o.GetNamespace()+"/"+o.GetName())
	}
	for _, err := range left {
		fmt.Println("left out:", err)
	}
	// Output:
	// FederatedNamespace shop/shop
	// FederatedSecret shop/key
	// left out: ServiceAccount shop/default: belongs to its cluster: every namespace has one
}

func ExampleContentTypes() {
	verbs := metav1.Verbs{"create", "get", "list"}
	lists := []metav1.APIResourceList{{GroupVersion: "v1", APIResources: []metav1.APIResource{
		{Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: verbs},
		{Name: "events", Kind: "Event", Namespaced: true, Verbs: verbs},
		{Name: "pods", Kind: "Pod", Namespaced: true, Verbs: verbs, ShortNames: []string{"po"}},
	}}}
	for _, r := range kubefed.ContentTypes(lists, []string{"po"}, "") {
		fmt.Println(r.Name)
	}
	// Output:
	// configmaps
}

func ExampleCheckEnable() {
	enable := func(group string) kubefed.Type {
		r := metav1.APIResource{Name: "ingresses", Kind: "Ingress", Group: group, Version: "v1", Namespaced: true}
		t, _, _ := kubefed.Enable(r, nil, kubefed.Directive{})
		return t
	}
	fmt.Println(kubefed.CheckEnable(enable("networking.k8s.io"), []kubefed.Type{enable("extensions")}))
	// Output:
	// ingresses.networking.k8s.io: spec.targetType: invalid: its objects are those of ingresses.extensions, which is enabled already; disable one first
}

// An object of Federation v1 is an ordinary one with an annotation.
func ExampleDecodeV1() {
	objects, _ := kubefed.Documents([]byte(`
apiVersion: v1
kind: ConfigMap
metadata:
  name: motd
  namespace: shop
  annotations:
    federation.alpha.kubernetes.io/cluster-selector: '[{"key": "tier", "operator": "In", "values": ["edge"]}]'
`))
	wish, err := kubefed.DecodeV1(objects[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(wish.Template.GetName(), wish.Placement.Selector.MatchExpressions)
	// Output:
	// motd [{tier In [edge]}]
}

// KubeFed's prototype had one object for each of template, placement and overrides.
func ExampleDecodePrototype() {
	parts, _ := kubefed.Documents([]byte(`
apiVersion: generated.federation.k8s.io/v1alpha1
kind: FederatedConfigMap
metadata: {name: motd, namespace: shop}
spec: {template: {data: {text: hello}}}
---
apiVersion: generated.federation.k8s.io/v1alpha1
kind: FederatedConfigMapPlacement
metadata: {name: motd, namespace: shop}
spec: {clusterNames: [berlin, rome]}
---
apiVersion: generated.federation.k8s.io/v1alpha1
kind: FederatedConfigMapOverride
metadata: {name: motd, namespace: shop}
spec: {overrides: [{clusterName: rome, clusterOverrides: [{path: data.text, value: ciao}]}]}
`))
	wish, err := kubefed.DecodePrototype(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, parts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range wish.Placement.Clusters {
		r, err := federation.Render(wish, placement.Cluster{Name: name}, nil)
		fmt.Println(name, r.Manifest.Object["data"], err)
	}
	// Output:
	// berlin map[text:hello] <nil>
	// rome map[text:ciao] <nil>
}

func ExampleDecodeDirective() {
	objects, _ := kubefed.Documents([]byte(`
apiVersion: core.kubefed.io/v1beta1
kind: EnableTypeDirective
metadata: {name: deployments.apps}
spec: {federatedGroup: fed.example.com}
`))
	d, err := kubefed.DecodeDirective(objects[0])
	fmt.Printf("%+v %v\n", d, err)
	// Output:
	// {Name:deployments.apps TargetVersion: FederatedGroup:fed.example.com FederatedVersion:} <nil>
}
