package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// What stays behind, and why.
var (
	ErrNotEmpty      = errors.New("propagated objects are left")
	ErrNamespaceKept = errors.New("the namespace stays because something else is in it")
)

// Bounds of leaving.
const (
	membersAtOnce  = 32              // that Teardown takes out side by side
	departureLimit = 5 * time.Minute // for a member to answer
)

// Unjoin removes from the member what Join created for this name and nothing else, whatever the rest of the Grant says.
// member needs the rights of an administrator. The namespace goes if Join created it and nothing else is in it; if
// something is, or the member does not tell, it stays, and the error is ErrNamespaceKept with what was found, but
// everything else is done. It may be called again at any time.
func Unjoin(ctx context.Context, member *Client, g Grant) error {
	if member.broken != nil {
		return member.broken
	}
	if err := g.prune(ctx, member, nil); err != nil {
		return err
	}
	namespace := schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
	live, err := member.Get(ctx, namespace, types.NamespacedName{Name: g.Namespace})
	if apierrors.IsNotFound(err) || err == nil && (!g.owns(live) || live.GetDeletionTimestamp() != nil) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := member.inhabitant(ctx, g.Namespace)
	if err != nil {
		return fmt.Errorf("what is in namespace %s: %w", g.Namespace, err)
	}
	if found != "" {
		return fmt.Errorf("namespace %s: %w: %s", g.Namespace, ErrNamespaceKept, found)
	}
	return remove(ctx, member, live)
}

// inhabitant names one object of a namespace that Kubernetes does not put into every namespace; "" if there is none. When
// the member refuses to tell about some kind, as it does while an aggregated API is down, that is named instead.
func (c *Client) inhabitant(ctx context.Context, namespace string) (string, error) {
	versions, err := c.groupVersions(ctx)
	if err != nil {
		return "", err
	}
	untold := ""
	seen := map[schema.GroupResource]bool{}
	for _, gv := range versions {
		found, err := c.inhabitantOf(ctx, gv, namespace, seen)
		if status := apierrors.APIStatus(nil); errors.As(err, &status) {
			untold = cmp.Or(untold, fmt.Sprintf("perhaps something of %s, about which the member says: %s", gv, status.Status().Message))
			continue
		}
		if err != nil || found != "" {
			return found, err
		}
	}
	return untold, nil
}

// inhabitantOf looks into one version of a group, for what was not seen in another.
func (c *Client) inhabitantOf(ctx context.Context, gv, namespace string, seen map[schema.GroupResource]bool) (string, error) {
	path := "/apis/" + gv
	if gv == "v1" {
		path = "/api/v1"
	}
	var list metav1.APIResourceList
	if err := c.read(ctx, path, &list); err != nil {
		return "", err
	}
	parsed, err := schema.ParseGroupVersion(gv)
	if err != nil {
		return "", err
	}
	for _, r := range list.APIResources {
		if !r.Namespaced || strings.Contains(r.Name, "/") || !slices.Contains(r.Verbs, "list") || r.Name == "events" {
			continue
		}
		resource := parsed.WithResource(r.Name)
		if seen[resource.GroupResource()] {
			continue
		}
		items, err := c.metadata.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", c.scrub(err)
		}
		seen[resource.GroupResource()] = true
		for _, item := range items.Items {
			if item.DeletionTimestamp == nil && !everywhere(r.Name, item.Name) {
				return r.Kind + " " + item.Name, nil
			}
		}
	}
	return "", nil
}

// everywhere tells what Kubernetes itself puts into every namespace.
func everywhere(resource, name string) bool {
	return resource == "configmaps" && name == "kube-root-ca.crt" || resource == "serviceaccounts" && name == "default"
}

// groupVersions lists v1 and the versions of each group, the preferred one first: a kind need not be served in that.
func (c *Client) groupVersions(ctx context.Context) ([]string, error) {
	var groups metav1.APIGroupList
	if err := c.read(ctx, "/apis", &groups); err != nil {
		return nil, err
	}
	versions := []string{"v1"}
	for _, g := range groups.Groups {
		preferred := g.PreferredVersion.GroupVersion
		versions = append(versions, preferred)
		for _, v := range g.Versions {
			if v.GroupVersion != preferred {
				versions = append(versions, v.GroupVersion)
			}
		}
	}
	return versions, nil
}

