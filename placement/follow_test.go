package placement

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &o))
	return o
}

const everyReference = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  volumeClaimTemplates: [{metadata: {name: data}}]
  template:
    spec:
      serviceAccountName: db
      imagePullSecrets: [{name: registry}, {}]
      volumes:
      - {name: a, configMap: {name: conf}}
      - {name: b, secret: {secretName: cert}}
      - {name: c, persistentVolumeClaim: {claimName: shared}}
      - {name: data, persistentVolumeClaim: {claimName: data}}
      - {name: d, projected: {sources: [{configMap: {name: proj-conf}}, {secret: {name: proj-secret}}, {serviceAccountToken: {}}]}}
      - {name: e, csi: {nodePublishSecretRef: {name: csi}}}
      - {name: f, azureFile: {secretName: azure}}
      - {name: g, rbd: {secretRef: {name: rbd}}}
      - {name: h, emptyDir: {}}
      containers:
      - envFrom: [{configMapRef: {name: env-conf}}, {secretRef: {name: env-secret}}]
        env: [{name: A, value: x}, {name: B, valueFrom: {secretKeyRef: {name: key-secret}}}]
      initContainers:
      - env: [{name: A, valueFrom: {configMapKeyRef: {name: init-conf}}}]
      ephemeralContainers:
      - envFrom: [{secretRef: {name: debug}}]
`

func TestReferences(t *testing.T) {
	o := object(t, everyReference)
	before, err := json.Marshal(o)
	require.NoError(t, err)
	refs, err := References(o, nil)
	require.NoError(t, err)
	var got []string
	for _, r := range refs {
		require.Equal(t, "shop", r.Namespace)
		got = append(got, r.Kind+" "+r.Name)
	}
	require.Equal(t, []string{
		"ConfigMap conf", "ConfigMap env-conf", "ConfigMap init-conf", "ConfigMap proj-conf",
		"PersistentVolumeClaim shared",
		"Secret azure", "Secret cert", "Secret csi", "Secret debug", "Secret env-secret", "Secret key-secret", "Secret proj-secret",
		"Secret rbd", "Secret registry",
		"ServiceAccount db",
	}, got)
	after, err := json.Marshal(o)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}

func TestReferencesByKind(t *testing.T) {
	pod := `serviceAccountName: sa`
	for kind, text := range map[string]string{
		"Pod":         "{apiVersion: v1, kind: Pod, spec: {" + pod + "}}",
		"Deployment":  "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {" + pod + "}}}}",
		"CronJob":     "{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {" + pod + "}}}}}}",
		"PodTemplate": "{apiVersion: v1, kind: PodTemplate, template: {spec: {" + pod + "}}}",
	} {
		refs, err := References(object(t, text), nil)
		require.NoError(t, err)
		require.Equal(t, []Ref{{Kind: "ServiceAccount", Name: "sa"}}, refs, kind)
	}
	refs, err := References(object(t, `{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {tls: [{secretName: b}, {secretName: a}, {secretName: b}]}}`), nil)
	require.NoError(t, err)
	require.Equal(t, []Ref{{Kind: "Secret", Name: "a"}, {Kind: "Secret", Name: "b"}}, refs)
	refs, err = References(object(t, `{apiVersion: example.com/v1, kind: Deployment, spec: {template: {spec: {serviceAccountName: sa}}}}`), nil)
	require.NoError(t, err)
	require.Empty(t, refs, "another group")
	refs, err = References(object(t, "{apiVersion: v1, kind: Pod, spec: {serviceAccountName: default}}"), nil)
	require.NoError(t, err)
	require.Empty(t, refs)

	rules := map[string][]ReferenceRule{
		"Rollout.argoproj.io": {{Path: "spec.template.spec"}, {Path: "spec.issuers[*].name", Kind: "Issuer.cert-manager.io"}, {Path: "spec..x", Kind: "Secret"}},
		"Pod":                 nil,
	}
	refs, err = References(object(t, `{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {namespace: shop}, spec: {template: {spec: {serviceAccountName: sa}}, issuers: [{name: ca}]}}`), rules)
	require.EqualError(t, err, `rules[Rollout.argoproj.io][2].path: invalid: "spec..x" is no path of names, where [*] may follow each`)
	require.Equal(t, []Ref{{Kind: "ServiceAccount", Namespace: "shop", Name: "sa"}, {Group: "cert-manager.io", Kind: "Issuer", Namespace: "shop", Name: "ca"}}, refs)
	refs, err = References(object(t, "{apiVersion: v1, kind: Pod, spec: {serviceAccountName: sa}}"), rules)
	require.NoError(t, err)
	require.Empty(t, refs, "a rule without paths switches a kind off")
}

func TestReferencesAreBounded(t *testing.T) {
	var volumes []any
	for i := range 1500 {
		volumes = append(volumes, map[string]any{"configMap": map[string]any{"name": fmt.Sprintf("c%04d", i)}})
	}
	refs, err := References(map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": map[string]any{"volumes": volumes}}, nil)
	require.ErrorIs(t, err, ErrInvalid)
	require.Len(t, refs, 1000)
}

func FuzzReferences(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"v1","kind":"Pod","spec":{"volumes":[{"configMap":{"name":"a"}},7,null],"containers":{"env":[]}}}`), "spec.x[*].y")
	f.Fuzz(func(t *testing.T, raw []byte, path string) {
		var o map[string]any
		if json.Unmarshal(raw, &o) != nil {
			return
		}
		first, _ := References(o, nil)
		second, _ := References(o, nil)
		require.Equal(t, first, second)
		_, _ = References(o, map[string][]ReferenceRule{"Pod": {{Path: path, Kind: "Secret"}}})
	})
}

