package kubefed_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/dnsrecord"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/scheduling"
)

// fuzzCore puts any object through all that reads or changes one: it never panics, every error names a field, what was
// changed once needs no second change, and what is valid stays so.
func fuzzCore(t *testing.T, obj *unstructured.Unstructured) {
	t.Helper()
	settled := func(change func(*unstructured.Unstructured) *unstructured.Unstructured) {
		if out := change(obj); out != nil {
			require.Nil(t, change(out))
		}
	}
	c, configErr := kubefed.DecodeConfig(obj)
	if configErr == nil {
		settled(c.Encode)
		again, err := kubefed.DecodeConfig(c.Encode(nil))
		require.NoError(t, err)
		require.Equal(t, c, again)
	}
	kind, typeErr := kubefed.DecodeType(obj)
	if typeErr == nil {
		settled(kind.Encode)
		again, err := kubefed.DecodeType(kind.Encode(nil))
		require.NoError(t, err)
		require.Equal(t, kind, again)
	}
	p, preferenceErr := kubefed.DecodePreference(obj)
	if preferenceErr == nil {
		settled(p.Encode)
	}
	shares := []scheduling.Share{{Name: "berlin", Replicas: 3}, {Name: "rome"}}
	settled(func(o *unstructured.Unstructured) *unstructured.Unstructured { return kubefed.WriteShares(o, shares) })
	if _, err := kubefed.Decode(obj, deployment()); err == nil {
		settled(kubefed.UndoShares)
	}
	if out := kubefed.WriteShares(obj, shares); out != nil {
		require.Subset(t, shares, kubefed.ReadShares(out))
	}
	_, selectorErr := kubefed.DecodeSelector(obj)
	health := kubefed.ClusterHealth{Outcome: "ClusterNotReady", ProbedAt: time.Unix(99, 0), Zones: []string{"a"}, Refresh: time.Hour}
	settled(func(o *unstructured.Unstructured) *unstructured.Unstructured {
		return kubefed.EncodeClusterStatus(o, health)
	})
	settled(func(o *unstructured.Unstructured) *unstructured.Unstructured {
		return kubefed.EncodeTypeStatus(o, kubefed.Verdict{Reason: "Refused", Message: "no"}, nil)
	})
	settled(func(o *unstructured.Unstructured) *unstructured.Unstructured {
		return kubefed.EncodePreferenceStatus(o, kubefed.Verdict{Reason: "Unplaced", Message: "no"}, 3)
	})
	record, recordErr := kubefed.DecodeDNSRecord(obj)
	if recordErr == nil {
		status := func(o *unstructured.Unstructured) *unstructured.Unstructured {
			return kubefed.EncodeDNSStatus(o, "example.com", record.Clusters)
		}
		settled(status)
		endpoints, _ := record.Endpoints(dnsrecord.Answers{})
		published := kubefed.EncodeDNSEndpoint(nil, obj, kubefed.DNSGroup, endpoints)
		require.Nil(t, kubefed.EncodeDNSEndpoint(published, obj, kubefed.DNSGroup, endpoints))
	}
	results := []federation.Result{result("berlin", federation.Keep, federation.ReasonSettled, federation.Done)}
	results[0].Live = obj
	settled(func(o *unstructured.Unstructured) *unstructured.Unstructured {
		return kubefed.EncodeVersions(o, obj, "X", results)
	})
	settled(func(o *unstructured.Unstructured) *unstructured.Unstructured {
		return kubefed.EncodeServiceStatus(o, obj, nil)
	})
	for _, err := range []error{selectorErr, recordErr, configErr, typeErr, preferenceErr, kubefed.Validate(obj, obj)} {
		var wrong *federation.Error
		require.True(t, err == nil || errors.Is(err, federation.ErrInvalid) && errors.As(err, &wrong))
	}
}
