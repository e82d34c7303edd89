package fedtest_test

import (
	"strconv"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation/fedtest"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: default, name: web, labels: {app: web, tier: front}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {example.com/scrape: "true"}}
    spec:
      serviceAccountName: web
      containers:
      - name: web
        image: web:1
        args: [--port=8080]
        env: [{name: MODE, value: fast}, {name: LEVEL, value: info}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]
        resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
        readinessProbe: {httpGet: {path: /ready, port: http}}
        volumeMounts: [{name: config, mountPath: /etc/web}, {name: tmp, mountPath: /tmp}]
      - name: proxy
        image: proxy:1
        ports: [{containerPort: 15001}]
      volumes: [{name: config, configMap: {name: web}}, {name: tmp, emptyDir: {}}]
`

func parse(b testing.TB, text string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &obj.Object); err != nil {
		b.Fatal(err)
	}
	return obj
}

func BenchmarkApply(b *testing.B) {
	force := true
	options := metav1.PatchOptions{FieldManager: "us", Force: &force}
	for _, changed := range []bool{false, true} {
		b.Run("changed="+strconv.FormatBool(changed), func(b *testing.B) {
			member, obj := &fedtest.Member{}, parse(b, deployment)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if changed {
					obj.Object["spec"].(map[string]any)["replicas"] = int64(i)
				}
				if _, err := member.Patch(b.Context(), obj, nil, options); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	member, obj := &fedtest.Member{}, parse(b, deployment)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		obj.SetName("web-" + strconv.Itoa(i))
		if _, err := member.Create(b.Context(), obj, metav1.CreateOptions{FieldManager: "us"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	member, obj := &fedtest.Member{}, parse(b, deployment)
	if _, err := member.Create(b.Context(), obj, metav1.CreateOptions{FieldManager: "us"}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := member.Get(b.Context(), obj.GroupVersionKind(), nameOf(obj)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMember(b *testing.B) {
	name := types.NamespacedName{Name: "default"}
	b.ReportAllocs()
	for b.Loop() {
		member := &fedtest.Member{}
		if _, err := member.Get(b.Context(), schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, name); err != nil {
			b.Fatal(err)
		}
	}
}
