package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

var podKind = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}

const (
	// unschedulableAfter is how long a pod may be without a node before its cluster counts as full, as in KubeFed.
	unschedulableAfter = time.Minute
	// recheck is when to look again at a workload that is not all ready, whatever changes meanwhile.
	recheck = 10 * time.Second
)

// seen is what was observed of a workload in all clusters.
type seen struct {
	current   map[string]int64 // replicas that run, or may yet
	silent    map[string]int64 // shares of clusters that are silent and keep them
	lost      map[string]int64 // of clusters whose share others take; what runs there is seen before it shrinks
	sightings []scheduling.Sighting
	recheck   time.Duration
}

// observe looks at the copies, and where these are not all ready, at their pods. A silent cluster keeps its share for the
// delay that KubeFedConfig asks for; then others take it, and what the object says about the cluster stays until it answers:
// what runs there is counted before it shrinks. One of which nobody knows whether it is silent (not probed yet, or the fault
// may be on this side) keeps its share.
func (d division) observe(ctx context.Context, names []string) (seen, error) {
	out := seen{current: map[string]int64{}, silent: map[string]int64{}, lost: map[string]int64{}}
	shares := d.shares()
	for _, name := range names {
		c, _ := d.members.Fleet().Get(name)
		_, lost := d.lost[name]
		switch wait := d.config.UnavailableDelay - time.Since(c.Ready.Since); {
		case lost && c.Ready.State != placement.Ready:
			out.lost[name] = shares[name] // until it is seen
			continue
		case c.Ready.State == placement.ReadyUnknown:
			out.silent[name] = shares[name]
			continue
		case c.Ready.State != placement.Ready && wait > 0:
			out.silent[name] = shares[name]
			out.again(wait)
			continue
		case c.Ready.State != placement.Ready:
			out.lost[name] = shares[name]
			continue
		}
		if err := d.look(ctx, name, &out); err != nil {
			return out, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

func (s *seen) again(wait time.Duration) {
	if wait = max(wait, time.Second); s.recheck == 0 || wait < s.recheck {
		s.recheck = wait
	}
}

// look reads one cluster. While the copy of a ready one is not known, nothing can be divided: unknown is not none.
func (d division) look(ctx context.Context, name string, out *seen) error {
	client, err := d.caches.Client(name)
	if err != nil {
		return err
	}
	workload, err := client.Get(ctx, d.gvk(), d.key)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	replicas, _, _ := unstructured.NestedInt64(workload.Object, "spec", "replicas")
	ready, _, _ := unstructured.NestedInt64(workload.Object, "status", "readyReplicas")
	out.current[name] = replicas
	if ready == replicas {
		out.sightings = append(out.sightings, scheduling.Sighting{Target: name, Running: replicas})
		return nil
	}
	out.again(recheck)
	pods, err := podsOf(ctx, client, workload)
	if apierrors.IsForbidden(err) {
		logr.FromContextOrDiscard(ctx).Info("pods cannot be seen, so a cluster that is full is not noticed", "cluster", name, "error", err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	stuck, running := d.count(pods, out)
	// A workload that just shrank, or rolls out, has more pods than replicas: those that are not stuck count first.
	stuck = min(stuck, max(replicas-running, 0))
	out.current[name] = replicas - stuck
	if stuck > 0 {
		out.sightings = append(out.sightings, scheduling.Sighting{Target: name, Running: replicas - stuck, Unschedulable: stuck})
	}
	return nil
}

// count tells pods that have found no node for too long from all others that are not about to go.
func (d division) count(pods []unstructured.Unstructured, out *seen) (stuck, others int64) {
	for _, pod := range pods {
		phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
		if pod.GetDeletionTimestamp() != nil || phase == "Succeeded" || phase == "Failed" {
			continue
		}
		since, waits := unschedulable(pod.Object)
		left := unschedulableAfter - time.Since(since)
		if waits && left <= 0 {
			stuck++
			continue
		}
		if others++; waits {
			out.again(left)
		}
	}
	return stuck, others
}

// podsOf lists the pods that the workload selects.
func podsOf(ctx context.Context, client *kube.Cached, workload *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	raw, _, _ := unstructured.NestedMap(workload.Object, "spec", "selector")
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &selector); err != nil {
		return nil, err
	}
	parsed, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return nil, err
	}
	return client.List(ctx, podKind, workload.GetNamespace(), parsed.String())
}

// unschedulable says since when a pod has found no node.
func unschedulable(pod map[string]any) (since time.Time, is bool) {
	if phase, _, _ := unstructured.NestedString(pod, "status", "phase"); phase == "Running" {
		return time.Time{}, false
	}
	conditions, _, _ := unstructured.NestedSlice(pod, "status", "conditions")
	for _, item := range conditions {
		c, _ := item.(map[string]any)
		if c["type"] == "PodScheduled" && c["status"] == "False" && c["reason"] == "Unschedulable" {
			text, _ := c["lastTransitionTime"].(string)
			t, err := time.Parse(time.RFC3339, text)
			return t, err == nil
		}
	}
	return time.Time{}, false
}
