package kube

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// fakeServer speaks enough of the API for unit tests: discovery from a table and scripted answers.
type fakeServer struct {
	*httptest.Server
	mu       sync.Mutex
	served   map[string][]metav1.APIResource // group/version → resources
	answer   http.HandlerFunc                // what is not discovery
	requests []request
}

type request struct {
	method, path, query, agent, contentType, body string
}

func newFakeServer(t testing.TB) *fakeServer {
	s := &fakeServer{served: map[string][]metav1.APIResource{
		"v1": {
			{Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
			{Name: "namespaces", Kind: "Namespace"},
			{Name: "namespaces/finalize", Kind: "Namespace"},
		},
		"apps/v1": {{Name: "deployments", Kind: "Deployment", Namespaced: true}, {Name: "deployments/scale", Kind: "Scale", Namespaced: true}},
	}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, request{r.Method, r.URL.Path, r.URL.RawQuery, r.UserAgent(), r.Header.Get("Content-Type"), string(body)})
	gv, discovery := groupVersion(r.URL.Path)
	resources, ok := s.served[gv]
	answer := s.answer
	s.mu.Unlock()
	switch {
	case discovery && ok:
		writeJSON(w, http.StatusOK, metav1.APIResourceList{GroupVersion: gv, APIResources: resources})
	case discovery || answer == nil:
		http.NotFound(w, r)
	default:
		answer(w, r)
	}
}

// groupVersion recognises the paths of discovery.
func groupVersion(path string) (string, bool) {
	parts := splitPath(path)
	switch {
	case len(parts) == 2 && parts[0] == "api":
		return parts[1], true
	case len(parts) == 3 && parts[0] == "apis":
		return parts[1] + "/" + parts[2], true
	}
	return "", false
}

func splitPath(path string) []string {
	var parts []string
	for start, i := 1, 1; i <= len(path); i++ {
		if i == len(path) || path[i] == '/' {
			parts = append(parts, path[start:i])
			start = i + 1
		}
	}
	return parts
}

func (s *fakeServer) serve(gv string, resources ...metav1.APIResource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served[gv] = resources
}

// reply answers everything that is not discovery with one status and object.
func (s *fakeServer) reply(code int, obj any) {
	s.handle(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, code, obj) })
}

func (s *fakeServer) handle(f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// count returns how many requests went to a path; last returns the newest of all.
func (s *fakeServer) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if r.path == path {
			n++
		}
	}
	return n
}

func (s *fakeServer) last() request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[len(s.requests)-1]
}

func (s *fakeServer) config() *rest.Config { return &rest.Config{Host: s.URL} }

func writeJSON(w http.ResponseWriter, code int, obj any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(obj)
}

func configMap(namespace, name string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"namespace": namespace, "name": name, "uid": "u1"}}
}

// quiet drops what a server says about handshakes that a test breaks on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// newConnectProxy tunnels, and counts the tunnels that were asked for.
func newConnectProxy(t testing.TB, connects *atomic.Int32) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		connects.Add(1)
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = up.Close()
			return
		}
		_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		for _, pair := range [][2]net.Conn{{up, down}, {down, up}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
			}()
		}
	}))
	t.Cleanup(s.Close)
	return s
}