func (c *Client) read(ctx context.Context, path string, into any) error {
	body, err := c.rest.Get().AbsPath(path).Do(ctx).Raw()
	if err != nil {
		return c.scrub(err)
	}
	return json.Unmarshal(body, into)
}

// Departure is one member on its way out.
type Departure struct {
	Cluster string
	Grant   Grant
	Member  *Client // an administrator's; nil if there is none any more
	// Empty removes or releases the propagated objects of this member, as the program's policy is, and returns how many
	// are left. Nil leaves them where they are.
	Empty func(ctx context.Context) (left int, err error)
	// Force goes on when the member cannot be emptied or unjoined, because it is gone for good.
	Force bool
	// Timeout bounds what is asked of the member, so that one that accepts everything and answers nothing leaves time for
	// the host; 0: five minutes.
	Timeout time.Duration

	Host    *Client                      // where the program remembers its members
	Records []*unstructured.Unstructured // what it remembers of this one: at least kind, namespace and name of each
}

// Leave empties the member, unjoins it, and removes the host's records of it, in that order. As long as one of these
// fails the next are not tried, and Leave can be called again. With Force all are tried, and the error tells what was
// passed over. ErrNamespaceKept of the member does not keep the records.
func Leave(ctx context.Context, d Departure) error {
	_, err := d.leave(ctx)
	return err
}

// leave also tells whether nothing keeps the member any more.
func (d Departure) leave(ctx context.Context) (gone bool, err error) {
	err = d.fromMember(ctx)
	if err != nil && !d.Force && !errors.Is(err, ErrNamespaceKept) {
		return false, fmt.Errorf("cluster %q: %w", d.Cluster, err)
	}
	gone = true
	for _, record := range d.Records {
		if failed := d.forget(ctx, record); failed != nil {
			gone, err = false, errors.Join(err, fmt.Errorf("%s of the host: %w", describe(record), failed))
		}
	}
	if err != nil {
		err = fmt.Errorf("cluster %q: %w", d.Cluster, err)
	}
	return gone, err
}

func (d Departure) forget(ctx context.Context, record *unstructured.Unstructured) error {
	err := d.Host.Delete(ctx, record.GroupVersionKind(), nameOf(record), metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) { // the definition goes last, and may be gone by now
		return nil
	}
	return err
}

func (d Departure) fromMember(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Timeout, departureLimit))
	defer cancel()
	if d.Empty == nil {
		return d.unjoin(ctx)
	}
	left, err := d.Empty(ctx)
	if err == nil && left > 0 {
		err = fmt.Errorf("%w: %d", ErrNotEmpty, left)
	}
	if err != nil && !d.Force {
		return err
	}
	return errors.Join(err, d.unjoin(ctx))
}

func (d Departure) unjoin(ctx context.Context) error {
	if d.Member == nil {
		if d.Force {
			return nil
		}
		return ErrNoCredentials
	}
	return Unjoin(ctx, d.Member, d.Grant)
}

// Teardown takes a whole federation apart: every member leaves, side by side, and when all have left the definitions
// are deleted from the host, by name. As long as a member is left the definitions stay, because deleting them deletes
// what the program knows. A member that is not among members is not waited for, so a program that could not read all of
// them must not call it. It may be called again at any time; the errors of the members are joined.
func Teardown(ctx context.Context, members []Departure, host *Client, definitions ...string) error {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(membersAtOnce)
	errs := make([]error, 0, len(members))
	left := 0
	for _, d := range members {
		group.Go(func() error {
			gone, err := d.leave(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			if !gone {
				left++
			}
			return nil
		})
	}
	_ = group.Wait()
	if left > 0 {
		return errors.Join(errs...)
	}
	crd := schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	for _, name := range definitions {
		err := host.Delete(ctx, crd, types.NamespacedName{Name: name}, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("definition %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
