package kube

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// fakeMember serves ConfigMaps: discovery, get, create, patch, list and watch, enough to drive caches.
type fakeMember struct {
	mu       sync.Mutex
	version  int
	objects  map[string]map[string]any // namespace/name
	history  []string                  // JSON watch events; the version of event i is i+1
	oldest   int                       // watches from before are expired
	changed  chan struct{}             // closed and renewed with each event
	down     bool                      // refuse everything
	denied   bool                      // answer 401
	unserved bool
	hangs    bool // do not answer lists
	streams  bool // send lists as the beginning of a watch
	lists    int
	watches  int
}

func newFakeMember() *fakeMember {
	return &fakeMember{objects: map[string]map[string]any{}, changed: make(chan struct{})}
}

// put stores a ConfigMap and tells the watches.
func (f *fakeMember) put(name, value string, labels map[string]any) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	event := "MODIFIED"
	if f.objects[name] == nil {
		event = "ADDED"
	}
	obj := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"k": value}}
	obj["metadata"] = map[string]any{"namespace": "a", "name": name, "uid": "u-" + name, "labels": labels, "resourceVersion": strconv.Itoa(f.version + 1)}
	f.objects[name] = obj
	f.record(event, obj)
	return obj
}

func (f *fakeMember) remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	obj := f.objects[name]
	delete(f.objects, name)
	obj["metadata"].(map[string]any)["resourceVersion"] = strconv.Itoa(f.version + 1)
	f.record("DELETED", obj)
}

func (f *fakeMember) record(event string, obj map[string]any) {
	data, _ := json.Marshal(map[string]any{"type": event, "object": obj})
	f.history = append(f.history, string(data)+"\n")
	f.version++
	close(f.changed)
	f.changed = make(chan struct{})
}

// set changes the behaviour and ends every watch.
func (f *fakeMember) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeMember) counts() (lists, watches int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists, f.watches
}

func (f *fakeMember) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	down, denied, unserved := f.down, f.denied, f.unserved
	f.mu.Unlock()
	switch {
	case down:
		hijack(w)
	case denied:
		http.Error(w, "Unauthorized "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	case r.URL.Path == "/readyz":
		fmt.Fprint(w, "ok")
	case r.URL.Path == "/version":
		fmt.Fprint(w, `{"gitVersion":"v1.36.3"}`)
	case r.URL.Path == "/api/v1" && !unserved:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"groupVersion":"v1","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}`)
	case r.URL.Path == "/api/v1/configmaps" && !unserved && r.URL.Query().Get("watch") != "":
		f.serveWatch(w, r)
	case r.URL.Path == "/api/v1/configmaps" && !unserved:
		f.serveList(w, r)
	case r.Method == http.MethodPost:
		var obj struct {
			Metadata struct {
				Name   string
				Labels map[string]any
			}
			Data map[string]string
		}
		_ = json.NewDecoder(r.Body).Decode(&obj)
		writeJSON(w, http.StatusCreated, f.put(obj.Metadata.Name, obj.Data["k"], obj.Metadata.Labels))
	default:
		http.NotFound(w, r)
	}
}

// hijack cuts the connection without an answer.
func hijack(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

func (f *fakeMember) serveList(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	if f.hangs {
		f.mu.Unlock()
		<-r.Context().Done()
		f.mu.Lock()
		return
	}
	items := []any{}
	for _, obj := range f.objects {
		items = append(items, obj)
	}
	writeJSON(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "ConfigMapList", "items": items,
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(f.version)}})
}

func (f *fakeMember) serveWatch(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("sendInitialEvents") != "" && !f.streams {
		writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Invalid", "code": 422})
		return
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	f.mu.Lock()
	f.watches++
	expired := from < f.oldest
	f.mu.Unlock()
	if expired {
		writeJSON(w, http.StatusGone, map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Expired", "code": 410})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		from = f.serveInitial(w)
	}
	for {
		f.mu.Lock()
		events, changed := f.history[from:], f.changed
		stop := f.down || f.denied || f.unserved || from < f.oldest
		f.mu.Unlock()
		if stop {
			return
		}
		for _, event := range events {
			_, _ = w.Write([]byte(event))
		}
		from += len(events)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// serveInitial sends what there is and a bookmark, and returns the version of that.
func (f *fakeMember) serveInitial(w http.ResponseWriter) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	send := func(event string, obj any) {
		_ = json.NewEncoder(w).Encode(map[string]any{"type": event, "object": obj})
	}
	for _, obj := range f.objects {
		send("ADDED", obj)
	}
	send("BOOKMARK", map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"resourceVersion": strconv.Itoa(f.version),
		"annotations": map[string]any{"k8s.io/initial-events-end": "true"}}})
	return f.version
}

// start serves the member.
func (f *fakeMember) start(t testing.TB) *rest.Config {
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		f.set(func() { f.down = true })
		server.CloseClientConnections()
		server.Close()
	})
	return &rest.Config{Host: server.URL, BearerToken: "canary-token"}
}
