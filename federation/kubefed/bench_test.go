package kubefed_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/scheduling"
)

// A reconcile at rest reads the object, and finds that neither its status nor its versions need be written.
func BenchmarkAtRest(b *testing.B) {
	obj := object(b, web)
	var results []federation.Result
	for i := range 100 {
		r := result(fmt.Sprintf("cluster-%03d", i), federation.Keep, federation.ReasonSettled, federation.Done)
		r.Live = &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"generation": int64(3)}}}
		results = append(results, r)
	}
	report := kubefed.Report{Generation: 1, Now: time.Unix(1, 0)}
	status := kubefed.EncodeStatus(nil, results, report)
	versions := kubefed.EncodeVersions(nil, obj, "Deployment", results)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := kubefed.Decode(obj, deployment()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("status/clusters=100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			status = kubefed.EncodeStatus(status, results, report)
		}
	})
	b.Run("versions/clusters=100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if kubefed.EncodeVersions(versions, obj, "Deployment", results) != nil {
				b.Fatal("nothing changed")
			}
		}
	})
}

func BenchmarkAdditive(b *testing.B) {
	targets := make([]scheduling.Target, 1000)
	for i := range targets {
		most := int64(10 + i%80)
		targets[i] = scheduling.Target{Name: fmt.Sprintf("cluster-%05d", i), Weight: int64(1 + i%13), Min: int64(i % 3), Max: &most}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kubefed.Additive(scheduling.Request{Replicas: 37000, Key: "ns/name"}, targets); err != nil {
			b.Fatal(err)
		}
	}
}
