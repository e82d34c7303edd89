package fedtest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// gitVersion is what a Member says that it is.
const gitVersion = "v1.35.0"

// ServeHTTP makes the member an API server for clients of others: discovery, readiness, version; get, list, create, update,
// apply, JSON patches and delete of what it serves, the status subresource, and tokens of service accounts, which are
// worth nothing. It knows no watch, no other patches and no users: everybody may do everything. A fault that is no
// answer of a server breaks the connection.
func (m *Member) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := m.answer(r)
	var answer apierrors.APIStatus
	var noMatch *meta.NoKindMatchError
	code := http.StatusOK
	switch {
	case err == nil && r.Method == http.MethodPost:
		code = http.StatusCreated
	case err == nil:
	case errors.As(err, &answer):
		status := answer.Status()
		status.Kind, status.APIVersion = "Status", "v1"
		out, code = status, int(status.Code)
	case errors.As(err, &noMatch):
		status := apierrors.NewGenericServerResponse(http.StatusNotFound, r.Method, schema.GroupResource{}, "", "no such path", 0, true).Status()
		out, code = status, http.StatusNotFound
	default:
		if h, ok := w.(http.Hijacker); ok {
			if conn, _, err := h.Hijack(); err == nil {
				_ = conn.Close()
				return
			}
		}
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if text, ok := out.(string); ok {
		_, _ = io.WriteString(w, text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(out) // whoever went away does not need it
}

// answer returns what is to be sent as JSON, or a plain text.
func (m *Member) answer(r *http.Request) (any, error) {
	path := strings.Trim(r.URL.Path, "/")
	switch path {
	case "readyz", "livez", "healthz":
		return m.alive(r)
	case "version":
		if _, err := m.alive(r); err != nil {
			return nil, err
		}
		return map[string]string{"major": "1", "minor": "35", "gitVersion": gitVersion}, nil
	case "api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}, nil
	case "apis":
		return m.groups(), nil
	}
	parts := strings.Split(path, "/")
	var gv schema.GroupVersion
	switch {
	case len(parts) >= 2 && parts[0] == "api":
		gv, parts = schema.GroupVersion{Version: parts[1]}, parts[2:]
	case len(parts) >= 3 && parts[0] == "apis":
		gv, parts = schema.GroupVersion{Group: parts[1], Version: parts[2]}, parts[3:]
	default:
		return nil, &meta.NoKindMatchError{}
	}
	if len(parts) == 0 {
		return m.resources(gv)
	}
	c, err := m.call(r, gv, parts)
	if err != nil {
		return nil, err
	}
	return c.do()
}

func (m *Member) alive(r *http.Request) (any, error) {
	_, err := m.serve(r.Context(), Request{Verb: "get"}, func() (*unstructured.Unstructured, error) { return nil, nil })
	return "ok", err
}

// servedKinds lists the kinds in a stable order.
func (m *Member) servedKinds() []Kind {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start()
	var kinds []Kind
	for _, k := range m.kinds {
		kinds = append(kinds, k.Kind)
	}
	slices.SortFunc(kinds, func(a, b Kind) int {
		return slices.Compare([]string{a.Group, a.Version, a.Kind}, []string{b.Group, b.Version, b.Kind})
	})
	return kinds
}

func (m *Member) groups() metav1.APIGroupList {
	out := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for _, k := range m.servedKinds() {
		if k.Group == "" {
			continue
		}
		version := metav1.GroupVersionForDiscovery{GroupVersion: k.GroupVersion().String(), Version: k.Version}
		if n := len(out.Groups); n == 0 || out.Groups[n-1].Name != k.Group {
			out.Groups = append(out.Groups, metav1.APIGroup{Name: k.Group, PreferredVersion: version})
		}
		group := &out.Groups[len(out.Groups)-1]
		if !slices.Contains(group.Versions, version) {
			group.Versions = append(group.Versions, version)
		}
	}
	return out
}

func (m *Member) resources(gv schema.GroupVersion) (any, error) {
	out := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String()}
	for _, k := range m.servedKinds() {
		if k.GroupVersion() != gv {
			continue
		}
		r := metav1.APIResource{
			Name: k.resource().Resource, SingularName: strings.ToLower(k.Kind), Kind: k.Kind, Namespaced: !k.Cluster,
			Verbs: metav1.Verbs{"create", "delete", "get", "list", "patch", "update"}, ShortNames: shortNames(k.Kind),
		}
		out.APIResources = append(out.APIResources, r)
		if !k.NoStatus {
			r.Name += "/status"
			out.APIResources = append(out.APIResources, r)
		}
	}
	if out.APIResources == nil {
		return nil, &meta.NoKindMatchError{}
	}
	return out, nil
}

// shortNames are what kubectl calls a built-in kind.
func shortNames(kind string) []string {
	short := map[string]string{
		"ConfigMap": "cm", "Namespace": "ns", "PersistentVolumeClaim": "pvc", "Pod": "po", "Service": "svc", "ServiceAccount": "sa",
		"DaemonSet": "ds", "Deployment": "deploy", "ReplicaSet": "rs", "StatefulSet": "sts", "Ingress": "ing",
	}[kind]
	if short == "" {
		return nil
	}
	return []string{short}
}

// call is one request for objects.
type call struct {
	*Member
	request     *http.Request
	kind        Kind
	name        types.NamespacedName
	subresource string
	body        []byte
}

func (m *Member) call(r *http.Request, gv schema.GroupVersion, parts []string) (*call, error) {
	c := &call{Member: m, request: r}
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
		c.name.Namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 1 {
		c.name.Name = parts[1]
	}
	if len(parts) > 2 {
		c.subresource = parts[2]
	}
	for _, k := range m.servedKinds() {
		if k.GroupVersion() == gv && k.resource().Resource == parts[0] {
			c.kind = k
		}
	}
	if c.kind.Kind == "" {
		return nil, &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: gv.Group, Kind: parts[0]}}
	}
	var err error
	c.body, err = io.ReadAll(r.Body)
	return c, err
}

