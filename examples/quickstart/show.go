package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/dnsrecord"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// wish reads the manifests and says where they go and what differs.
func wish(us placement.Policy) (web, service federation.Object, err error) {
	everywhere := placement.Policy{Selector: &placement.Selector{}}
	var templates []*unstructured.Unstructured
	for _, text := range strings.Split(app, "\n---\n") {
		data, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			return web, service, err
		}
		template := &unstructured.Unstructured{}
		if err := template.UnmarshalJSON(data); err != nil {
			return web, service, err
		}
		templates = append(templates, template)
	}
	web = federation.Object{
		Template: templates[0], Placement: everywhere,
		Replicas: &federation.Replicas{Preferences: []federation.Preference{
			{Clusters: placement.Policy{Clusters: []string{"paris"}}, Weight: 2},
			{Clusters: everywhere, Weight: 1},
		}},
		Overrides: []federation.Override{{Clusters: us, Layer: override.Layer{Name: "us-image", Edits: []override.Edit{
			override.Patch{Path: "/spec/template/spec/containers[name=web]/image", Value: "registry.us.example/nginx:1.27"},
		}}}},
	}
	return web, federation.Object{Template: templates[1], Placement: everywhere}, nil
}

// show prints what every member holds.
func show(out io.Writer, members *fedtest.Fleet) {
	fmt.Fprint(out, "\nThe members hold:\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CLUSTER\tOBJECT\tREPLICAS\tIMAGE\tRELEASE")
	for _, name := range members.Names() {
		for _, obj := range members.Member(name).Objects() {
			replicas, image := "-", "-"
			if n, ok, _ := unstructured.NestedInt64(obj.Object, "spec", "replicas"); ok {
				replicas = fmt.Sprint(n)
			}
			if list, ok, _ := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers"); ok {
				image, _, _ = unstructured.NestedString(list[0].(map[string]any), "image")
			}
			fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\n", name, obj.GetKind(), obj.GetName(), replicas, image, cmp.Or(obj.GetLabels()["release"], "-"))
		}
	}
	_ = w.Flush()
}

// records prints the DNS records of the service, with boston dark: it answers no longer.
func records(out io.Writer) error {
	endpoints, err := dnsrecord.Records(
		dnsrecord.Service{Name: "web", Namespace: "default", Federation: "demo", Domain: "example.com"},
		dnsrecord.Answers{Clusters: []dnsrecord.Cluster{
			{Name: "berlin", Region: "eu", Zones: []string{"eu-b"}, Ready: true, Addresses: []string{"192.0.2.1"}},
			{Name: "boston", Region: "us", Zones: []string{"us-a"}, Ready: false, Addresses: []string{"192.0.2.2"}},
			{Name: "paris", Region: "eu", Zones: []string{"eu-a"}, Ready: true, Addresses: []string{"192.0.2.3"}},
		}})
	fmt.Fprint(out, "\nThe DNS records, with the addresses of three load balancers and the fact that boston is not ready:\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range endpoints {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", e.DNSName, e.RecordTTL, e.RecordType, strings.Join(e.Targets, " "))
	}
	_ = w.Flush()
	return err
}
