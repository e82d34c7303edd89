package command

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// table writes cells in columns. Cells come from clusters, so what could steer a terminal is taken out.
func (a *app) table(rows [][]string) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if row[i] = line(cell); row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // into memory
	width, _ := a.terminal()
	for text := range strings.Lines(b.String()) {
		text = strings.TrimRight(text, " \n")
		if runes := []rune(text); width > 0 && len(runes) > width {
			text = string(runes[:width-1]) + "…"
		}
		if _, err := fmt.Fprintln(a.io.Out, text); err != nil {
			return err
		}
	}
	return nil
}

// line makes one line of a text, without control characters.
func line(text string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(text))
}

// printable keeps what a cluster or a file says from steering a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '�'
		}
		return r
	}, text)
}

// dataFlag adds -o for data beside the table.
func dataFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVarP(format, "output", "o", "", "json or yaml instead of the table")
	complete(cmd, "output", "json", "yaml")
}

// data writes a value as -o says; false for the table.
func (a *app) data(format string, v any) (bool, error) {
	var text []byte
	var err error
	switch format {
	case "":
		return false, nil
	case "json":
		if text, err = json.MarshalIndent(v, "", "  "); err == nil {
			text = append(text, '\n')
		}
	case "yaml":
		text, err = yaml.Marshal(v)
	default:
		return true, hint(fmt.Errorf("-o %q", format), "json or yaml")
	}
	if err == nil {
		_, err = a.io.Out.Write(text)
	}
	return true, err
}
