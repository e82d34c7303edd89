package kubefed_test

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/dnsrecord"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/scheduling"
)

func parse(text string) *unstructured.Unstructured {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		panic(err)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil {
		panic(err)
	}
	return obj
}

func show(obj *unstructured.Unstructured, field string) {
	text, _ := yaml.Marshal(obj.Object[field])
	fmt.Print(string(text))
}

// A ReplicaSchedulingPreference is divided among the clusters that are ready, and the division written where KubeFed wrote it.
func ExampleWriteShares() {
	rsp, err := kubefed.DecodePreference(parse(`
apiVersion: scheduling.kubefed.io/v1alpha1
kind: ReplicaSchedulingPreference
metadata: {name: web, namespace: shop}
spec: {targetKind: FederatedDeployment, totalReplicas: 9, clusters: {rome: {weight: 2}, "*": {weight: 1}}}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	req := scheduling.Request{Replicas: *rsp.Replicas.Total, Rebalance: rsp.Replicas.Rebalance, Key: "shop/web"}
	divided, _ := kubefed.AdditiveProbing(req, rsp.Targets([]string{"berlin", "rome"}, nil, nil))
	federated := parse(`
apiVersion: types.kubefed.io/v1beta1
kind: FederatedDeployment
metadata: {name: web, namespace: shop}
spec: {placement: {clusterSelector: {}}}
`)
	written := kubefed.WriteShares(federated, divided.Shares)
	show(written, "spec")
	fmt.Println("again:", kubefed.WriteShares(written, divided.Shares) != nil)
	show(kubefed.UndoShares(written), "spec")
	// Output:
	// overrides:
	// - clusterName: berlin
	//   clusterOverrides:
	//   - path: /spec/replicas
	//     value: 3
	// - clusterName: rome
	//   clusterOverrides:
	//   - path: /spec/replicas
	//     value: 6
	// placement:
	//   clusterSelector: {}
	//   clusters:
	//   - name: berlin
	//   - name: rome
	// again: false
	// placement:
	//   clusterSelector: {}
}

// Everything that is wrong with an object is told at once.
func ExampleValidate() {
	err := kubefed.Validate(parse(`
apiVersion: core.kubefed.io/v1beta1
kind: KubeFedCluster
metadata: {name: berlin, namespace: kube-federation-system}
spec: {apiEndpoint: "tcp://berlin.example", secretRef: {name: Berlin}, disabledTLSValidations: ["*", SubjectName]}
`), nil)
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		for _, each := range all.Unwrap() {
			fmt.Println(each)
		}
	}
	// Output:
	// KubeFedCluster.core.kubefed.io kube-federation-system/berlin: spec.apiEndpoint: invalid: is not a host, host:port or URL of http or https; a path needs the scheme, and a port is 1 to 65535
	// KubeFedCluster.core.kubefed.io kube-federation-system/berlin: spec.secretRef.name: invalid: is not a DNS name (a-z, 0-9, - and ., at most 253)
	// KubeFedCluster.core.kubefed.io kube-federation-system/berlin: spec.disabledTLSValidations: invalid: * stands for all and must be alone
}

// The status of a ServiceDNSRecord becomes a DNSEndpoint for external-dns.
func ExampleEncodeDNSEndpoint() {
	obj := parse(`
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: ServiceDNSRecord
metadata: {name: web, namespace: shop}
spec: {domainRef: galactic}
`)
	obj = kubefed.EncodeDNSStatus(obj, "example.com", []dnsrecord.Cluster{
		{Name: "rome", Region: "eu", Zones: []string{"eu-1"}, Ready: true, Addresses: []string{"192.0.2.7"}},
	})
	record, err := kubefed.DecodeDNSRecord(obj)
	if err != nil {
		fmt.Println(err)
		return
	}
	endpoints, err := record.Endpoints(dnsrecord.Answers{AllowEmpty: true})
	if err != nil {
		fmt.Println(err)
	}
	out := kubefed.EncodeDNSEndpoint(nil, obj, kubefed.ExternalDNSGroup, endpoints)
	fmt.Println(out.GetAPIVersion(), out.GetName())
	fmt.Print(dnsrecord.Table(endpoints))
	// Output:
	// externaldns.k8s.io/v1alpha1 service-web
	// NAME                                       TYPE  TTL  TARGETS    WHY
	// web.shop.galactic.svc.eu-1.eu.example.com  A     180  192.0.2.7  rome
	// web.shop.galactic.svc.eu.example.com       A     180  192.0.2.7  rome
	// web.shop.galactic.svc.example.com          A     180  192.0.2.7  rome
}
