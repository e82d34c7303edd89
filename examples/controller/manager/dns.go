package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/sync/errgroup"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/dnsrecord"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// dnsRecheck is when to look up again what a host name stands for, since nobody tells.
const dnsRecheck = 30 * time.Second

var sliceKind = schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}

// serviceLabel names the service on an EndpointSlice.
const serviceLabel = "kubernetes.io/service-name"

func dnsKind(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: kubefed.DNSGroup, Version: "v1alpha1", Kind: kind}
}

// records publish where a service or an ingress answers: addresses in the members → status of the record → DNSEndpoint, of
// KubeFed's group and of external-dns's, as far as the host serves them.
type records struct {
	*core
	types  *typeController
	kind   schema.GroupVersionKind
	of     string // the FederatedTypeConfig of what is behind the record
	mirror *mirror
	loop   *loop

	published map[string]*mirror // by group: not every host serves both
	endpoints kube.Caches        // what is behind the services in the members
	said      sync.Map           // record → why it is not published, since its status has no words
}

// look is one look at a record.
type look struct {
	key      types.NamespacedName
	record   kubefed.DNSRecord
	clusters []dnsrecord.Cluster
}

// newRecords are the controllers whose feature gates are on.
func newRecords(k *typeController) (out []*records) {
	for _, each := range []struct{ gate, kind, of string }{
		{kubefed.CrossClusterServiceDiscovery, "ServiceDNSRecord", "services"},
		{kubefed.FederatedIngress, "IngressDNSRecord", "ingresses.networking.k8s.io"},
	} {
		if !k.config.Features[each.gate] {
			continue
		}
		r := &records{core: k.core, types: k, kind: dnsKind(each.kind), of: each.of, published: map[string]*mirror{}}
		kinds := []kube.CachedKind{{GroupVersionKind: r.kind, Namespace: k.scope()}}
		if each.kind == "ServiceDNSRecord" {
			kinds = append(kinds, kube.CachedKind{GroupVersionKind: dnsKind("Domain"), Namespace: k.Namespace})
			r.endpoints = kube.Caches{Kinds: []kube.CachedKind{{GroupVersionKind: sliceKind, Namespace: k.scope()}}, Selector: serviceLabel}
		}
		for _, group := range endpointGroups() {
			r.published[group] = newMirror(&k.hosts, kube.CachedKind{GroupVersionKind: endpointKind(group), Namespace: k.scope()})
		}
		r.mirror = newMirror(&k.hosts, kinds...)
		r.loop = newLoop(k.core, "dns "+each.of, r.reconcile)
		k.told = append(k.told, func(s *syncer, name types.NamespacedName) {
			if s.typeName() == r.of {
				r.loop.add(name, 0)
			}
		})
		out = append(out, r)
	}
	return out
}

func (r *records) run(ctx context.Context) error {
	name := "dns " + r.of
	r.ready.set(name, func() error { return errors.Join(r.mirror.usable(), r.publishable()) })
	defer r.ready.remove(name)
	defer r.loop.queue.ShutDown() // also when it never came to run
	r.live.set(name, r.loop.stuck)
	defer r.live.remove(name)
	defer r.shares.listen(r.all)()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return r.mirror.run(ctx, func(change kube.Change) {
			if change.GroupKind == r.kind.GroupKind() {
				r.loop.add(change.Name, 0)
				return
			}
			r.all() // a Domain, or everything
		})
	})
	group.Go(func() error { return follow(ctx, &r.endpoints, &r.members, r.endpointsChanged) })
	for _, published := range r.published {
		group.Go(func() error { return published.run(ctx, r.publishedChanged) })
	}
	group.Go(func() error {
		known := func() bool { return r.mirror.synced() == nil && r.publishable() == nil }
		if poll(ctx, 20*time.Millisecond, known) == nil {
			r.loop.run(ctx, 2)
		}
		return nil
	})
	return group.Wait()
}

// publishable says whether it is known what is published, of the groups that the host serves.
func (r *records) publishable() error {
	var errs []error
	for _, group := range endpointGroups() {
		errs = append(errs, r.published[group].usable())
	}
	return errors.Join(errs...)
}

func (r *records) all() { r.addAll("") }

// addAll looks at all records, in one namespace or in all.
func (r *records) addAll(namespace string) {
	names, _ := r.mirror.names(r.kind, namespace) // told when it is in step
	for _, name := range names {
		r.loop.add(name, r.Settle)
	}
}

