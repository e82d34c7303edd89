package fedtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
)

// Transcript runs every scenario of the conformance suite against a cluster, and writes down what happened: each step
// with the answer, or the error, and with the managed fields that it left. Two servers that do the same give the same
// lines; what they choose freely (names of the run, UIDs, versions, times, addresses and ports) is replaced. Scenarios
// that write through subresources are left out unless client also has Member's methods Update, Status and Scale.
//
// The scenarios live in a namespace of their own, which is deleted in the end, and make two definitions of kinds. An
// error means that this could not be done, or that ctx has ended.
func Transcript(ctx context.Context, client federation.ClusterClient) ([]string, error) {
	var lines []string
	err := eachScenario(ctx, client, func(s story, run string, sc scenario) error {
		if verb := sc.needs(client); verb != "" {
			lines = append(lines, "== "+sc.Name+" (left out, for want of "+verb+")")
			return nil
		}
		told, err := s.tell(ctx, client, run, sc)
		lines = append(append(lines, "== "+sc.Name), told...)
		return err
	})
	return lines, err
}

// eachScenario makes a place for a run and calls do for every scenario.
func eachScenario(ctx context.Context, client federation.ClusterClient, do func(story, string, scenario) error) error {
	random := make([]byte, 5)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	run := "fedtest-" + hex.EncodeToString(random)
	s, err := readStory(run)
	if err != nil {
		return fmt.Errorf("scenarios: %w", err)
	}
	namespace := &unstructured.Unstructured{}
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetName(run)
	if _, err := client.Create(ctx, namespace, metav1.CreateOptions{FieldManager: "fedtest"}); err != nil {
		return fmt.Errorf("namespace %s: %w", run, err)
	}
	for _, sc := range s.Scenarios {
		if err := do(s, run, sc); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err := client.Delete(ctx, namespace.GroupVersionKind(), nameOf(namespace), metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("namespace %s: %w", run, err)
	}
	return nil
}
