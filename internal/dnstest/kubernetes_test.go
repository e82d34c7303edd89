//go:build externaldns

package dnstest_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	"github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"sigs.k8s.io/mcs-api/config/crd"

	"github.com/confed-project/confed/dnsrecord"
)

var (
	namespaces     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	serviceImports = schema.GroupVersionResource{Group: mcs.GroupName, Version: "v1beta1", Resource: "serviceimports"}
	endpointSlices = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
)

// TestCoreDNSAnswersTheSameForImports gives our ServiceImports and the EndpointSlices behind them to a CoreDNS that reads them from a real
// API server, and compares its answers with our records: what a cluster set serves from records is what it would serve from objects.
func TestCoreDNSAnswersTheSameForImports(t *testing.T) {
	ctx, server := t.Context(), startAPIServer(t, crd.ServiceImportCRD, serviceImports)
	client, err := dynamic.NewForConfig(server.Config())
	require.NoError(t, err)
	create := func(resource schema.GroupVersionResource, object map[string]any) {
		t.Helper()
		u := &unstructured.Unstructured{Object: object}
		_, err := client.Resource(resource).Namespace(u.GetNamespace()).Create(ctx, u, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	create(namespaces, map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "shop"}})
	for _, i := range imports(t) {
		create(serviceImports, i.Object())
		for _, slice := range slicesOf(i) {
			create(endpointSlices, slice)
		}
	}

	kubeconfig, err := server.Kubeconfig()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, kubeconfig, 0o600))
	caddy.Quiet, dnsserver.Quiet = true, true
	log.Discard()
	instance, err := caddy.Start(caddy.CaddyfileInput{ServerTypeName: "dns", Contents: fmt.Appendf(nil,
		"clusterset.local:0 {\n bind 127.0.0.1\n kubernetes clusterset.local {\n multicluster clusterset.local\n kubeconfig %s\n ttl 5\n }\n}\n", path)})
	require.NoError(t, err)
	t.Cleanup(func() {
		instance.ShutdownCallbacks()
		require.NoError(t, instance.Stop())
	})
	address := instance.Servers()[0].LocalAddr().String()

	asked := map[string]int{}
	for _, e := range clusterSet(t) {
		if e.RecordType == dnsrecord.TypeTXT {
			continue // the version of another specification
		}
		asked[e.RecordType]++
		eventually(t, e.DNSName, func() error {
			m := new(dns.Msg).SetQuestion(e.DNSName+".", dns.StringToType[e.RecordType])
			in, _, err := new(dns.Client).ExchangeContext(ctx, m, address)
			if err != nil {
				return err
			}
			if got := endpoints(t, plain(in.Answer)); len(dnsrecord.Diff([]dnsrecord.Endpoint{e}, got)) > 0 {
				return fmt.Errorf("%s says %v, not %v", e.DNSName, got, e)
			}
			return nil
		})
	}
	require.Equal(t, map[string]int{"A": 5, "AAAA": 4, "SRV": 3}, asked)
}

// plain sets the weights of SRV records, which CoreDNS divides by their number, to ours.
func plain(rrs []dns.RR) []dns.RR {
	for _, rr := range rrs {
		if srv, ok := rr.(*dns.SRV); ok {
			srv.Weight = 100
		}
	}
	return rrs
}

// slicesOf returns the EndpointSlices of an import, one for each backend and IP family.
func slicesOf(i dnsrecord.Import) []map[string]any {
	var out []map[string]any
	for _, e := range i.Exports {
		for n, b := range e.Backends {
			if b.Ports == nil {
				b.Ports = e.Ports
			}
			ports := []any{}
			for _, p := range b.Ports {
				ports = append(ports, map[string]any{"name": p.Name, "protocol": p.Protocol, "port": int64(p.Port)})
			}
			for _, address := range b.Addresses {
				family := "IPv4"
				if netip.MustParseAddr(address).Is6() {
					family = "IPv6"
				}
				endpoint := map[string]any{"addresses": []any{address}, "conditions": map[string]any{"ready": b.Ready}}
				if b.Hostname != "" {
					endpoint["hostname"] = b.Hostname
				}
				out = append(out, map[string]any{
					"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family, "ports": ports, "endpoints": []any{endpoint},
					"metadata": map[string]any{
						"namespace": i.Namespace, "name": strings.ToLower(fmt.Sprintf("%s-%s-%d-%s", i.Name, e.Cluster, n, family)),
						"labels": map[string]any{mcs.LabelServiceName: i.Name, mcs.LabelSourceCluster: e.Cluster},
					},
				})
			}
		}
	}
	return out
}
