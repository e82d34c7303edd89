package status

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// story is an input file: one kind in several clusters.
type story struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Members    []struct {
		Cluster    string         `json:"cluster"`
		Generation int64          `json:"generation"`
		Reason     string         `json:"reason"`
		Object     map[string]any `json:"object"`
	} `json:"members"`
}

func readStory(t testing.TB, path string) (metav1.GroupKind, []Member) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var s story
	require.NoError(t, yaml.UnmarshalStrict(raw, &s))
	var members []Member
	for _, m := range s.Members {
		if m.Object != nil {
			m.Object["apiVersion"], m.Object["kind"] = s.APIVersion, s.Kind
		}
		members = append(members, Member{Cluster: m.Cluster, Live: m.Object, Reason: m.Reason, Generation: m.Generation})
	}
	group, _, found := strings.Cut(s.APIVersion, "/")
	if !found {
		group = ""
	}
	return metav1.GroupKind{Group: group, Kind: s.Kind}, members
}

func stories(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/kinds/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// TestKinds shows for every kind what is said of each member and of all of them.
func TestKinds(t *testing.T) {
	for _, path := range stories(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			kind, members := readStory(t, path)
			got := tell(t, kind, members)
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), got))
		})
	}
}

func tell(t testing.TB, kind metav1.GroupKind, members []Member) string {
	t.Helper()
	var b strings.Builder
	for _, m := range members {
		if m.Live == nil {
			continue
		}
		health, why := Assess(m.Live)
		fmt.Fprintf(&b, "%s: %s (%s)\n", m.Cluster, orUnknown(health), why)
		for _, v := range Feedback(m.Live, nil, 0) {
			fmt.Fprintf(&b, "  %s = %s%s\n", v.Name, v.Value, v.Error)
		}
	}
	status, gaps := Aggregate(kind, members)
	raw, err := yaml.Marshal(map[string]any{"status": status})
	require.NoError(t, err)
	b.WriteString("\n" + string(raw))
	for _, g := range gaps {
		fmt.Fprintf(&b, "gap: %s %s: %s %s\n", g.Cluster, g.Path, g.Reason, g.Message)
	}
	return b.String()
}

func orUnknown(h Health) string {
	if h == HealthUnknown {
		return "Unknown"
	}
	return string(h)
}