// endpointsChanged looks at the records of the namespace: of which service a slice was is not known when it is gone.
func (r *records) endpointsChanged(change kube.Change) { r.addAll(change.Name.Namespace) }

// publishedChanged looks at the record of what was published, or at all: the host may serve the group only now.
func (r *records) publishedChanged(change kube.Change) {
	if change.GroupKind.Kind == "" {
		r.all()
	} else if name, ok := strings.CutPrefix(change.Name.Name, r.prefix()); ok {
		r.loop.add(types.NamespacedName{Namespace: change.Name.Namespace, Name: name}, r.Settle)
	}
}

// prefix is that of the names of a record's DNSEndpoints.
func (r *records) prefix() string {
	return map[string]string{"ServiceDNSRecord": "service-", "IngressDNSRecord": "ingress-"}[r.kind.Kind]
}

func endpointGroups() []string { return []string{kubefed.DNSGroup, kubefed.ExternalDNSGroup} }

func endpointKind(group string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: "v1alpha1", Kind: "DNSEndpoint"}
}

// reconcile brings one record in line. What it published goes with it, by owner reference.
func (r *records) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	obj, err := r.mirror.get(ctx, r.kind, key)
	if apierrors.IsNotFound(err) || err == nil && obj.GetDeletionTimestamp() != nil {
		r.said.Delete(key)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	record, err := kubefed.DecodeDNSRecord(obj)
	if err != nil {
		r.stays(obj, "Invalid", "%v", err)
		return 0, nil
	}
	of := r.types.syncer(r.of)
	if of == nil {
		if r.types.looked() == nil && r.loop.queue.NumRequeues(key) >= explained { // else it may just start anew
			r.stays(obj, "TypeNotRunning", "the FederatedTypeConfig %s in %s is absent or does not run", r.of, r.Namespace)
		}
		return 0, errAgain
	}
	domain := ""
	if r.kind.Kind == "ServiceDNSRecord" {
		found, err := r.mirror.get(ctx, dnsKind("Domain"), types.NamespacedName{Namespace: r.Namespace, Name: record.Service.Federation})
		if apierrors.IsNotFound(err) { // told when there is one
			r.stays(obj, "NotFound", "there is no Domain %s in %s", record.Service.Federation, r.Namespace)
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if domain, _, err = kubefed.DecodeDomain(found); err != nil { // told when it changes
			r.stays(obj, "Invalid", "%v", err)
			return 0, nil
		}
	}
	r.said.Delete(key)
	l := look{key: key, record: record}
	l.clusters = r.observe(ctx, of, l)
	if out := kubefed.EncodeDNSStatus(obj, domain, l.clusters); out != nil {
		status, _ := out.Object["status"].(map[string]any)
		if obj, err = r.mirror.updateStatus(ctx, obj, status); err != nil {
			return again(err)
		}
	}
	l.record.Service.Domain = domain
	for _, group := range endpointGroups() {
		if err := r.publish(ctx, group, obj, l); err != nil {
			return again(err)
		}
	}
	if named(l.clusters) {
		return dnsRecheck, nil
	}
	return 0, nil
}

// stays tells in an event, once, why a record is not published anew: what was published stays.
func (r *records) stays(obj *unstructured.Unstructured, reason, format string, args ...any) {
	text := fmt.Sprintf(format, args...) + "; what is published stays as it is"
	key := types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
	if before, _ := r.said.Swap(key, reason+text); before != reason+text {
		r.log.Info("record", "object", key.String(), "reason", reason, "message", text)
		r.events.tell(obj, note{corev1.EventTypeWarning, reason, text})
	}
}

// named says whether a cluster answers under a host name.
func named(clusters []dnsrecord.Cluster) bool {
	return slices.ContainsFunc(clusters, func(c dnsrecord.Cluster) bool {
		return slices.ContainsFunc(c.Addresses, func(address string) bool { return net.ParseIP(address) == nil })
	})
}

// observe asks where the service answers. A cluster that cannot be asked answers as it did last.
func (r *records) observe(ctx context.Context, of *syncer, l look) []dnsrecord.Cluster {
	var out []dnsrecord.Cluster
	for c := range of.members.Fleet().All() {
		line := dnsrecord.Cluster{Name: c.Name, Region: c.Region, Zones: c.Zones, Ready: c.Ready.State == placement.Ready}
		addresses, err := r.addresses(ctx, of, c.Name, l)
		if err != nil {
			i := slices.IndexFunc(l.record.Clusters, func(before dnsrecord.Cluster) bool { return before.Name == c.Name })
			if i >= 0 {
				addresses = l.record.Clusters[i].Addresses
			}
		}
		line.Addresses = addresses
		out = append(out, line)
	}
	return out
}

// addresses are those of the load balancer, where the service has an endpoint that is ready.
func (r *records) addresses(ctx context.Context, of *syncer, cluster string, l look) ([]string, error) {
	if err := of.readiness(cluster); err != nil {
		return nil, err
	}
	client, err := of.caches.Client(cluster)
	if err != nil {
		return nil, err
	}
	live, err := client.Get(ctx, of.gvk(), l.key)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	ingress, _, _ := unstructured.NestedSlice(live.Object, "status", "loadBalancer", "ingress")
	for _, item := range ingress {
		entry, _ := item.(map[string]any)
		for _, field := range []string{"ip", "hostname"} {
			if text, _ := entry[field].(string); text != "" {
				out = append(out, text)
				break
			}
		}
	}
	if len(out) == 0 || r.kind.Kind != "ServiceDNSRecord" || l.record.AllowWithoutEndpoints {
		return out, nil
	}
	ready, err := r.served(ctx, cluster, l.key)
	if apierrors.IsForbidden(err) {
		logr.FromContextOrDiscard(ctx).Info("endpoints cannot be seen, so the cluster answers as it did last: join it again to grant that",
			"cluster", cluster, "error", err.Error())
	}
	if err != nil || !ready {
		return nil, err
	}
	return out, nil
}

// served says whether the service has an endpoint in a cluster that is ready.
func (r *records) served(ctx context.Context, cluster string, service types.NamespacedName) (bool, error) {
	client, err := r.endpoints.Client(cluster)
	if err != nil {
		return false, err
	}
	names, err := client.Names(sliceKind, service.Namespace)
	if err != nil {
		return false, err
	}
	// Slices that Kubernetes made begin with the service's name: these first, since a namespace may have hundreds of others.
	others := func(name types.NamespacedName) int {
		if strings.HasPrefix(name.Name, service.Name+"-") {
			return 0
		}
		return 1
	}
	slices.SortFunc(names, func(a, b types.NamespacedName) int { return cmp.Compare(others(a), others(b)) })
	for _, name := range names {
		switch slice, err := client.Get(ctx, sliceKind, name); {
		case apierrors.IsNotFound(err): // just now
		case err != nil:
			return false, err
		case slice.GetLabels()[serviceLabel] == service.Name && answers(slice.Object):
			return true, nil
		}
	}
	return false, nil
}

// answers says whether a slice has an endpoint that is ready; one that says nothing is.
func answers(slice map[string]any) bool {
	endpoints, _, _ := unstructured.NestedSlice(slice, "endpoints")
	return slices.ContainsFunc(endpoints, func(item any) bool {
		endpoint, _ := item.(map[string]any)
		ready, said, _ := unstructured.NestedBool(endpoint, "conditions", "ready")
		return ready || !said
	})
}

// publish writes one DNSEndpoint, if the host serves its group.
func (r *records) publish(ctx context.Context, group string, obj *unstructured.Unstructured, l look) error {
	host, err := r.published[group].client()
	if err != nil {
		return err
	}
	last, err := host.Get(ctx, endpointKind(group), types.NamespacedName{Namespace: obj.GetNamespace(), Name: r.prefix() + obj.GetName()})
	answer := dnsrecord.Answers{Clusters: l.clusters, TTL: l.record.TTL, Resolve: func(host string) ([]string, error) {
		return net.DefaultResolver.LookupHost(ctx, host)
	}}
	switch {
	case meta.IsNoMatchError(err):
		return nil
	case apierrors.IsNotFound(err):
		last = nil
	case err != nil:
		return err
	default:
		answer.Previous, _ = dnsrecord.FromObject(last.Object) // what cannot be read does not stand
	}
	endpoints, failed := l.record.Endpoints(answer)
	if failed != nil { // the rest is right beside it
		logr.FromContextOrDiscard(ctx).Info("not all clusters can be published", "error", failed.Error())
	}
	out := kubefed.EncodeDNSEndpoint(last, obj, group, endpoints)
	switch {
	case out == nil, len(endpoints) == 0 && failed != nil:
		return nil
	case last == nil:
		_, err = host.Create(ctx, out, metav1.CreateOptions{FieldManager: Manager})
	default:
		_, err = host.Patch(ctx, last, changes(last, out), metav1.PatchOptions{FieldManager: Manager})
	}
	return err
}
