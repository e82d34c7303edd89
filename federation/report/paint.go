package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/confed-project/confed/federation"
)

const (
	red, green, yellow, blue, magenta, grey, bold = "31", "32", "33", "34", "35", "90", "1"
)

// painter paints text for terminals, or not.
type painter bool

func (p painter) in(color, text string) string {
	if !p || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func colorOf(v federation.Verb) string {
	return map[federation.Verb]string{
		federation.Create: green, federation.Apply: yellow, federation.Release: blue, federation.Delete: red,
		federation.Hold: magenta, federation.Keep: grey,
	}[v]
}

// cut shortens a line to a number of columns.
func cut(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}

func pad(cell string, width int) string {
	return cell + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(cell)))
}

// sign says what a change does to its path.
func sign(c federation.Change) (mark, color string) {
	switch {
	case c.Have == nil && c.Want != nil:
		return "+", green
	case c.Have != nil && c.Want == nil:
		return "-", red
	}
	return "~", yellow
}

// headline names a step: apply Deployment.apps shop/web in berlin (Changed).
func headline(s federation.Step) string {
	return fmt.Sprintf("%s %s in %s (%s)", s.Verb, s.Ref, s.Ref.Cluster, s.Reason)
}

// printable keeps what a member or a file says from steering a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '�'
		}
		return r
	}, text)
}
