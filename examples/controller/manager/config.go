package manager

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

// configName is that of the one KubeFedConfig that counts.
const configName = "kubefed"

// configure reads the KubeFedConfig; without one, the defaults of a cluster-scoped control plane count. It waits for a host
// that does not answer.
func (c *core) configure(ctx context.Context) (*kubefed.Config, error) {
	obj := c.Config
	name := types.NamespacedName{Namespace: c.Namespace, Name: configName}
	for obj == nil {
		found, err := c.host().Get(ctx, coreKind("KubeFedConfig"), name)
		switch {
		case err == nil:
			obj = found
		case apierrors.IsNotFound(err):
			obj = &unstructured.Unstructured{}
			obj.SetGroupVersionKind(coreKind("KubeFedConfig"))
			obj.SetNamespace(c.Namespace)
			obj.SetName(configName)
			obj.Object["spec"] = map[string]any{"scope": "Cluster"}
		default:
			c.log.Error(err, "cannot read the KubeFedConfig yet", "object", name)
			if err := poll(ctx, time.Second, tries(2)); err != nil {
				return nil, err
			}
		}
	}
	config, err := kubefed.DecodeConfig(obj)
	return &config, err
}

// watchConfig returns the first KubeFedConfig that says something else than the one that counts, or nil when ctx ends. One that
// cannot be used, or that was deleted, changes nothing: nobody said what to do instead.
func (c *core) watchConfig(ctx context.Context) *kubefed.Config {
	if c.Config != nil {
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next *kubefed.Config
	m := newMirror(&c.hosts, kube.CachedKind{GroupVersionKind: coreKind("KubeFedConfig"), Namespace: c.Namespace})
	_ = m.run(ctx, func(kube.Change) { // a kind of ours has no selector that could be bad
		obj, err := m.get(ctx, coreKind("KubeFedConfig"), types.NamespacedName{Namespace: c.Namespace, Name: configName})
		if err != nil || next != nil {
			return // told again when it is there
		}
		config, err := kubefed.DecodeConfig(obj)
		if err != nil {
			c.log.Error(err, "a KubeFedConfig that cannot be used changes nothing: the one before still counts")
			return
		}
		if changes := differences(c.config, config); len(changes) > 0 {
			c.log.Info("the KubeFedConfig changed: the work starts anew", "changes", changes)
			next = &config
			cancel()
		}
	})
	return next
}

// differences says in words what two configurations do not have in common.
func differences(a, b kubefed.Config) []string {
	var out []string
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		if from, to := x.Field(i).Interface(), y.Field(i).Interface(); !reflect.DeepEqual(from, to) {
			out = append(out, fmt.Sprintf("%s: %v, was %v", x.Type().Field(i).Name, to, from))
		}
	}
	slices.Sort(out)
	return out
}
