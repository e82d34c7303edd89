package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
)

// fakeStore keeps objects by path and fails every write after the first `writes`, which is how a crash looks from there.
type fakeStore struct {
	mu      sync.Mutex
	objects map[string]map[string]any
	uid     int
	writes  int // how many succeed; negative: all
	log     []string

	unavailable string // a path that is answered by 503
	unselective bool   // lists everything, whatever the selector says
}

func fakeResources() map[string][]metav1.APIResource {
	verbs := metav1.Verbs{"create", "delete", "get", "list", "patch", "watch"}
	return map[string][]metav1.APIResource{
		"v1": {
			{Name: "namespaces", Kind: "Namespace", Verbs: verbs}, {Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: verbs},
			{Name: "secrets", Kind: "Secret", Namespaced: true, Verbs: verbs}, {Name: "serviceaccounts", Kind: "ServiceAccount", Namespaced: true, Verbs: verbs},
			{Name: "serviceaccounts/token", Kind: "TokenRequest", Namespaced: true}, {Name: "events", Kind: "Event", Namespaced: true, Verbs: verbs},
		},
		"apps/v1":       {{Name: "deployments", Kind: "Deployment", Namespaced: true, Verbs: verbs}},
		"apps/v1alpha1": {{Name: "deployments", Kind: "Deployment", Namespaced: true, Verbs: verbs}, {Name: "drafts", Kind: "Draft", Namespaced: true, Verbs: verbs}},
		"rbac.authorization.k8s.io/v1": {
			{Name: "roles", Kind: "Role", Namespaced: true, Verbs: verbs}, {Name: "rolebindings", Kind: "RoleBinding", Namespaced: true, Verbs: verbs},
			{Name: "clusterroles", Kind: "ClusterRole", Verbs: verbs}, {Name: "clusterrolebindings", Kind: "ClusterRoleBinding", Verbs: verbs},
		},
		"core.kubefed.io/v1beta1": {{Name: "kubefedclusters", Kind: "KubeFedCluster", Namespaced: true, Verbs: verbs}},
		"apiextensions.k8s.io/v1": {{Name: "customresourcedefinitions", Kind: "CustomResourceDefinition", Verbs: verbs}},
	}
}

// fakeGroups is the answer of /apis. The first version of a group, by name, is the preferred one.
func fakeGroups() (list metav1.APIGroupList) {
	for _, gv := range slices.Sorted(maps.Keys(fakeResources())) {
		group, _, ok := strings.Cut(gv, "/")
		if !ok {
			continue
		}
		version := metav1.GroupVersionForDiscovery{GroupVersion: gv}
		i := slices.IndexFunc(list.Groups, func(g metav1.APIGroup) bool { return g.Name == group })
		if i < 0 {
			i = len(list.Groups)
			list.Groups = append(list.Groups, metav1.APIGroup{Name: group, PreferredVersion: version})
		}
		list.Groups[i].Versions = append(list.Groups[i].Versions, version)
	}
	return list
}

func newFakeStore(t testing.TB) (*fakeStore, *Client) {
	s := &fakeStore{objects: map[string]map[string]any{}, writes: -1}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := NewClient(&rest.Config{Host: server.URL}, Options{})
	require.NoError(t, err)
	return s, c
}

// client is a program that was just started and knows nothing of the store. There is no network between them.
func (s *fakeStore) client(t testing.TB, c *crash) *Client {
	config := &rest.Config{Host: "https://store.example", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Body == nil {
			r.Body = http.NoBody
		}
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)
		return answer.Result(), nil
	})}
	if c != nil {
		config.Wrap(c.wrap)
	}
	client, err := NewClient(config, Options{})
	require.NoError(t, err)
	return client
}

