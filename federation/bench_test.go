package federation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// benchYAML is a Deployment of about fifty lines.
const benchYAML = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
  labels: {app.kubernetes.io/name: web, app.kubernetes.io/part-of: shop, tier: front}
  annotations: {example.com/team: shop}
spec:
  replicas: 3000
  revisionHistoryLimit: 5
  selector: {matchLabels: {app.kubernetes.io/name: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}
  template:
    metadata:
      labels: {app.kubernetes.io/name: web, tier: front}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}
    spec:
      serviceAccountName: web
      terminationGracePeriodSeconds: 30
      containers:
      - name: web
        image: registry.example.com/shop/web:1.2.3
        args: [--listen=:8080, --log=json]
        env:
        - {name: COLOUR, value: blue}
        - {name: REGION, value: none}
        - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        ports:
        - {name: http, containerPort: 8080}
        - {name: metrics, containerPort: 9090}
        resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5}
        livenessProbe: {httpGet: {path: /live, port: http}, initialDelaySeconds: 10}
        volumeMounts:
        - {name: config, mountPath: /etc/web}
        - {name: cache, mountPath: /var/cache}
      - name: proxy
        image: registry.example.com/proxy:2.0
        ports: [{name: proxy, containerPort: 15001}]
      volumes:
      - {name: config, configMap: {name: web}}
      - {name: cache, emptyDir: {}}
`

// BenchmarkPlan plans a divided Deployment with three overrides for half of the clusters.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		var facts []placement.Cluster
		for i, name := range names(n) {
			facts = append(facts, placement.Cluster{Name: name, Labels: map[string]string{"half": fmt.Sprint(i % 2)}})
		}
		fleet, err := placement.NewFleet(facts)
		require.NoError(b, err)
		obj := federation.Object{
			Template: decode(b, benchYAML), Placement: everywhere(), Replicas: &federation.Replicas{},
			Overrides: []federation.Override{{
				Clusters: placement.Policy{Selector: &placement.Selector{MatchLabels: map[string]string{"half": "1"}}},
				Layer: override.Layer{Name: "half", Edits: []override.Edit{
					override.Patch{Path: "/spec/template/spec/containers/0/image", Value: "mirror.example.com/shop/web:1.2.3"},
					override.Patch{Path: "/spec/template/spec/containers/0/env/1/value", Value: "half"},
					override.Patch{Op: "add", Path: "/metadata/labels/half", Value: "yes"},
				}},
			}},
		}
		members := fedtest.NewFleet(names(n)...)
		snap := federation.Snapshot{Now: time.Unix(0, 0), Fleet: fleet, Holders: []string{}}
		targets := planner().Targets(obj, snap)
		absent := snap.With(federation.Observe(b.Context(), members.Clients, targets))
		plan, err := planner().Plan(obj, absent)
		require.NoError(b, err)
		results := federation.Dispatcher{Clients: members.Clients}.Dispatch(b.Context(), plan)
		snap.Holders, snap.Previous, snap.Shares = plan.Holders(), plan.Decisions, plan.Shares()
		present := snap.With(federation.Observe(b.Context(), members.Clients, targets))
		settled := present.With(nil)
		for i, target := range targets {
			o := settled.Observed[target.Key()]
			o.Settled = results[i].Settled
			settled.Observed[target.Key()] = o
		}
		for _, state := range []struct {
			name string
			snap federation.Snapshot
			verb federation.Verb
		}{{"absent", absent, federation.Create}, {"present", present, federation.Keep}, {"settled", settled, federation.Keep}} {
			b.Run(fmt.Sprintf("clusters=%d/%s", n, state.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					plan, err := planner().Plan(obj, state.snap)
					if err != nil || plan.Steps[0].Verb != state.verb {
						b.Fatal(plan, err)
					}
				}
			})
		}
	}
}
