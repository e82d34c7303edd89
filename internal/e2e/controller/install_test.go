package controller_test

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation/kubefed"
)

// kind is one target type and how it is spelled.
type kind struct {
	name, plural, group, version string
	namespaced                   bool
	template                     string // less metadata
}

func (k kind) apiVersion() string { return strings.TrimPrefix(k.group+"/"+k.version, "/") }
func (k kind) federated() string  { return "federated" + k.plural }

// resource is as discovery has it.
func (k kind) resource() metav1.APIResource {
	return metav1.APIResource{Name: k.plural, Kind: k.name, Group: k.group, Version: k.version, Namespaced: k.namespaced}
}

// typeName is that of the FederatedTypeConfig.
func (k kind) typeName() string { return strings.TrimSuffix(k.plural+"."+k.group, ".") }

func (k kind) scope() string {
	if k.namespaced {
		return "Namespaced"
	}
	return "Cluster"
}

// fedScope is that of the federated type: a FederatedNamespace lives in its namespace.
func (k kind) fedScope() string {
	if k.name == "Namespace" {
		return "Namespaced"
	}
	return k.scope()
}

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.%[1]s, annotations: {api-approved.kubernetes.io: "unapproved, for tests"}}
spec:
  group: %[1]s
  scope: %[5]s
  names: {kind: %[4]s, plural: %[2]s}
  versions:
  - name: %[3]s
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// define installs a definition with no schema to speak of, on a server.
func (w *world) define(server string, names ...any) {
	w.Helper()
	w.established(server, w.decode(fmt.Sprintf(definition, names...)))
}

func (w *world) established(server string, crd *unstructured.Unstructured) {
	w.Helper()
	w.ensure(server, "customresourcedefinitions", crd)
	w.eventually("definition established", func() (bool, any) {
		live := w.get(server, "customresourcedefinitions", crd)
		conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
		for _, c := range conditions {
			if c := c.(map[string]any); c["type"] == "Established" && c["status"] == "True" {
				return true, nil
			}
		}
		return false, live.Object
	})
}

// install puts KubeFed's own definitions on the host.
func (w *world) install() {
	for _, crd := range kubefed.CRDs() {
		w.established(hostName, crd)
	}
}

// enable installs the federated type of a kind and its FederatedTypeConfig.
func (w *world) enable(k kind) {
	w.Helper()
	t, crd, err := kubefed.Enable(k.resource(), nil, kubefed.Directive{})
	require.NoError(w, err)
	if w.lenient {
		t.Federated.GVK.Group = w.group()
		w.define(hostName, w.group(), k.federated(), "v1beta1", "Federated"+k.name, k.fedScope())
	} else {
		w.established(hostName, crd)
	}
	t.StatusCollection = true
	config := t.Encode(nil)
	config.SetNamespace(w.system)
	w.ensure(hostName, "federatedtypeconfigs", config)
}

// group is that of the federated types. The lenient ones have a group of their own, since one definition serves all tests.
func (w *world) group() string {
	if w.lenient {
		return "lenient.kubefed.io"
	}
	return "types.kubefed.io"
}

func (w *world) typeConfig(k kind) *unstructured.Unstructured {
	return w.decode(fmt.Sprintf("{apiVersion: core.kubefed.io/v1beta1, kind: FederatedTypeConfig, metadata: {name: %q, namespace: %s}}", k.typeName(), w.system))
}

// fed is a federated object of a kind; spec is YAML in one line.
func (w *world) fed(k kind, namespace, name, spec string) *unstructured.Unstructured {
	w.Helper()
	obj := w.decode(fmt.Sprintf("{apiVersion: %s/v1beta1, kind: Federated%s, metadata: {name: %s}, spec: %s}", w.group(), k.name, name, spec))
	if k.fedScope() == "Namespaced" {
		obj.SetNamespace(namespace)
	}
	return obj
}

// copied is what a federated object of a kind becomes in a member, as far as names go.
func (w *world) copied(k kind, fed *unstructured.Unstructured) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetAPIVersion(k.apiVersion())
	obj.SetKind(k.name)
	obj.SetName(fed.GetName())
	if k.namespaced {
		obj.SetNamespace(fed.GetNamespace())
	}
	return obj
}

// propagated waits until the status says that a generation is right in exactly the named clusters.
func (w *world) propagated(k kind, fed *unstructured.Unstructured, clusters ...string) *unstructured.Unstructured {
	w.Helper()
	var last *unstructured.Unstructured
	w.eventually(fed.GetName()+" propagated", func() (bool, any) {
		last = w.get(hostName, k.federated(), fed)
		require.NotNil(w, last)
		status, _ := last.Object["status"].(map[string]any)
		want := map[string]bool{}
		for _, c := range clusters {
			want[c] = true
		}
		ok := status["observedGeneration"] == last.GetGeneration()
		lines, _ := status["clusters"].([]any)
		for _, l := range lines {
			line := l.(map[string]any)
			ok = ok && want[line["name"].(string)] && line["status"] == nil
		}
		condition, _, _ := unstructured.NestedSlice(last.Object, "status", "conditions")
		ok = ok && len(lines) == len(clusters) && len(condition) == 1 && condition[0].(map[string]any)["status"] == "True"
		return ok, map[string]any{"status": status, "metadata": last.Object["metadata"]}
	})
	return last
}