func (s *fakeStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == s.unavailable {
		http.Error(w, "service unavailable", http.StatusServiceUnavailable)
		return
	}
	if gv, ok := groupVersion(r.URL.Path); ok {
		writeJSON(w, http.StatusOK, metav1.APIResourceList{GroupVersion: gv, APIResources: fakeResources()[gv]})
		return
	}
	if r.URL.Path == "/apis" {
		writeJSON(w, http.StatusOK, fakeGroups())
		return
	}
	if r.Method != http.MethodGet {
		if s.writes == 0 {
			hijack(w)
			return
		}
		s.writes--
		s.log = append(s.log, r.Method+" "+r.URL.Path)
	}
	body, _ := io.ReadAll(r.Body)
	s.serve(w, r, body)
}

func (s *fakeStore) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	path := r.URL.Path
	live := s.objects[path]
	var sent map[string]any
	_ = json.Unmarshal(body, &sent)
	switch r.Method {
	case http.MethodPost:
		if strings.HasSuffix(path, "/token") {
			sent["status"] = map[string]any{"token": "canary-token", "expirationTimestamp": "2026-01-02T03:04:05Z"}
			writeJSON(w, http.StatusCreated, sent)
			return
		}
		s.uid++
		meta := sent["metadata"].(map[string]any)
		meta["uid"] = fmt.Sprint("uid-", s.uid)
		s.objects[path+"/"+meta["name"].(string)] = sent
		writeJSON(w, http.StatusCreated, sent)
	case http.MethodPatch:
		sent["metadata"].(map[string]any)["uid"] = live["metadata"].(map[string]any)["uid"]
		s.objects[path] = sent
		writeJSON(w, http.StatusOK, sent)
	case http.MethodDelete:
		delete(s.objects, path)
		writeJSON(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Success"})
	default:
		if live != nil {
			writeJSON(w, http.StatusOK, live)
			return
		}
		if parts := splitPath(path); slices.Contains([]string{"namespaces", "clusterroles", "clusterrolebindings", "customresourcedefinitions"}, parts[len(parts)-1]) || s.collection(path) {
			s.list(w, r)
			return
		}
		writeJSON(w, http.StatusNotFound, map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})
	}
}

// collection tells whether a path names all objects of a namespaced kind, in one namespace or all.
func (s *fakeStore) collection(path string) bool {
	parts := splitPath(path)
	for _, resources := range fakeResources() {
		for _, r := range resources {
			if r.Namespaced && r.Name == parts[len(parts)-1] {
				return true
			}
		}
	}
	return false
}

func (s *fakeStore) list(w http.ResponseWriter, r *http.Request) {
	selector, _ := labels.Parse(r.URL.Query().Get("labelSelector"))
	base, plural := r.URL.Path[:strings.LastIndex(r.URL.Path, "/")], r.URL.Path[strings.LastIndex(r.URL.Path, "/"):]
	items := []any{}
	for path, obj := range s.objects {
		set := labels.Set{}
		meta := obj["metadata"].(map[string]any)
		if all, ok := meta["labels"].(map[string]any); ok {
			for k, v := range all {
				set[k] = v.(string)
			}
		}
		if strings.HasPrefix(path, base) && strings.Contains(path, plural+"/") && (s.unselective || selector.Matches(set)) {
			items = append(items, map[string]any{"metadata": meta})
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": map[string]any{}, "items": items})
}

// paths lists what is stored.
func (s *fakeStore) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	for path := range s.objects {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// allow makes the next n writes succeed and the rest fail; it forgets the log.
func (s *fakeStore) allow(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes, s.log = n, nil
}

func (s *fakeStore) wrote() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log
}

// put stores an object that nobody joined.
func (s *fakeStore) put(path string, labels map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uid++
	parts := splitPath(path)
	meta := map[string]any{"name": parts[len(parts)-1], "uid": fmt.Sprint("uid-", s.uid), "labels": labels}
	obj := map[string]any{"apiVersion": "v1", "metadata": meta}
	for _, resources := range fakeResources() {
		for _, r := range resources {
			if r.Name == parts[len(parts)-2] {
				obj["kind"] = r.Kind
				if r.Namespaced {
					meta["namespace"] = parts[len(parts)-3]
				}
			}
		}
	}
	if strings.HasPrefix(path, "/apis/") {
		obj["apiVersion"] = parts[1] + "/" + parts[2]
	}
	s.objects[path] = obj
}
