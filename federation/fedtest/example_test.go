package fedtest_test

import (
	"context"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
)

func settings(mode string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "ConfigMap",
		"metadata":   map[string]any{"namespace": "default", "name": "settings"},
		"data":       map[string]any{"mode": mode},
	}}
}

// A member keeps the managed fields of what is written to it, as an API server does.
func ExampleMember() {
	ctx, member := context.Background(), &fedtest.Member{}
	force := true

	live, err := member.Create(ctx, settings("fast"), metav1.CreateOptions{FieldManager: "us"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = unstructured.SetNestedField(live.Object, "slow", "data", "mode")
	if _, err := member.Update(ctx, live, "somebody"); err != nil {
		fmt.Println(err)
		return
	}

	_, err = member.Patch(ctx, settings("fast"), nil, metav1.PatchOptions{FieldManager: "us"})
	fmt.Println(apierrors.ReasonForError(err), err)
	live, err = member.Patch(ctx, settings("fast"), nil, metav1.PatchOptions{FieldManager: "us", Force: &force})
	fmt.Println(live.Object["data"], err)
	for _, request := range member.Requests() {
		fmt.Println(request)
	}
	// Output:
	// Conflict Apply failed with 1 conflict: conflict with "somebody" using v1: .data.mode
	// map[mode:fast] <nil>
	// create v1 ConfigMap default/settings by us
	// apply v1 ConfigMap default/settings by us
	// apply v1 ConfigMap default/settings by us
}

// A fault may come before a request, or between a request and its answer.
func ExampleMember_Break() {
	ctx := context.Background()
	fleet := fedtest.NewFleet("eu", "us")
	fleet.Member("eu").Break(fedtest.Refused())
	fleet.Member("us").Break(fedtest.Lost(fmt.Errorf("connection reset by peer")))

	for _, name := range fleet.Names() {
		client, err := fleet.Clients(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = client.Create(ctx, settings("fast"), metav1.CreateOptions{FieldManager: "us"})
		fmt.Println(name, err)
		fmt.Println(len(fleet.Member(name).Objects()), "objects")
	}
	// Output:
	// eu create v1 ConfigMap default/settings by us: dial tcp: connect: connection refused
	// 0 objects
	// us create v1 ConfigMap default/settings by us: connection reset by peer
	// 1 objects
}

// A program that brings its own client proves it like this, against a cluster that a test may fill.
func ExampleTestClient() {
	newClient := func(*testing.T) federation.ClusterClient { return &fedtest.Member{} }

	_ = func(t *testing.T) { fedtest.TestClient(t, newClient) }
	// Output:
}
