package scripttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/confed-project/confed/federation/kubefed"
)

// Step is one command of a transcript and what it prints.
type Step struct {
	Line    int
	Command string
	Stdin   string // a here-document
	Output  []string
	Exit    int // from a last line such as "exit code 2"
}

// Transcript reads the commands of a Markdown text: of blocks that begin with ```console the lines after "$ ", each with
// the lines that it prints, where … stands for anything and a line … for any lines.
func Transcript(text string) []Step {
	var steps []Step
	inside, here := false, false
	for i, line := range strings.Split(text, "\n") {
		switch last := len(steps) - 1; {
		case !inside:
			inside = strings.HasPrefix(line, "```console")
		case here && line == "EOF":
			here = false
		case here:
			steps[last].Stdin += line + "\n"
		case strings.HasPrefix(line, "```"):
			inside = false
		case strings.HasPrefix(line, "$ "):
			cmd, _, comment := strings.Cut(strings.TrimPrefix(line, "$ "), " # ")
			_ = comment
			cmd, here = strings.CutSuffix(cmd, " <<EOF")
			steps = append(steps, Step{Line: i + 1, Command: cmd})
		case last >= 0 && strings.HasPrefix(line, "exit code "):
			_, _ = fmt.Sscanf(line, "exit code %d", &steps[last].Exit)
		case last >= 0 && line != "":
			steps[last].Output = append(steps[last].Output, line)
		}
	}
	return steps
}

var errNoSteps = errors.New("there is no transcript in it")

// Replay plays all transcripts of a Markdown text on clusters, of which the one called hub is the host, in a directory where
// the files are as the text says.
func Replay(ctx context.Context, text, dir string, clusters map[string]*rest.Config) error {
	p := Player{Dir: dir, Current: "hub", Kubeconfig: filepath.Join(dir, ".kubeconfig"), Clients: map[string]*kube.Client{}}
	if err := WriteKubeconfig(p.Kubeconfig, p.Current, clusters); err != nil {
		return err
	}
	for name, config := range clusters {
		client, err := kube.NewClient(config, kube.Options{})
		if err != nil {
			return err
		}
		p.Clients[name] = client
	}
	steps := Transcript(text)
	if len(steps) == 0 {
		return errNoSteps
	}
	for _, step := range steps {
		if err := p.Play(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// Player plays transcripts on clusters. Of kubectl it knows apply -f, create namespace, label and delete; what else is
// neither fedctl nor kubectl is passed over.
type Player struct {
	Dir        string // where commands run
	Kubeconfig string
	Clients    map[string]*kube.Client // by context
	Current    string                  // the context of the host
}

// Play runs a step. The error says what is not as the transcript says.
func (p *Player) Play(ctx context.Context, s Step) error {
	args := strings.Fields(s.Command)
	for i := range args {
		args[i] = strings.Trim(args[i], "'")
	}
	var out string
	var code int
	switch {
	case len(args) == 0 || args[0] != "fedctl" && args[0] != "kubectl":
		return nil
	case args[0] == "fedctl":
		out, code = p.fedctl(ctx, args, s.Stdin)
	default:
		if err := p.kubectl(ctx, args[1:], s.Stdin); err != nil {
			return fmt.Errorf("line %d: %s: %w", s.Line, s.Command, err)
		}
		return nil // what kubectl prints is not ours to test
	}
	if code != s.Exit {
		return fmt.Errorf("line %d: %s: exit code %d, want %d:\n%s", s.Line, s.Command, code, s.Exit, out)
	}
	if !matches(s.Output, strings.Split(strings.TrimRight(out, "\n"), "\n")) {
		return fmt.Errorf("line %d: %s: the transcript has\n\n%s\n\nbut it prints\n\n%s", s.Line, s.Command, strings.Join(s.Output, "\n"), out)
	}
	return nil
}

func (p *Player) fedctl(ctx context.Context, args []string, stdin string) (string, int) {
	for i := 1; i < len(args); i++ {
		if slices.Contains([]string{"-f", "--clusters", "--state", "--to"}, args[i-1]) && args[i] != "-" {
			args[i] = filepath.Join(p.Dir, args[i])
		}
	}
	args = append(args, "--kubeconfig", p.Kubeconfig, "--cache-dir", filepath.Join(p.Dir, ".cache"))
	if !slices.Contains(args, "--context") && !slices.Contains(args, "--host-cluster-context") {
		args = append(args, "--context", p.Current)
	}
	var out bytes.Buffer
	code := command.Main(ctx, args, IO(strings.NewReader(stdin), &out, &out, os.Getenv))
	return strings.ReplaceAll(out.String(), p.Dir+"/", ""), code
}

// matches compares lines; empty ones and notes do not count, and steps that are carried out side by side come in any order.
func matches(want, got []string) bool {
	want, got = settled(want), settled(got)
	var pattern strings.Builder
	pattern.WriteString("^")
	for _, line := range want {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString("(?s:.*\n)?")
			continue
		}
		var parts []string
		for _, part := range strings.Split(strings.Join(strings.Fields(line), " "), "…") {
			parts = append(parts, regexp.QuoteMeta(part))
		}
		pattern.WriteString(strings.Join(parts, ".*") + "\n")
	}
	pattern.WriteString("$")
	var text strings.Builder
	for _, line := range got {
		text.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	ok, err := regexp.MatchString(pattern.String(), text.String())
	return err == nil && ok
}

// settled sorts the progress of steps, and drops what does not count.
func settled(lines []string) []string {
	progress := regexp.MustCompile(`^\[\d+/\d+\] `)
	var steps, rest []string
	for _, line := range lines {
		switch where := progress.FindString(line); {
		case where != "":
			steps = append(steps, strings.TrimPrefix(line, where))
		case strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "note: "):
			rest = append(rest, line)
		}
	}
	slices.Sort(steps)
	return append(steps, rest...)
}

// kubectl does what little of it the transcripts need.
func (p *Player) kubectl(ctx context.Context, args []string, stdin string) error {
	where, namespace := p.Current, "default"
	var words []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--context":
			where, i = args[i+1], i+1
		case "-n":
			namespace, i = args[i+1], i+1
		default:
			words = append(words, args[i])
		}
	}
	client, ok := p.Clients[where]
	if !ok {
		return fmt.Errorf("no context %q", where)
	}
	switch {
	case len(words) == 3 && words[0] == "apply":
		text := []byte(stdin)
		if words[2] != "-" {
			var err error
			if text, err = os.ReadFile(filepath.Join(p.Dir, words[2])); err != nil {
				return err
			}
		}
		return apply(ctx, client, text)
	case len(words) == 3 && words[0] == "create" && words[1] == "namespace":
		return apply(ctx, client, []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+words[2]+"}"))
	case len(words) == 3 && words[0] == "delete":
		obj, err := named(words[1], words[2], namespace)
		if err == nil {
			err = client.Delete(ctx, obj.GroupVersionKind(), types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}, metav1.DeleteOptions{})
		}
		return err
	case len(words) == 7 && words[0] == "patch" && words[3] == "--subresource=status":
		return status(ctx, client, words, namespace)
	case len(words) == 4 && words[0] == "label":
		obj, err := named(words[1], words[2], namespace)
		if err != nil {
			return err
		}
		key, value, _ := strings.Cut(words[3], "=")
		obj.SetLabels(map[string]string{key: value})
		force := true
		_, err = client.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: "kubectl-label-" + key, Force: &force})
		return err
	}
	return fmt.Errorf("kubectl %v: not known here", words)
}

