package dnstest_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/confed-project/confed/dnsrecord"
)

// TestServiceImport decodes our objects into the type of the Multi-Cluster Services API, where every field must be known.
func TestServiceImport(t *testing.T) {
	united, _, err := dnsrecord.Unite("shop", "web", []dnsrecord.Export{
		{
			Cluster: "paris", Created: time.Unix(1, 0), Ports: []dnsrecord.Port{{Name: "http", Port: 80, AppProtocol: "kubernetes.io/h2c"}},
			SessionAffinity: "ClientIP", InternalTrafficPolicy: "Local", TrafficDistribution: "PreferClose", IPFamilies: []string{"IPv6", "IPv4"},
			Labels: map[string]string{"a": "1"}, Annotations: map[string]string{"b": "2"},
		},
		{Cluster: "tokyo", Created: time.Unix(2, 0), Ports: []dnsrecord.Port{{Name: "dns", Protocol: "UDP", Port: 53}}, IPFamilies: []string{"IPv4"}},
	})
	require.NoError(t, err)
	united.IPs = []string{"10.42.0.1"}
	data, err := json.Marshal(united.Object())
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var got mcs.ServiceImport
	require.NoError(t, decoder.Decode(&got))

	back, err := json.Marshal(&got)
	require.NoError(t, err)
	require.JSONEq(t, string(data), string(back))
	require.Equal(t, mcs.GroupVersion.String(), got.APIVersion)
	require.Equal(t, mcs.ServiceImportKindName, got.Kind)
	require.Equal(t, mcs.ClusterSetIP, got.Spec.Type)
	require.EqualValues(t, 10800, *got.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds)
	require.Equal(t, []mcs.ClusterStatus{{Cluster: "paris"}, {Cluster: "tokyo"}}, got.Status.Clusters)
}

// TestConditions compares our words with those of the API.
func TestConditions(t *testing.T) {
	for ours, theirs := range map[string]mcs.ServiceExportConditionType{
		dnsrecord.ConditionValid: mcs.ServiceExportConditionValid, dnsrecord.ConditionConflict: mcs.ServiceExportConditionConflict,
	} {
		require.EqualValues(t, theirs, ours)
	}
	for ours, theirs := range map[string]mcs.ServiceExportConditionReason{
		dnsrecord.ReasonValid:                         mcs.ServiceExportReasonValid,
		dnsrecord.ReasonNoService:                     mcs.ServiceExportReasonNoService,
		dnsrecord.ReasonInvalidServiceType:            mcs.ServiceExportReasonInvalidServiceType,
		dnsrecord.ReasonNoConflicts:                   mcs.ServiceExportReasonNoConflicts,
		dnsrecord.ReasonPortConflict:                  mcs.ServiceExportReasonPortConflict,
		dnsrecord.ReasonTypeConflict:                  mcs.ServiceExportReasonTypeConflict,
		dnsrecord.ReasonSessionAffinityConflict:       mcs.ServiceExportReasonSessionAffinityConflict,
		dnsrecord.ReasonSessionAffinityConfigConflict: mcs.ServiceExportReasonSessionAffinityConfigConflict,
		dnsrecord.ReasonInternalTrafficPolicyConflict: mcs.ServiceExportReasonInternalTrafficPolicyConflict,
		dnsrecord.ReasonTrafficDistributionConflict:   mcs.ServiceExportReasonTrafficDistributionConflict,
		dnsrecord.ReasonIPFamilyConflict:              mcs.ServiceExportReasonIPFamilyConflict,
		dnsrecord.ReasonLabelsConflict:                mcs.ServiceExportReasonLabelsConflict,
		dnsrecord.ReasonAnnotationsConflict:           mcs.ServiceExportReasonAnnotationsConflict,
	} {
		require.EqualValues(t, theirs, ours)
	}
}
