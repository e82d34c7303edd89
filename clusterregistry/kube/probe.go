package kube

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
)

// Bounds of a probe.
const (
	defaultProbeTimeout = 3 * time.Second
	probesAtOnce        = 2048 // those of dead members wait for their time to pass
	maxProbeBody        = 64 << 10
	nodesPerPage        = 500
)

// Probe asks the member whether it is ready, and if so for its version. It never fails: what went wrong is the outcome.
// At is the moment of asking; ctx bounds the whole.
func (c *Client) Probe(ctx context.Context) clusterregistry.Probe {
	p := clusterregistry.Probe{At: time.Now()}
	if c.broken != nil {
		p.Outcome, p.Message = clusterregistry.Malformed, c.broken.Error()
		return p
	}
	p.Facts.CredentialsEnd = c.credentialsEnd
	path := "/readyz"
	code, body, err := c.ask(ctx, path, &p.Facts)
	if err == nil && code == http.StatusNotFound { // before 1.16
		path = "/healthz"
		code, body, err = c.ask(ctx, path, &p.Facts)
	}
	switch {
	case err != nil:
		p.Outcome, p.Message = clusterregistry.Unreachable, "cluster is not reachable: "+c.scrub(err).Error()
		return p
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		p.Outcome, p.Message = clusterregistry.Rejected, fmt.Sprintf("%s: %s", path, http.StatusText(code))
		return p
	case code != http.StatusOK || !strings.EqualFold(strings.TrimSpace(body), "ok"):
		p.Outcome, p.Message = clusterregistry.Unhealthy, fmt.Sprintf("%s responded without ok: %d%s", path, code, failedChecks(body))
		if code, _, err := c.ask(ctx, "/livez", &p.Facts); err == nil && code == http.StatusOK {
			p.Message += "; /livez is ok"
		}
		return p
	}
	p.Outcome, p.Message = clusterregistry.Healthy, path+" responded with ok"
	if code, body, err := c.ask(ctx, "/version", &p.Facts); err == nil && code == http.StatusOK {
		var version struct{ GitVersion string }
		if json.Unmarshal([]byte(body), &version) == nil {
			p.Facts.Version = version.GitVersion
		}
	}
	return p
}

// failedChecks takes the names of failed checks out of an answer, and nothing else of it.
func failedChecks(body string) string {
	var failed []string
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, "[-]"); ok {
			if name, _, _ := strings.Cut(rest, " "); len(name) <= 63 {
				failed = append(failed, strings.TrimSpace(name))
			}
		}
	}
	if len(failed) == 0 {
		return ""
	}
	return ", failed: " + strings.Join(failed, ", ")
}

// ask sends one GET and notes what the answer tells beside its body, from which credentials of ours are taken.
func (c *Client) ask(ctx context.Context, path string, facts *clusterregistry.Facts) (code int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.rest.Get().AbsPath(path).URL().String(), nil)
	if err != nil {
		return 0, "", err
	}
	before := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The header is cut to the second, so half a second is added.
		middle := before.Add(time.Since(before) / 2)
		skew := date.Add(time.Second / 2).Sub(middle).Round(time.Second)
		facts.Skew = &skew
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		facts.ServerExpiry = resp.TLS.PeerCertificates[0].NotAfter
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxProbeBody))
	return resp.StatusCode, c.secrets().clean(string(data)), err
}

// ProbeAll probes every member side by side, each within the timeout (0: 3 s), and returns when all have an outcome.
func ProbeAll(ctx context.Context, registry *clusterregistry.Registry[*Client], timeout time.Duration) map[string]clusterregistry.Probe {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(probesAtOnce)
	probes := map[string]clusterregistry.Probe{}
	for cluster := range registry.Fleet().All() {
		group.Go(func() error {
			client, err := registry.Conn(cluster.Name)
			if err != nil {
				return nil // removed meanwhile
			}
			ctx, cancel := context.WithTimeout(ctx, cmp.Or(timeout, defaultProbeTimeout))
			defer cancel()
			p := client.Probe(ctx)
			mu.Lock()
			defer mu.Unlock()
			probes[cluster.Name] = p
			return nil
		})
	}
	_ = group.Wait()
	return probes
}

// Topology reads region and zones from the labels of the member's nodes, in the stable spelling or the one before it.
// The region is that of most nodes; zones are sorted. It reads metadata of every node: call it rarely.
func (c *Client) Topology(ctx context.Context) (clusterregistry.Facts, error) {
	if c.broken != nil {
		return clusterregistry.Facts{}, c.broken
	}
	ctx = forList(ctx)
	regions, zones := map[string]int{}, map[string]bool{}
	nodes := c.metadata.Resource(schema.GroupVersionResource{Version: "v1", Resource: "nodes"})
	for opts := (metav1.ListOptions{Limit: nodesPerPage}); ; {
		list, err := nodes.List(ctx, opts)
		if err != nil {
			return clusterregistry.Facts{}, c.scrub(err)
		}
		for _, node := range list.Items {
			labels := node.Labels
			if region := cmp.Or(labels[clusterregistry.RegionLabel], labels["failure-domain.beta.kubernetes.io/region"]); region != "" {
				regions[region]++
			}
			if zone := cmp.Or(labels[clusterregistry.ZoneLabel], labels["failure-domain.beta.kubernetes.io/zone"]); zone != "" {
				zones[zone] = true
			}
		}
		if opts.Continue = list.Continue; opts.Continue == "" {
			break
		}
	}
	facts := clusterregistry.Facts{Zones: slices.Sorted(maps.Keys(zones))}
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		if regions[region] > regions[facts.Region] {
			facts.Region = region
		}
	}
	return facts, nil
}

// credentialsEnd finds when the config's own credentials expire; zero: never, or it cannot be told.
func credentialsEnd(config *rest.Config) time.Time {
	pair := config.CertData
	if len(pair) == 0 && config.CertFile != "" {
		pair, _ = os.ReadFile(config.CertFile)
	}
	if block, _ := pem.Decode(pair); block != nil {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			return cert.NotAfter
		}
	}
	_, expires := tokenLife(config)
	return expires
}
