package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/federation/report"
)

// app is what the flags of one command say.
type app struct {
	io    IO
	flags *genericclioptions.ConfigFlags

	files         []string
	clusters      []string
	state         string
	allNamespaces bool
	hostContext   string
	system        string
	owner         string
	manager       string
	adopt         bool
	adoptSaid     bool
	forget        []string
	color         string
	output        string
	dryRun        bool

	factsOnly bool   // no objects are asked for
	stdin     []byte // what - means, once it was read
}

// newCommand is a cobra command whose run function returns errors, with an app for its flags.
func newCommand(io IO, cmd *cobra.Command, run func(*app, *cobra.Command, []string) error) (*app, *cobra.Command) {
	a := &app{io: io}
	cmd.DisableFlagsInUseLine = true
	cmd.Example = strings.ReplaceAll(cmd.Example, "fedctl", io.Name)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.adoptSaid = cmd.Flags().Changed("adopt")
		return run(a, cmd, args)
	}
	cmd.Flags().StringVar(&a.color, "color", "auto", "auto: when the output is a terminal and NO_COLOR is not set; always; never")
	complete(cmd, "color", "auto", "always", "never")
	return a, cmd
}

// complete tells shells the values of a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails for a flag that is not there
}

// hostFlags are those of every command that asks the host: kubectl's, and kubefedctl's names for two of them.
func (a *app) hostFlags(cmd *cobra.Command) {
	a.flags = genericclioptions.NewConfigFlags(true)
	// What only makes sense for one cluster would be unclear here.
	a.flags.ClusterName, a.flags.AuthInfoName, a.flags.APIServer, a.flags.TLSServerName, a.flags.Insecure = nil, nil, nil, nil, nil
	a.flags.CertFile, a.flags.KeyFile, a.flags.CAFile, a.flags.BearerToken, a.flags.DisableCompression = nil, nil, nil, nil, nil
	a.flags.AddFlags(cmd.Flags())
	for _, seldom := range []string{"as-uid", "as-user-extra", "cache-dir"} {
		_ = cmd.Flags().MarkHidden(seldom) // fails for a flag that is not there
	}
	cmd.Flags().StringVar(&a.hostContext, "host-cluster-context", "", "another word for --context")
	cmd.Flags().StringVar(&a.system, "kubefed-namespace", "kube-federation-system", "the namespace of the control plane on the host")
}

// wishFlags say where objects and facts come from, and as whom a plan is made.
func (a *app) wishFlags(cmd *cobra.Command) {
	a.hostFlags(cmd)
	cmd.Flags().StringSliceVarP(&a.files, "filename", "f", nil, "files or directories with federated objects, - for standard input; without it those on the host")
	cmd.Flags().StringSliceVar(&a.clusters, "clusters", nil, "files with the facts about the clusters: nothing is asked of a cluster then")
	cmd.Flags().StringVar(&a.state, "state", "", "with --clusters: a directory with one directory of files for each cluster, which say what it holds")
	cmd.Flags().BoolVarP(&a.allNamespaces, "all-namespaces", "A", false, "the objects of all namespaces")
	cmd.Flags().StringVar(&a.owner, "owner", "kubefed.io/managed=true", "the label that marks a copy as ours")
	cmd.Flags().StringVar(&a.manager, "field-manager", "confed.dev/controller", "the field manager of the controller")
	cmd.Flags().StringSliceVar(&a.forget, "forget", nil, "clusters that are gone for good: copies there are no longer waited for")
	cmd.Flags().BoolVar(&a.adopt, "adopt", true, "take over what has the name of a copy and is not ours; live, the KubeFedConfig says so unless this does")
}

func (a *app) planner() (federation.Planner, error) {
	key, value, ok := strings.Cut(a.owner, "=")
	if !ok || value == "" {
		return federation.Planner{}, hint(fmt.Errorf("--owner %q", a.owner), "a label has the form key=value")
	}
	// KubeFed's programs wrote under the names of their files.
	return federation.Planner{
		Owner: federation.Owner{Key: key, Value: value}, Manager: a.manager, FormerManagers: kubefed.Managers(), Forget: a.forget,
	}, nil
}

// input reads standard input if a file is called -.
func (a *app) input(files []string) error {
	if a.stdin != nil || !slices.Contains(files, "-") {
		return nil
	}
	data, err := io.ReadAll(a.io.In)
	a.stdin = append([]byte{}, data...)
	return err
}

// terminal tells whether the output is one, and how wide it is.
func (a *app) terminal() (width int, is bool) {
	file, ok := a.io.Out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0, true
	}
	return width, true
}

func (a *app) colors() (bool, error) {
	_, terminal := a.terminal()
	switch a.color {
	case "auto":
		return terminal && a.io.Getenv("NO_COLOR") == "" && a.io.Getenv("TERM") != "dumb", nil
	case "always", "never":
		return a.color == "always", nil
	}
	return false, hint(fmt.Errorf("--color %q", a.color), "auto, always or never")
}

// report begins a report in the format of -o.
func (a *app) report(o report.Options) (*report.Writer, error) {
	var err error
	if o.Color, err = a.colors(); err != nil {
		return nil, err
	}
	o.Width, _ = a.terminal()
	w, err := report.New(a.io.Out, o)
	if errors.Is(err, report.ErrFormat) {
		return nil, fmt.Errorf("-o: %w", err)
	}
	return w, err
}

func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.io.ErrOut, "note: "+format+"\n", args...)
}
