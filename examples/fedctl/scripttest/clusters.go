package scripttest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/federation/kubefed"
)

// Memory starts an API server in memory for each name. Their controllers do one thing: tokens of service accounts appear.
func Memory(names ...string) (fleet *fedtest.Fleet, clusters map[string]*rest.Config, stop func()) {
	fleet, clusters = fedtest.NewFleet(names...), map[string]*rest.Config{}
	var servers []*httptest.Server
	for _, name := range names {
		member := fleet.Member(name)
		member.Admit = func(_ fedtest.Request, obj *unstructured.Unstructured) error {
			if kind, _, _ := unstructured.NestedString(obj.Object, "type"); kind == "kubernetes.io/service-account-token" {
				return unstructured.SetNestedField(obj.Object, base64.StdEncoding.EncodeToString([]byte("token of "+name)), "data", "token")
			}
			return nil
		}
		server := httptest.NewServer(member)
		servers = append(servers, server)
		clusters[name] = &rest.Config{Host: server.URL, BearerToken: "admin"}
	}
	return fleet, clusters, func() {
		for _, s := range servers {
			s.Close()
		}
	}
}

// seed propagates objects to members in memory and saves what they hold then.
func seed(ts *testscript.TestScript, dir, objects, clusters string) error {
	var list struct {
		Clusters []struct{ Name string }
	}
	text, err := os.ReadFile(clusters)
	if err == nil {
		err = yaml.Unmarshal(text, &list)
	}
	if err != nil {
		return err
	}
	names := []string{"host"}
	for _, c := range list.Clusters {
		names = append(names, c.Name)
	}
	fleet, configs, stop := Memory(names...)
	defer stop()
	config := filepath.Join(ts.Getenv("WORK"), "seed-kubeconfig")
	if err := WriteKubeconfig(config, "host", configs); err != nil {
		return err
	}
	fedctl := func(args ...string) error {
		var out bytes.Buffer
		args = append(append([]string{"fedctl"}, args...), "--kubeconfig", config, "--cache-dir", filepath.Join(ts.Getenv("WORK"), ".seed"))
		if code := command.Main(context.Background(), args, IO(strings.NewReader(""), &out, &out, ts.Getenv)); code != 0 && args[1] != "apply" { // some hold
			return fmt.Errorf("%v: exit code %d: %s", args, code, &out)
		}
		return nil
	}
	var errs []error
	for _, c := range list.Clusters {
		errs = append(errs, fedctl("join", c.Name))
		labels := []byte(`[{"op":"add","path":"/metadata/labels","value":{"tier":"` + map[bool]string{true: "test", false: "prod"}[c.Name == "paris"] + `"}}]`)
		target := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster"}}
		target.SetNamespace("kube-federation-system")
		target.SetName(c.Name)
		_, err := fleet.Member("host").Patch(context.Background(), target, labels, metav1.PatchOptions{FieldManager: "seed"})
		errs = append(errs, err)
	}
	errs = append(errs, fedctl("apply", "-f", objects))
	for _, c := range list.Clusters {
		var text bytes.Buffer
		for _, obj := range fleet.Member(c.Name).Objects() {
			data, err := yaml.Marshal(obj.Object)
			errs = append(errs, err)
			fmt.Fprintf(&text, "---\n%s", data)
		}
		errs = append(errs, os.MkdirAll(filepath.Join(dir, c.Name), 0o755), os.WriteFile(filepath.Join(dir, c.Name, "all.yaml"), text.Bytes(), 0o600))
	}
	return errors.Join(errs...)
}

// client connects to a cluster by its context.
func client(ts *testscript.TestScript, name string) *kube.Client {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: ts.Getenv("KUBECONFIG")}, &clientcmd.ConfigOverrides{CurrentContext: name}).ClientConfig()
	ts.Check(err)
	c, err := kube.NewClient(config, kube.Options{})
	ts.Check(err)
	return c
}

// target names an object by its kind, such as v1/ConfigMap.
func target(args []string) *unstructured.Unstructured {
	i := strings.LastIndex(args[0], "/")
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetGroupVersionKind(schema.FromAPIVersionAndKind(args[0][:i], args[0][i+1:]))
	obj.SetName(args[1])
	if len(args) > 2 {
		obj.SetNamespace(args[2])
	}
	return obj
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	want, c := target(args[1:]), client(ts, args[0])
	name := types.NamespacedName{Namespace: want.GetNamespace(), Name: want.GetName()}
	obj, err := c.Get(context.Background(), want.GroupVersionKind(), name)
	if neg {
		for end := time.Now().Add(time.Minute); err == nil; obj, err = c.Get(context.Background(), want.GroupVersionKind(), name) {
			if obj.GetDeletionTimestamp() == nil || time.Now().After(end) {
				ts.Fatalf("it is there")
			}
			time.Sleep(100 * time.Millisecond) // it is going
		}
		return
	}
	ts.Check(err)
	data, err := yaml.Marshal(quietly(obj).Object)
	ts.Check(err)
	_, err = ts.Stdout().Write(data)
	ts.Check(err)
}

func put(ts *testscript.TestScript, _ bool, args []string) {
	objects, err := kubefed.Documents([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	c, force := client(ts, args[0]), true
	for _, obj := range objects {
		_, err := c.Patch(context.Background(), obj, nil, metav1.PatchOptions{FieldManager: "kubectl", Force: &force})
		ts.Check(err)
	}
}

func change(ts *testscript.TestScript, _ bool, args []string) {
	_, err := client(ts, args[0]).Patch(context.Background(), target(args[1:4]), []byte(args[4]), metav1.PatchOptions{FieldManager: "somebody"})
	ts.Check(err)
}

func remove(ts *testscript.TestScript, _ bool, args []string) {
	obj := target(args[1:])
	name := types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
	ts.Check(client(ts, args[0]).Delete(context.Background(), obj.GroupVersionKind(), name, metav1.DeleteOptions{}))
}
