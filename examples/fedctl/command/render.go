package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
)

func newRender(io IO) *cobra.Command {
	var dir string
	var prune bool
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "render [KIND [NAME...]] --to DIR [flags]",
		Short: "Write the manifests of each cluster to a directory of its own",
		Long: `Write the manifests of each cluster to a directory of its own, DIR/CLUSTER/NAMESPACE/KIND-NAME.yaml, for programs that
deliver files. Overrides are applied and replicas are divided. Secrets are written as they are, readable for you alone.`,
		Example: `  fedctl render -f objects.yaml --clusters clusters.yaml --to manifests/
  fedctl render -A --to manifests/ --prune`,
	}, func(a *app, cmd *cobra.Command, args []string) error {
		if dir == "" {
			return hint(errors.New("--to is needed"), "the directory to write to, such as --to manifests/")
		}
		if some := len(args) > 0 || !a.allNamespaces && (*a.flags.Namespace != "" || len(a.files) == 0); prune && some {
			return hint(errors.New("--prune would remove the manifests of the objects that are not meant here"), "--prune goes with all objects: without KIND and -n, and from the host with -A")
		}
		v, err := a.view(cmd.Context(), args)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return hint(err, "--to names a directory that can be written to")
		}
		r := rendering{dir: dir, written: map[string]string{}}
		for p, err := range v.plans(cmd.Context(), a) {
			if err == nil {
				err = r.object(v, p)
			}
			r.errs = append(r.errs, err)
		}
		v.note(a)
		stale, err := r.stale(v)
		r.errs = append(r.errs, err)
		failed := errors.Join(r.errs...)
		for _, name := range stale {
			switch {
			case !prune:
				a.note("%s is not of these objects; --prune removes it", name)
			case failed == nil && len(r.written) > 0:
				failed = os.Remove(name)
			}
		}
		fmt.Fprintf(a.io.Out, "%d manifests in %s\n", len(r.written), dir)
		switch {
		case !prune || len(stale) == 0:
		case failed != nil:
			a.note("nothing was removed, because something could not be rendered")
		case len(r.written) == 0:
			a.note("nothing was removed, because no manifest was rendered; if that is meant, remove the directories in %s", dir)
		}
		return failed
	})
	a.wishFlags(cmd)
	cmd.Flags().StringVar(&dir, "to", "", "the directory to write to")
	cmd.Flags().BoolVar(&prune, "prune", false, "remove what is in the directories of the clusters and is not written")
	_ = cmd.MarkFlagDirname("to")
	return cmd
}

type rendering struct {
	dir     string
	written map[string]string // file to object
	errs    []error
}

// object writes the manifests of one object. One cluster's error leaves the others as they are.
func (r *rendering) object(v *view, p *planned) error {
	shares := map[string]*int64{}
	for _, s := range p.plan.Shares() {
		shares[s.Name] = &s.Replicas
	}
	errs := slices.Clone(p.plan.Errs)
	for _, d := range p.plan.Decisions {
		cluster, known := v.fleet.Get(d.Cluster)
		if !d.Selected || !known {
			continue
		}
		rendered, err := federation.Render(p.wish.object, cluster, shares[d.Cluster])
		if err == nil {
			err = r.write(d.Cluster, rendered)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (r *rendering) write(cluster string, rendered federation.Rendered) error {
	m := rendered.Manifest
	gvk := m.GroupVersionKind()
	kind := strings.ToLower(gvk.Kind)
	if gvk.Group != "" {
		kind += "." + gvk.Group
	}
	scope := m.GetNamespace()
	if scope == "" {
		scope = "_cluster"
	}
	local := filepath.Join(plain(cluster), scope, plain(kind+"-"+m.GetName())+".yaml")
	if !filepath.IsLocal(filepath.Join("x", local)) || strings.Trim(cluster, ".") == "" {
		return fmt.Errorf("%s: %s: no file can have this name", cluster, named(m))
	}
	path := filepath.Join(r.dir, local)
	object := cluster + ": " + named(m)
	if other, taken := r.written[path]; taken {
		return fmt.Errorf("%s: both %s and %s", path, other, object)
	}
	data, err := yaml.Marshal(m.Object)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if gvk.Kind == "Secret" {
		mode = 0o600
	}
	r.written[path] = object
	return os.WriteFile(path, data, mode)
}

// plain makes a file name: clusters of a ClusterProfile and roles have names that are none.
func plain(name string) string { return strings.NewReplacer("/", "_", ":", "_").Replace(name) }

// stale lists the files in the directories of the clusters that were not written.
func (r *rendering) stale(v *view) ([]string, error) {
	var out []string
	for c := range v.fleet.All() {
		files, err := expand(filepath.Join(r.dir, plain(c.Name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if _, ok := r.written[name]; !ok {
				out = append(out, name)
			}
		}
	}
	return out, nil
}
