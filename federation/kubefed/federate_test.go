package kubefed_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what people read with the file that they read it in.
func golden(t *testing.T, name string, objects ...*unstructured.Unstructured) {
	t.Helper()
	var text strings.Builder
	for i, o := range objects {
		if i > 0 {
			text.WriteString("---\n")
		}
		data, err := yaml.Marshal(o.Object)
		require.NoError(t, err)
		text.Write(data)
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String())
}

// defaults are the resources that the reference controller federates out of the box.
func defaults() []metav1.APIResource {
	return []metav1.APIResource{
		{Name: "clusterroles", Kind: "ClusterRole", Group: "rbac.authorization.k8s.io", Version: "v1"},
		{Name: "configmaps", Kind: "ConfigMap", Version: "v1", Namespaced: true, ShortNames: []string{"cm"}},
		{Name: "daemonsets", Kind: "DaemonSet", Group: "apps", Version: "v1", Namespaced: true, ShortNames: []string{"ds"}},
		{Name: "deployments", Kind: "Deployment", Group: "apps", Version: "v1", Namespaced: true, ShortNames: []string{"deploy"}},
		{Name: "ingresses", Kind: "Ingress", Group: "networking.k8s.io", Version: "v1", Namespaced: true, ShortNames: []string{"ing"}},
		{Name: "jobs", Kind: "Job", Group: "batch", Version: "v1", Namespaced: true},
		{Name: "namespaces", Kind: "Namespace", Version: "v1", ShortNames: []string{"ns"}},
		{Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Version: "v1", Namespaced: true, ShortNames: []string{"pvc"}},
		{Name: "replicasets", Kind: "ReplicaSet", Group: "apps", Version: "v1", Namespaced: true, ShortNames: []string{"rs"}},
		{Name: "secrets", Kind: "Secret", Version: "v1", Namespaced: true},
		{Name: "serviceaccounts", Kind: "ServiceAccount", Version: "v1", Namespaced: true, ShortNames: []string{"sa"}},
		{Name: "services", Kind: "Service", Version: "v1", Namespaced: true, ShortNames: []string{"svc"}},
		{Name: "statefulsets", Kind: "StatefulSet", Group: "apps", Version: "v1", Namespaced: true, ShortNames: []string{"sts"}},
	}
}

func typeOf(t testing.TB, plural string) kubefed.Type {
	t.Helper()
	for _, r := range defaults() {
		if r.Name == plural {
			out, _, err := kubefed.Enable(r, nil, kubefed.Directive{})
			require.NoError(t, err)
			return out
		}
	}
	t.Fatalf("no type %s", plural)
	return kubefed.Type{}
}

const service = `
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  uid: 6f
  resourceVersion: "7"
  creationTimestamp: "2024-01-01T00:00:00Z"
  managedFields: [{manager: kubectl}]
  finalizers: [service.kubernetes.io/load-balancer-cleanup]
  labels: {app: web, kubefed.io/managed: "true", confed.dev/owner: us}
  annotations:
    note: kept
    confed.dev/digest: "v1:00"
    kubectl.kubernetes.io/last-applied-configuration: "{}"
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 30001
  clusterIP: 10.0.0.1
  clusterIPs: [10.0.0.1]
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  selector: {app: web}
  ports: [{name: http, port: 80, nodePort: 30080, targetPort: 8080}]
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}
`

func TestFederate(t *testing.T) {
	live := object(t, service)
	before := live.DeepCopy()
	got, err := kubefed.Federate(live, typeOf(t, "services"))
	require.NoError(t, err)
	require.Equal(t, before, live)
	golden(t, "federatedservice", got)
}

