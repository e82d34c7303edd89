package cluster

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/confed-project/confed/internal/pinned"
)

// FateLabel decides what becomes of a pod on a node of StartNodes. It may be set and taken away while the pod lives.
// Pods without it run and are ready.
const FateLabel = "fate"

// The fates of pods.
const (
	FateCrash   = "crash" // is up but never ready
	FateSucceed = "succeed"
	FateFail    = "fail"
)

//go:embed stages.yaml
var stages []byte

// StartNodes gives the cluster ready nodes of these names, a kube-scheduler that binds pods to them, and kwok, which
// plays their kubelets: see FateLabel. Pods of deleted objects end at once. The caller must call stop after the pods are
// gone; the nodes go with it.
func (s *Server) StartNodes(ctx context.Context, names ...string) (stop func() error, err error) {
	kwok, err := pinned.Kwok().Build(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(s.Config())
	if err != nil {
		return nil, err
	}
	nodes := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "nodes"})
	stop = func() error {
		s.scheduler.kill()
		s.kwok.kill()
		var errs []error
		for _, name := range names {
			err := nodes.Delete(context.WithoutCancel(ctx), name, metav1.DeleteOptions{})
			if !apierrors.IsNotFound(err) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	if err := s.startNodes(ctx, kwok, nodes, names); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the nodes of %s: %w", s.Name, err), stop())
	}
	return stop, nil
}

func (s *Server) startNodes(ctx context.Context, kwok string, nodes dynamic.ResourceInterface, names []string) error {
	config, err := s.controllersConfig()
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file("stages.yaml"), stages, 0o600); err != nil {
		return err
	}
	s.scheduler, err = startProcess(s.file("scheduler.log"), filepath.Join(s.fleet.bin, "kube-scheduler"),
		"--kubeconfig="+config, "--secure-port=0", "--leader-elect=false", "--profiling=false")
	if err != nil {
		return err
	}
	s.kwok, err = startProcess(s.file("kwok.log"), filepath.Join(kwok, "kwok"),
		"--kubeconfig="+config, "--config="+s.file("stages.yaml"), "--manage-all-nodes")
	if err != nil {
		return err
	}
	for _, name := range names {
		node := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Node",
			"metadata": map[string]any{"name": name, "labels": map[string]any{"kubernetes.io/hostname": name}}}}
		if _, err := nodes.Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return err
		}
		// The API server taints what is new, and the controller that would take the taint away does not run.
		if _, err := nodes.Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"taints":null}}`), metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	return s.kwok.waitFor(ctx, "has made the nodes ready", func(ctx context.Context) error {
		for _, name := range names {
			if err := s.nodeReady(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Server) nodeReady(ctx context.Context, name string) error {
	body, err := s.get(ctx, "/api/v1/nodes/"+name)
	if err != nil {
		return err
	}
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if err := json.Unmarshal(body, &node); err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", name)
}
