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

// Write is a kind of request that may change a cluster.
type Write struct {
	Verb        string // as the metric says it: POST, PUT, PATCH, APPLY, DELETE, DELETECOLLECTION
	Group       string // empty: core
	Resource    string
	Subresource string
}

func (w Write) String() string {
	name := w.Resource
	if w.Group != "" {
		name += "." + w.Group
	}
	if w.Subresource != "" {
		name += "/" + w.Subresource
	}
	return w.Verb + " " + name
}

// Writes counts requests by what they may change, those that were refused or only tried (dry run) included.
type Writes map[Write]int

// Since returns the requests that were made after the counts of before were taken. The counts start again from
// zero when an API server restarts.
func (w Writes) Since(before Writes) Writes {
	out := Writes{}
	for write, n := range w {
		if n != before[write] {
			out[write] = n - before[write]
		}
	}
	return out
}

// Of returns the requests for the named resources ("configmaps", "deployments.apps") alone.
func (w Writes) Of(resources ...string) Writes {
	out := Writes{}
	for write, n := range w {
		if slices.Contains(resources, strings.TrimSuffix(write.Resource+"."+write.Group, ".")) {
			out[write] = n
		}
	}
	return out
}

// Total returns the number of requests.
func (w Writes) Total() int {
	total := 0
	for _, n := range w {
		total += n
	}
	return total
}

// String lists the requests, one on a line, sorted.
func (w Writes) String() string {
	lines := make([]string, 0, len(w))
	for write, n := range maps.All(w) {
		lines = append(lines, fmt.Sprintf("%s: %d\n", write, n))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Writes reads from the metrics of the API server how many write requests it has answered since its start, of
// whatever client: the tests and the controllers of the cluster itself. Left out are the leases that the API server
// renews all the time for its own sake.
func (s *Server) Writes(ctx context.Context) (Writes, error) {
	body, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", s.Name, err)
	}
	return parseWrites(string(body))
}

func parseWrites(metrics string) (Writes, error) {
	label := regexp.MustCompile(`(\w+)="([^"]*)"`)
	out := Writes{}
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
		switch of["verb"] {
		case "POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION":
			if of["resource"] != "leases" {
				out[Write{of["verb"], of["group"], of["resource"], of["subresource"]}] += int(n)
			}
		}
	}
	return out, nil
}
