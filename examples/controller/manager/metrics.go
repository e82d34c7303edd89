package manager

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/federation"
)

// metrics have KubeFed's names where they mean the same. Series of clusters that left are deleted, which KubeFed forgot.
type metrics struct {
	registry *prometheus.Registry

	clusters   *prometheus.GaugeVec // state, cluster
	joined     prometheus.Gauge
	probe      prometheus.Histogram
	dispatch   *prometheus.HistogramVec // action
	total      *prometheus.CounterVec   // controller, result
	errors     *prometheus.CounterVec   // controller
	time       *prometheus.HistogramVec // controller
	workers    *prometheus.GaugeVec     // controller
	hostWrites *prometheus.CounterVec   // what
	leader     prometheus.Gauge
}

func buckets() []float64 {
	out := []float64{0.01, 0.05, 0.1, 0.5, 1}
	for b := 2.5; b <= 30; b += 2.5 {
		out = append(out, b)
	}
	return append(out, 50, 75, 100, 1000)
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		clusters: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "kubefedcluster_total",
			Help: "1 for the state that a cluster is in."}, []string{"state", "cluster"}),
		joined: prometheus.NewGauge(prometheus.GaugeOpts{Name: "joined_cluster_total", Help: "Clusters that are known."}),
		probe: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "cluster_health_status_duration_seconds",
			Help: "Time to probe all clusters.", Buckets: buckets()}),
		dispatch: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dispatch_operation_duration_seconds",
			Help: "Time to carry out what an object needs in all members, by the kind of the change.", Buckets: buckets()}, []string{"action"}),
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "controller_runtime_reconcile_total",
			Help: "Looks at one object."}, []string{"controller", "result"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "controller_runtime_reconcile_errors_total",
			Help: "Looks that failed."}, []string{"controller"}),
		time: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "controller_runtime_reconcile_time_seconds",
			Help: "Time of one look.", Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}}, []string{"controller"}),
		workers: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "controller_runtime_max_concurrent_reconciles",
			Help: "Objects that may be worked on at a time."}, []string{"controller"}),
		hostWrites: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "confed_host_writes_total",
			Help: "Writes to federated objects on the host."}, []string{"what"}),
		leader: prometheus.NewGauge(prometheus.GaugeOpts{Name: "leader_election_master_status", Help: "1 while this replica works."}),
	}
	m.registry.MustRegister(m.clusters, m.joined, m.probe, m.dispatch, m.total, m.errors, m.time, m.workers, m.hostWrites, m.leader,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) reconciled(controller string, started time.Time, err error) {
	result := "success"
	switch {
	case errors.Is(err, errAgain):
		result = "needs_recheck"
	case err != nil:
		result = "error"
		m.errors.WithLabelValues(controller).Inc()
	}
	m.total.WithLabelValues(controller, result).Inc()
	m.time.WithLabelValues(controller).Observe(time.Since(started).Seconds())
}

// dispatched notes how long the results took, under the most destructive of the verbs.
func (m *metrics) dispatched(results []federation.Result, started time.Time) {
	action := ""
	for _, r := range results {
		switch v := r.Step.Verb; {
		case v == federation.Delete || v == federation.Release:
			action = "delete"
		case v == federation.Apply && action != "delete":
			action = "update"
		case v == federation.Create && action == "":
			action = "create"
		}
	}
	if action != "" {
		m.dispatch.WithLabelValues(action).Observe(time.Since(started).Seconds())
	}
}

// healths shows the states of all clusters, and of no others.
func (m *metrics) healths(all map[string]clusterregistry.Health) {
	m.clusters.Reset()
	m.joined.Set(float64(len(all)))
	for name, h := range all {
		state := "notready"
		switch h.Outcome {
		case clusterregistry.Healthy:
			state = "ready"
		case clusterregistry.Unreachable:
			state = "offline"
		}
		for _, s := range []string{"ready", "notready", "offline"} {
			value := 0.0
			if s == state {
				value = 1
			}
			m.clusters.WithLabelValues(s, name).Set(value)
		}
	}
}