// What belongs to one cluster is not in a template, and what is a wish is.
func TestFederateStrips(t *testing.T) {
	for _, test := range []struct{ name, plural, live, template string }{
		{"a namespace goes into itself", "namespaces", "apiVersion: v1\nkind: Namespace\n" +
			"metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop, team: a}}\nspec: {finalizers: [kubernetes]}",
			"{metadata: {labels: {team: a}}}"},
		{"no tokens of an account", "serviceaccounts", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: shop}\n" +
			"secrets: [{name: a-token-x}]\nautomountServiceAccountToken: false", "{automountServiceAccountToken: false}"},
		{"a headless service stays so", "services", "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\n" +
			"spec: {clusterIP: None, clusterIPs: [None], ipFamilies: [IPv4], selector: {a: b}}", "{spec: {clusterIP: None, selector: {a: b}}}"},
		{"a generated selector", "jobs", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a, namespace: shop, labels: {controller-uid: x, k: v}}\n" +
			"spec: {selector: {matchLabels: {batch.kubernetes.io/controller-uid: x}}, parallelism: 2, template: {metadata: {labels: " +
			"{batch.kubernetes.io/controller-uid: x, controller-uid: x, job-name: a, batch.kubernetes.io/job-name: a, k: v}}, spec: {restartPolicy: Never}}}",
			"{metadata: {labels: {k: v}}, spec: {parallelism: 2, template: {metadata: {labels: {k: v}}, spec: {restartPolicy: Never}}}}"},
		{"a selector that somebody chose", "jobs", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a, namespace: shop}\n" +
			"spec: {manualSelector: true, selector: {matchLabels: {k: v}}, template: {metadata: {labels: {k: v}}}}",
			"{spec: {manualSelector: true, selector: {matchLabels: {k: v}}, template: {metadata: {labels: {k: v}}}}}"},
		{"a bound claim", "persistentvolumeclaims", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a, namespace: shop, " +
			"annotations: {pv.kubernetes.io/bind-completed: \"yes\"}}\nspec: {volumeName: pvc-1, accessModes: [ReadWriteOnce]}",
			"{spec: {accessModes: [ReadWriteOnce]}}"},
		{"another version of the type", "ingresses", "apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\n" +
			"metadata: {name: a, namespace: shop}\nspec: {rules: [{host: a}]}", "{apiVersion: networking.k8s.io/v1beta1, spec: {rules: [{host: a}]}}"},
		{"a secret in plain text", "secrets", "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: shop}\nstringData: {k: v}", "{data: {k: dg==}}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			live := object(t, test.live)
			got, err := kubefed.Federate(live, typeOf(t, test.plural))
			require.NoError(t, err)
			var want map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(test.template), &want))
			spec := got.Object["spec"].(map[string]any)
			have, err := yaml.Marshal(spec["template"])
			require.NoError(t, err)
			expected, err := yaml.Marshal(want)
			require.NoError(t, err)
			require.Equal(t, string(expected), string(have))
			require.Equal(t, "shop", got.GetNamespace())
			require.Equal(t, live.GetName(), got.GetName())
		})
	}
}

func TestFederateErrors(t *testing.T) {
	head := "apiVersion: v1\nkind: %s\nmetadata: {name: %s, namespace: shop%s}\n%s"
	for _, test := range []struct {
		plural, kind, name, meta, rest, field string
		want                                  error
	}{
		{"configmaps", "ConfigMap", "kube-root-ca.crt", "", "", "", kubefed.ErrLocal},
		{"configmaps", "ConfigMap", "a", ", ownerReferences: [{controller: true, kind: X, name: x}]", "", "", kubefed.ErrLocal},
		{"secrets", "Secret", "a", "", "type: kubernetes.io/service-account-token", "", kubefed.ErrLocal},
		{"secrets", "ConfigMap", "a", "", "", "kind", federation.ErrInvalid},
		{"configmaps", "ConfigMap", "a:b", "", "", "metadata.name", federation.ErrInvalid},
		{"configmaps", "ConfigMap", "a", ", labels: {a: 1}", "", "metadata.labels.a", federation.ErrInvalid},
	} {
		_, err := kubefed.Federate(object(t, fmt.Sprintf(head, test.kind, test.name, test.meta, test.rest)), typeOf(t, test.plural))
		require.ErrorIs(t, err, test.want)
		var wrong *federation.Error
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, test.field, wrong.Field)
		require.Contains(t, wrong.Object, "shop/"+test.name)
	}
	_, err := kubefed.Federate(object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}"), typeOf(t, "configmaps"))
	require.ErrorContains(t, err, "metadata.namespace: ")
	_, err = kubefed.Federate(nil, typeOf(t, "configmaps"))
	require.ErrorIs(t, err, federation.ErrInvalid)

	// An owner that is no controller does not make it.
	_, err = kubefed.Federate(object(t, fmt.Sprintf(head, "ConfigMap", "a", ", ownerReferences: [{kind: X, name: x}]", "")), typeOf(t, "configmaps"))
	require.NoError(t, err)
}