func (c *call) do() (any, error) {
	ctx, query := c.request.Context(), c.request.URL.Query()
	manager, dryRun := query.Get("fieldManager"), query["dryRun"]
	kind, method := c.request.Header.Get("Content-Type"), c.request.Method
	apply := method == http.MethodPatch && strings.HasPrefix(kind, "application/apply-patch")
	if manager == "" && !apply {
		manager, _, _ = strings.Cut(c.request.UserAgent(), "/")
	}
	switch {
	case c.subresource == "token" && method == http.MethodPost:
		return c.token()
	case c.subresource != "" && c.subresource != "status":
		return nil, &meta.NoKindMatchError{GroupKind: c.kind.GroupKind()}
	case method == http.MethodGet && query.Get("watch") == "":
		if c.name.Name == "" {
			return c.list(query.Get("labelSelector"))
		}
		obj, err := c.Get(ctx, c.kind.GroupVersionKind, c.name)
		if err != nil {
			return nil, err
		}
		return shape(c.request, obj.Object), nil
	case method == http.MethodDelete:
		var opts metav1.DeleteOptions
		if len(c.body) > 0 {
			if err := json.Unmarshal(c.body, &opts); err != nil {
				return nil, apierrors.NewBadRequest(err.Error())
			}
		}
		return metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess},
			c.Delete(ctx, c.kind.GroupVersionKind, c.name, opts)
	}
	if method == http.MethodPatch && kind == string(types.JSONPatchType) {
		target := &unstructured.Unstructured{Object: map[string]any{}}
		target.SetGroupVersionKind(c.kind.GroupVersionKind)
		target.SetNamespace(c.name.Namespace)
		target.SetName(c.name.Name)
		return c.Patch(ctx, target, c.body, metav1.PatchOptions{FieldManager: manager, DryRun: dryRun})
	}
	obj, err := c.object()
	if err != nil {
		return nil, err
	}
	switch {
	case method == http.MethodPost:
		return c.Create(ctx, obj, metav1.CreateOptions{FieldManager: manager, DryRun: dryRun})
	case method == http.MethodPut && c.subresource == "status":
		return c.Status(ctx, obj, manager)
	case method == http.MethodPut:
		return c.Update(ctx, obj, manager)
	case apply:
		force := query.Get("force") == "true"
		return c.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: manager, Force: &force, DryRun: dryRun})
	}
	return nil, apierrors.NewMethodNotSupported(c.kind.resource(), strings.ToLower(method))
}

// object is the body, with the names of the path.
func (c *call) object() (*unstructured.Unstructured, error) {
	obj := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(c.body, &obj.Object); err != nil || obj.Object == nil {
		return nil, apierrors.NewBadRequest("the body is not an object as JSON")
	}
	obj.SetGroupVersionKind(c.kind.GroupVersionKind)
	if c.name.Name != "" {
		obj.SetName(c.name.Name)
	}
	if obj.GetNamespace() == "" && c.name.Namespace != "" {
		obj.SetNamespace(c.name.Namespace)
	}
	return obj, nil
}

func (c *call) list(selector string) (any, error) {
	selects, err := labels.Parse(selector)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{}}
	request := Request{Verb: "list", GroupVersionKind: c.kind.GroupVersionKind, NamespacedName: c.name}
	_, err = c.serve(c.request.Context(), request, func() (*unstructured.Unstructured, error) {
		for _, k := range c.sorted(func(k key) bool {
			return k.GroupKind == c.kind.GroupKind() && (c.name.Namespace == "" || k.Namespace == c.name.Namespace)
		}) {
			obj, err := c.get(c.kind.GroupVersionKind, k.NamespacedName)
			if err != nil {
				return nil, err
			}
			if selects.Matches(labels.Set(obj.GetLabels())) {
				list.Items = append(list.Items, *obj)
			}
		}
		return nil, nil
	})
	list.SetGroupVersionKind(c.kind.GroupVersion().WithKind(c.kind.Kind + "List"))
	return shape(c.request, list.UnstructuredContent()), err
}

// shape leaves of objects what the client asked for: all, or their metadata.
func shape(r *http.Request, content map[string]any) map[string]any {
	if !strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata") {
		return content
	}
	partial := func(obj map[string]any) map[string]any {
		return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": obj["metadata"]}
	}
	items, ok := content["items"].([]any)
	if !ok {
		return partial(content)
	}
	some := make([]any, len(items))
	for i, item := range items {
		some[i] = partial(item.(map[string]any))
	}
	return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": map[string]any{}, "items": some}
}

func (c *call) token() (any, error) {
	if _, err := c.Get(c.request.Context(), c.kind.GroupVersionKind, c.name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": map[string]any{},
		"status": map[string]any{"token": "fedtest-" + c.name.Name, "expirationTimestamp": c.now().Add(time.Hour).Format(time.RFC3339)},
	}, nil
}
