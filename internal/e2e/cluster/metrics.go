package cluster

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Request is a kind of request to an API server.
type Request struct {
	Verb        string // as the metric says it: one of writing or reading
	Group       string // empty: core
	Resource    string
	Subresource string
}

func (w Request) String() string {
	name := w.Resource
	if w.Group != "" {
		name += "." + w.Group
	}
	if w.Subresource != "" {
		name += "/" + w.Subresource
	}
	return w.Verb + " " + name
}

// Requests counts requests by what they ask for, those that were refused or only tried (dry run) included.
type Requests map[Request]int

// Since returns the requests that were made after the counts of before were taken. The counts start again from
// zero when an API server restarts.
func (r Requests) Since(before Requests) Requests {
	out := Requests{}
	for write, n := range r {
		if n != before[write] {
			out[write] = n - before[write]
		}
	}
	return out
}

// Of returns the requests for the named resources ("configmaps", "deployments.apps") alone.
func (r Requests) Of(resources ...string) Requests {
	out := Requests{}
	for write, n := range r {
		if slices.Contains(resources, strings.TrimSuffix(write.Resource+"."+write.Group, ".")) {
			out[write] = n
		}
	}
	return out
}

// Total returns the number of requests.
func (r Requests) Total() int {
	total := 0
	for _, n := range r {
		total += n
	}
	return total
}

// String lists the requests, one on a line, sorted.
func (r Requests) String() string {
	lines := make([]string, 0, len(r))
	for write, n := range maps.All(r) {
		lines = append(lines, fmt.Sprintf("%s: %d\n", write, n))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// writing and reading are the verbs of the metric. Watches are told by neither.
func writing() []string {
	return []string{"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"}
}
func reading() []string { return []string{"GET", "LIST"} }

// Writes reads from the metrics of the API server how many write requests it has answered since its start, of
// whatever client: the tests and the controllers of the cluster itself. Left out are the leases that the API server
// renews all the time for its own sake.
func (s *Server) Writes(ctx context.Context) (Requests, error) { return s.requests(ctx, writing()) }

// Reads is Writes for requests that read once.
func (s *Server) Reads(ctx context.Context) (Requests, error) { return s.requests(ctx, reading()) }

func (s *Server) requests(ctx context.Context, verbs []string) (Requests, error) {
	body, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", s.Name, err)
	}
	return parseRequests(string(body), verbs)
}

func parseRequests(metrics string, verbs []string) (Requests, error) {
	label := regexp.MustCompile(`(\w+)="([^"]*)"`)
	out := Requests{}
	for line := range strings.Lines(metrics) {
		labels, ok := strings.CutPrefix(line, "apiserver_request_total{")
		if !ok {
			continue
		}
		labels, value, _ := strings.Cut(labels, "} ")
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		of := map[string]string{}
		for _, m := range label.FindAllStringSubmatch(labels, -1) {
			of[m[1]] = m[2]
		}
		if slices.Contains(verbs, of["verb"]) && of["resource"] != "leases" {
			out[Request{of["verb"], of["group"], of["resource"], of["subresource"]}] += int(n)
		}
	}
	return out, nil
}