// TestFollow compares with going round until nothing changes.
func TestFollow(t *testing.T) {
	rnd := rand.New(rand.NewPCG(23, 24))
	for range 500 {
		ref := func() Ref { return Ref{Kind: "ConfigMap", Name: fmt.Sprint(rnd.IntN(8))} }
		uses, references := map[string][]Ref{}, map[Ref][]Ref{}
		for range rnd.IntN(6) {
			cluster := fmt.Sprint("c", rnd.IntN(4))
			uses[cluster] = append(uses[cluster], ref())
		}
		for range rnd.IntN(12) {
			from := ref()
			references[from] = append(references[from], ref())
		}
		want := map[Ref][]string{}
		add := func(r Ref, cluster string) bool {
			if slices.Contains(want[r], cluster) {
				return false
			}
			want[r] = append(want[r], cluster)
			slices.Sort(want[r])
			return true
		}
		for cluster, refs := range uses {
			for _, r := range refs {
				add(r, cluster)
			}
		}
		for changed := true; changed; {
			changed = false
			for from, to := range references {
				for _, r := range to {
					for _, cluster := range slices.Clone(want[from]) {
						changed = add(r, cluster) || changed
					}
				}
			}
		}
		require.Empty(t, cmp.Diff(want, Follow(uses, references)))
	}
}

func TestAffinity(t *testing.T) {
	fleet, err := NewFleet([]Cluster{{Name: "lyon", Region: "eu"}, {Name: "nice", Region: "eu"}, {Name: "reno", Region: "us"}, {Name: "sea"}})
	require.NoError(t, err)
	subject := func(name, app string) Subject {
		return Subject{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: name, Labels: map[string]string{"app": app}}
	}
	other := subject("db", "web")
	other.Namespace = "bank"
	others := []Placed{
		{Subject: subject("db", "web"), Clusters: []string{"lyon", "atlantis"}}, {Subject: subject("api", "web"), Clusters: []string{"reno"}},
		{Subject: subject("db", "other"), Clusters: []string{"nice"}}, {Subject: subject("web", "web"), Clusters: []string{"sea"}}, {Subject: other, Clusters: []string{"sea"}},
	}
	placeable := func(a Affinity, s Subject, others []Placed) []string {
		a.Name, a.GroupBy = "affinity", "app"
		req := Request{Subject: s, Policy: Policy{Selector: &Selector{}}, Verdicts: a.Verdicts(s, others, fleet)}
		if a.Soft {
			one := 1
			req.Policy.Limit = &Limit{Count: &one, Scorers: []Scorer{{Name: "near", Verdict: "affinity"}}}
		}
		got, err := Select(req, fleet)
		require.NoError(t, err)
		return got
	}
	web := subject("web", "web")
	require.Equal(t, []string{"lyon", "reno"}, placeable(Affinity{}, web, others))
	require.Equal(t, []string{"nice", "sea"}, placeable(Affinity{Apart: true}, web, others))
	require.Equal(t, []string{"lyon", "nice"}, placeable(Affinity{Over: "region"}, web, others[:1]))
	require.Equal(t, []string{"reno", "sea"}, placeable(Affinity{Over: "region", Apart: true}, web, others[:1]))
	require.Equal(t, []string{"lyon"}, placeable(Affinity{Soft: true}, web, others[:1]))
	require.Len(t, placeable(Affinity{}, web, nil), 4, "the first is free")
	require.Len(t, placeable(Affinity{}, subject("web", "new"), others), 4, "the first of its group is free")
	require.Len(t, placeable(Affinity{}, Subject{Name: "web"}, others), 4, "no group")
	require.Equal(t, []string{"sea"}, placeable(Affinity{Over: "region"}, web, []Placed{{Subject: subject("db", "web"), Clusters: []string{"sea"}}}), "without the fact it is alone")
}
