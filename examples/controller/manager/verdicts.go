package manager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/scheduling"
)

// no is the verdict that something is not so.
func no(reason, format string, args ...any) kubefed.Verdict {
	return kubefed.Verdict{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// wanted says whether a type should run, and if not, whether that is something to wait for.
func (k *typeController) wanted(ctx context.Context, obj *unstructured.Unstructured, t kubefed.Type) (kubefed.Verdict, error) {
	runs := kubefed.Verdict{True: true, Reason: "Running", Message: "its objects are propagated"}
	switch {
	case !t.Propagation:
		return no("Disabled", "spec.propagation is Disabled"), nil
	case !k.allowed(t):
		return no("ClusterScoped", "%s are in no namespace, and this control plane sees nothing but the namespace %s", t.Target.Plural, k.Namespace), nil
	case t.Target.Namespaced && k.namespaces() == nil && !k.config.Namespaced:
		return no("WaitsForNamespaces", "there is no FederatedTypeConfig %s in %s, which all namespaced types need", namespacesType, k.Namespace), errAgain
	}
	others, err := k.others(ctx, obj)
	if err != nil {
		if k.syncer(obj.GetName()) != nil {
			return runs, nil
		}
		return no("Unknown", "the other types cannot be read: %v", err), err
	}
	if err := kubefed.CheckEnable(t, others); err != nil {
		return no("Refused", "%v", err), errAgain // two that write the same objects would never end
	}
	return runs, nil
}

// report writes the status of a type, with an event when a fault is new or gone.
func (k *typeController) report(ctx context.Context, obj *unstructured.Unstructured, verdict kubefed.Verdict) error {
	verdict.Now = time.Now()
	out := kubefed.EncodeTypeStatus(obj, verdict, k.collects(obj.GetName(), verdict.True))
	if out == nil || !k.shares.leads(obj.GetNamespace()+"/"+obj.GetName()) {
		return nil
	}
	was, _ := obj.Object["status"].(map[string]any)
	is, _ := out.Object["status"].(map[string]any)
	if _, err := k.mirror.updateStatus(ctx, obj, is); err != nil {
		return err
	}
	k.log.Info("type", "name", obj.GetName(), "reason", verdict.Reason, "message", verdict.Message)
	if verdict.Reason != "Disabled" { // which somebody asked for
		k.events.tell(obj, turned(conditionOf(was, kubefed.ConditionRunning), conditionOf(is, kubefed.ConditionRunning))...)
	}
	return nil
}

// outcome is how a division went. Without a Reason there is nothing to say yet.
type outcome struct {
	kubefed.Verdict
	unplaced int64
	after    time.Duration // when to look again
}

// failed is an outcome that says why nothing was divided: what stands stays.
func failed(reason, format string, args ...any) outcome {
	return outcome{Verdict: no(reason, format+"; the division stays as it is", args...)}
}

// report writes the status of a preference, with an event when a fault is new or gone. A host whose definition keeps no status
// is not asked again until there is something new to say.
func (s *schedules) report(ctx context.Context, obj *unstructured.Unstructured, o outcome) error {
	key := types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
	o.Now = time.Now()
	out := kubefed.EncodePreferenceStatus(obj, o.Verdict, o.unplaced)
	words := fmt.Sprint(obj.GetUID(), obj.GetGeneration(), o.True, o.Reason, o.Message, o.unplaced)
	s.mu.Lock()
	told := s.said[key]
	if out == nil {
		delete(s.said, key) // it is kept: should somebody take it away, it is written again
	}
	s.mu.Unlock()
	if out == nil || told == words {
		return nil
	}
	was, _ := obj.Object["status"].(map[string]any)
	is, _ := out.Object["status"].(map[string]any)
	_, err := s.mirror.updateStatus(ctx, obj, is)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsMethodNotSupported(err) {
		return err
	}
	s.mu.Lock()
	s.said[key] = words
	s.mu.Unlock()
	if err == nil {
		s.metrics.hostWrites.WithLabelValues("preference").Inc()
	}
	s.log.Info("preference", "object", key.String(), "reason", o.Reason, "message", o.Message)
	s.events.tell(obj, turned(conditionOf(was, kubefed.ConditionScheduled), conditionOf(is, kubefed.ConditionScheduled))...)
	return nil
}

// strangers are the clusters that the preference names and that are not in the federation.
func (d division) strangers() []string {
	var out []string
	for _, p := range d.pref.Replicas.Preferences {
		for _, name := range p.Clusters.Clusters {
			if _, ok := d.members.Fleet().Get(name); !ok {
				out = append(out, name)
			}
		}
	}
	return out
}

// reaches says whether the preference speaks of any of the clusters. One that speaks of none gives nothing to nobody, which
// nobody wishes who misspells a name.
func (d division) reaches(names []string) bool {
	return slices.ContainsFunc(d.pref.Replicas.Preferences, func(p federation.Preference) bool {
		return p.Clusters.Clusters == nil || slices.ContainsFunc(p.Clusters.Clusters, func(name string) bool { return slices.Contains(names, name) })
	})
}

// verdict says how a division went.
func (d division) verdict(result scheduling.Result, names []string) kubefed.Verdict {
	said := ""
	if strange := d.strangers(); len(strange) > 0 {
		said = "; there is no cluster " + strings.Join(strange, ", ")
	}
	if result.Unplaced > 0 {
		return no("Unplaced", "%d of %d replicas find no place in %s%s", result.Unplaced, *d.pref.Replicas.Total, naming(names, ""), said)
	}
	return kubefed.Verdict{True: true, Reason: "Scheduled", Message: "all replicas are divided" + said}
}