// Whatever an object looks like: what is federated reads back as its template, and federating that changes nothing more.
func TestFederateLaws(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		r := defaults()[rnd.IntN(len(defaults()))]
		typ := typeOf(t, r.Name)
		live := randomObject(rnd, r)
		before := live.DeepCopy()
		got, err := kubefed.Federate(live, typ)
		require.NoError(t, err)
		require.Equal(t, before, live)
		wish, err := kubefed.Decode(got, typ.Target.GVK)
		require.NoError(t, err)

		want, _ := federation.Template(live)
		require.Equal(t, want.Object, wish.Template.Object)
		require.Empty(t, wish.Overrides)
		require.NotNil(t, wish.Placement.Selector)

		again, err := kubefed.Federate(wish.Template, typ)
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
}

func randomObject(rnd *rand.Rand, r metav1.APIResource) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind})
	if rnd.IntN(5) == 0 && r.Kind != "Namespace" {
		o.SetAPIVersion(schema.GroupVersion{Group: r.Group, Version: "v1beta1"}.String())
	}
	for _, key := range []string{"spec", "data", "stringData", "secrets", "imagePullSecrets", "rules", "immutable", "status"} {
		if rnd.IntN(2) == 0 || key == "spec" {
			o.Object[key] = randomValue(rnd, 4)
		}
	}
	if _, ok := o.Object["spec"].(map[string]any); !ok {
		o.Object["spec"] = map[string]any{"replicas": int64(1)}
	}
	o.SetName([]string{"a", "web-1", "x.y"}[rnd.IntN(3)])
	if r.Namespaced {
		o.SetNamespace("shop")
	}
	if rnd.IntN(2) == 0 {
		o.SetLabels(map[string]string{"app": "web", "controller-uid": "x", "kubernetes.io/metadata.name": "a"})
	}
	if rnd.IntN(2) == 0 {
		o.SetAnnotations(map[string]string{"note": "", "kubectl.kubernetes.io/last-applied-configuration": "{}"})
	}
	if rnd.IntN(2) == 0 {
		o.SetUID("u")
		o.SetResourceVersion("7")
		o.SetGeneration(2)
		o.SetFinalizers([]string{"a/b"})
		o.SetOwnerReferences([]metav1.OwnerReference{{Kind: "X", Name: "x"}})
	}
	return o
}

func randomValue(rnd *rand.Rand, depth int) any {
	keys := []string{
		"clusterIP", "clusterIPs", "ports", "nodePort", "healthCheckNodePort", "ipFamilies", "selector", "matchLabels", "template", "metadata",
		"labels", "controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "volumeName", "replicas", "finalizers", "manualSelector",
		"kind", "apiVersion", "annotations", "name", "spec",
	}
	switch n := rnd.IntN(9); {
	case depth > 0 && n < 4:
		m := map[string]any{}
		for range rnd.IntN(6) {
			m[keys[rnd.IntN(len(keys))]] = randomValue(rnd, depth-1)
		}
		return m
	case depth > 0 && n == 4:
		list := []any{}
		for range rnd.IntN(3) {
			list = append(list, randomValue(rnd, depth-1))
		}
		return list
	case n == 5:
		return nil
	case n == 6:
		return int64(rnd.IntN(3))
	case n == 7:
		return rnd.IntN(2) == 0
	}
	return []string{"", "None", "a"}[rnd.IntN(3)]
}

func TestContents(t *testing.T) {
	var types []kubefed.Type
	for _, plural := range []string{"namespaces", "configmaps", "serviceaccounts", "deployments"} {
		types = append(types, typeOf(t, plural))
	}
	docs, err := kubefed.Documents([]byte(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: motd, namespace: shop}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: shop}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, namespace: shop, ownerReferences: [{controller: true, kind: Deployment, name: web}]}}
---
{apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shop}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: "a:b", namespace: shop}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {replicas: 1}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: motd, namespace: shop}}
`))
	require.NoError(t, err)
	federated, left := kubefed.Contents(append(docs, nil), types)
	golden(t, "contents", federated...)
	require.Len(t, left, 7)
	for i, want := range []error{
		kubefed.ErrLocal, kubefed.ErrLocal, kubefed.ErrLocal, kubefed.ErrNotEnabled, federation.ErrInvalid, federation.ErrInvalid, federation.ErrInvalid,
	} {
		require.ErrorIs(t, left[i], want)
	}
	require.ErrorContains(t, left[2], "ReplicaSet.apps shop/web-1: belongs to its cluster: its controller, the Deployment web, makes it")
	require.ErrorContains(t, left[5], "ConfigMap shop/motd: invalid: it is there twice")
}
