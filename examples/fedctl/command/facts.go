package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// readClusters reads the facts about the clusters: KubeFedClusters, ClusterProfiles, Lists of them, or the plain form of
// placement.Cluster, alone, as a list, or as a list below the key clusters.
func readClusters(files []string, stdin []byte) (*placement.Fleet, error) {
	var clusters []placement.Cluster
	var errs []error
	for doc, err := range documents(files, stdin) {
		if err == nil {
			var more []placement.Cluster
			more, err = doc.clusters()
			clusters = append(clusters, more...)
		}
		errs = append(errs, err)
	}
	fleet, err := placement.NewFleet(clusters)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, hint(err, "a file of clusters has KubeFedClusters or ClusterProfiles, as kubectl get -o yaml writes them, or items such as {name: berlin, region: eu, labels: {tier: prod}}")
	}
	if fleet.Len() == 0 {
		return nil, hint(fmt.Errorf("%s: no cluster in it", strings.Join(files, ", ")), "kubectl get kubefedclusters -A -o yaml > clusters.yaml")
	}
	return fleet, nil
}

func (d document) clusters() ([]placement.Cluster, error) {
	data, err := d.json()
	if err != nil {
		return nil, err
	}
	var head struct {
		Kind     string            `json:"kind"`
		Items    []json.RawMessage `json:"items"`
		Clusters []json.RawMessage `json:"clusters"`
	}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		if err := json.Unmarshal(data, &head); err != nil {
			return nil, fmt.Errorf("%s: %w", d.origin, err)
		}
		if list = slices.Concat(head.Items, head.Clusters); head.Items == nil && head.Clusters == nil {
			list = []json.RawMessage{data}
		}
	}
	var out []placement.Cluster
	for _, item := range list {
		c, err := oneCluster(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.origin, err)
		}
		if c != nil {
			out = append(out, *c)
		}
	}
	return out, nil
}

// oneCluster reads one cluster; nil for an object of another kind, so that one file may hold everything.
func oneCluster(data []byte) (*placement.Cluster, error) {
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	obj := &unstructured.Unstructured{Object: doc}
	switch obj.GetKind() {
	case "KubeFedCluster":
		c, err := kubefed.DecodeCluster(obj)
		return &c, err
	case "ClusterProfile":
		p, err := clusterregistry.FromProfile(doc)
		return &p.Cluster, err
	case "":
		var c placement.Cluster
		strict := json.NewDecoder(strings.NewReader(string(data)))
		strict.DisallowUnknownFields()
		err := strict.Decode(&c)
		return &c, err
	}
	return nil, nil
}

var errReadOnly = errors.New("this is a file, not a cluster")

// saved is what files say that one cluster holds. It fulfils federation.ClusterClient for whoever only looks.
type saved struct {
	objects map[federation.Key]*unstructured.Unstructured
	// unmanaged is an object of ours without managed fields, with which drift cannot be told.
	unmanaged string
}

// Get returns what the files have.
func (s *saved) Get(_ context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	key := federation.Key{GroupKind: gvk.GroupKind(), Namespace: name.Namespace, Name: name.Name}
	if obj := s.objects[key]; obj != nil {
		return obj.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: gvk.Group, Resource: strings.ToLower(gvk.Kind)}, name.Name)
}

// Create fails.
func (*saved) Create(context.Context, *unstructured.Unstructured, metav1.CreateOptions) (*unstructured.Unstructured, error) {
	return nil, errReadOnly
}

// Patch fails.
func (*saved) Patch(context.Context, *unstructured.Unstructured, []byte, metav1.PatchOptions) (*unstructured.Unstructured, error) {
	return nil, errReadOnly
}

// Delete fails.
func (*saved) Delete(context.Context, schema.GroupVersionKind, types.NamespacedName, metav1.DeleteOptions) error {
	return errReadOnly
}

// state is what all clusters hold by files: in a directory, one directory for each cluster. A cluster without one is
// unknown, and so is one with a document that cannot be read: unknown is not absent.
type state struct {
	dir     string // "": every cluster is empty
	members map[string]*saved
	errs    map[string]error
}

func readState(dir string, fleet *placement.Fleet) (*state, error) {
	s := &state{dir: dir, members: map[string]*saved{}, errs: map[string]error{}}
	if dir == "" {
		return s, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, hint(err, "--state takes a directory with one directory for each cluster, for example of kubectl --context berlin get all -A --show-managed-fields -o yaml")
	}
	var strange []string
	for _, e := range entries {
		if _, known := fleet.Get(e.Name()); !known {
			strange = append(strange, e.Name())
			continue
		}
		s.members[e.Name()], s.errs[e.Name()] = readMember(filepath.Join(dir, e.Name()))
	}
	if len(strange) > 0 && len(s.members) == 0 {
		return nil, hint(fmt.Errorf("%s: nothing in it bears the name of a cluster: %s", dir, strings.Join(strange, ", ")), "its directories must be named like the clusters")
	}
	return s, nil
}

func readMember(dir string) (*saved, error) {
	out := &saved{objects: map[federation.Key]*unstructured.Unstructured{}}
	for doc, err := range documents([]string{dir}, nil) {
		if err != nil {
			return nil, err
		}
		objects, err := doc.objects()
		if err != nil {
			return nil, err
		}
		for _, obj := range objects {
			key := federation.Key{GroupKind: obj.GroupVersionKind().GroupKind(), Namespace: obj.GetNamespace(), Name: obj.GetName()}
			out.objects[key] = obj
			if obj.GetAnnotations()[federation.DigestAnnotation] != "" && len(obj.GetManagedFields()) == 0 && out.unmanaged == "" {
				out.unmanaged = named(obj)
			}
		}
	}
	return out, nil
}

// clients is a federation.Clients.
func (s *state) clients(cluster string) (federation.ClusterClient, error) {
	if s.dir == "" {
		return &saved{}, nil
	}
	if err := s.errs[cluster]; err != nil {
		return nil, fmt.Errorf("what it holds is unknown: %w", err)
	}
	if m := s.members[cluster]; m != nil {
		return m, nil
	}
	return nil, errors.New("what it holds is unknown: --state has no directory of its name")
}

// notes says what the reader should know about the state.
func (s *state) notes() []string {
	if s.dir == "" {
		return []string{"the clusters are taken to be empty; --state DIR says what they hold"}
	}
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		if m := s.members[name]; m != nil && m.unmanaged != "" {
			return []string{fmt.Sprintf("%s in %s has no managed fields, so it looks as if others had taken all of it: save it with kubectl get --show-managed-fields", m.unmanaged, name)}
		}
	}
	return nil
}