// status writes the status of an object, as a controller of its cluster would.
func status(ctx context.Context, client *kube.Client, words []string, namespace string) error {
	obj, err := named(words[1], words[2], namespace)
	if err == nil {
		obj, err = client.Get(ctx, obj.GroupVersionKind(), types.NamespacedName{Namespace: namespace, Name: words[2]})
	}
	var patch map[string]any
	if err == nil {
		err = json.Unmarshal([]byte(words[6]), &patch)
	}
	if err != nil {
		return err
	}
	obj.Object["status"] = patch["status"]
	_, err = client.UpdateStatus(ctx, obj)
	return err
}

// apply writes objects; what they are in may still be going away, or not be ready yet.
func apply(ctx context.Context, client *kube.Client, text []byte) error {
	objects, err := kubefed.Documents(text)
	force, end := true, time.Now().Add(time.Minute)
	for _, obj := range objects {
		for err == nil {
			live, errGet := client.Get(ctx, obj.GroupVersionKind(), types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()})
			going := errGet == nil && live.GetDeletionTimestamp() != nil
			if !going {
				if _, err = client.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: "kubectl", Force: &force}); err == nil {
					break
				}
				going = apierrors.IsForbidden(err) || apierrors.IsNotFound(err)
			}
			if !going || time.Now().After(end) {
				return err
			}
			err = nil
			time.Sleep(100 * time.Millisecond)
		}
	}
	return err
}

// named makes an object of the words of kubectl.
func named(kind, name, namespace string) (*unstructured.Unstructured, error) {
	gvk, ok := map[string]schema.GroupVersionKind{
		"namespace": {Version: "v1", Kind: "Namespace"}, "deployment": {Group: "apps", Version: "v1", Kind: "Deployment"},
		"service":                     {Version: "v1", Kind: "Service"},
		"kubefedcluster":              {Group: "core.kubefed.io", Version: "v1beta1", Kind: "KubeFedCluster"},
		"federatednamespace":          {Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedNamespace"},
		"federateddeployment":         {Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedDeployment"},
		"federatedservice":            {Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedService"},
		"federatedconfigmap":          {Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedConfigMap"},
		"replicaschedulingpreference": {Group: "scheduling.kubefed.io", Version: "v1alpha1", Kind: "ReplicaSchedulingPreference"},
	}[kind]
	if !ok {
		return nil, fmt.Errorf("%s: not known here", kind)
	}
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetGroupVersionKind(gvk)
	obj.SetName(name)
	if kind != "namespace" {
		obj.SetNamespace(namespace)
	}
	return obj, nil
}
