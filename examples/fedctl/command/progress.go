package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/confed-project/confed/federation"
)

// progress shows how a plan is carried out: as a bar that stays in its line on a terminal, else line by line.
type progress struct {
	ctx      context.Context // whose end is no failure of a member
	a        *app
	width    int // 0: no terminal
	paint    bool
	total    int
	ended    int
	counts   map[federation.Outcome]int
	notDone  []string // what an interruption left
	problems []string // what was held or failed
	patient  bool     // what is being deleted is waited for later
	going    int
}

func (a *app) progress(ctx context.Context, plan federation.Plan) *progress {
	width, terminal := a.terminal()
	if terminal && width == 0 {
		width = 80
	}
	p := &progress{ctx: ctx, a: a, width: width, counts: map[federation.Outcome]int{}}
	p.paint, _ = a.colors() // a wrong --color failed before
	for _, s := range plan.Steps {
		if s.Verb != federation.Keep {
			p.total++
		}
	}
	return p
}

// show takes one result. What is kept is not worth a word.
func (p *progress) show(r federation.Result) {
	if r.Step.Verb == federation.Keep {
		return
	}
	p.ended++
	p.counts[r.Outcome]++
	text := line(r.String())
	switch {
	case r.Err != nil && p.ctx.Err() != nil && (errors.Is(r.Err, p.ctx.Err()) || errors.Is(r.Err, context.Cause(p.ctx))):
		p.notDone = append(p.notDone, fmt.Sprintf("%s: %s %s", r.Step.Ref.Cluster, r.Step.Verb, r.Step.Ref))
		text = ""
	case p.patient && r.Outcome == federation.Held && r.Reason == federation.ReasonDeleting:
		p.going++
	case r.Outcome != federation.Done:
		p.problems = append(p.problems, text)
	}
	if p.width == 0 {
		if text != "" {
			fmt.Fprintf(p.a.io.Out, "[%d/%d] %s\n", p.ended, p.total, text)
		}
		return
	}
	if text != "" && r.Outcome != federation.Done {
		fmt.Fprintf(p.a.io.Out, "\r\x1b[K%s\n", p.color("31", text))
	}
	const bar = 20
	full := bar * p.ended / max(p.total, 1)
	now := fmt.Sprintf("[%s%s] %d/%d %s", strings.Repeat("#", full), strings.Repeat(".", bar-full), p.ended, p.total, text)
	if runes := []rune(now); len(runes) >= p.width {
		now = string(runes[:p.width-2]) + "…"
	}
	fmt.Fprintf(p.a.io.Out, "\r\x1b[K%s", now)
}

func (p *progress) color(code, text string) string {
	if !p.paint {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// end says what was done and what was not.
func (p *progress) end() error {
	if p.width > 0 && p.ended > 0 {
		fmt.Fprint(p.a.io.Out, "\r\x1b[K")
	}
	for _, text := range p.notDone {
		fmt.Fprintln(p.a.io.Out, "not done, or not known to be done:", text)
	}
	done, held, failed := p.counts[federation.Done], p.counts[federation.Held], p.counts[federation.Failed]-len(p.notDone)
	summary := fmt.Sprintf("%d done, %d held, %d failed", done, held, failed)
	if len(p.notDone) > 0 {
		summary += fmt.Sprintf(", %d not done", len(p.notDone))
	}
	if p.total == 0 {
		summary = "nothing to do"
	}
	fmt.Fprintln(p.a.io.Out, summary)
	switch {
	case len(p.notDone) > 0:
		return hint(fmt.Errorf("interrupted: %w", context.Cause(p.ctx)), "fedctl apply again looks first, and does what is left")
	case held+failed > p.going:
		return p.hint(fmt.Errorf("%d of %d steps were held or failed", held+failed-p.going, p.total))
	}
	return nil
}

// hint tells the commonest way on.
func (p *progress) hint(err error) error {
	for _, text := range p.problems {
		if strings.Contains(text, string(federation.ReasonGuarded)) {
			return hint(err, "--max-deletes N allows so many copies to go; fedctl plan shows which")
		}
	}
	return hint(err, "fedctl explain KIND NAME tells why; fedctl apply again retries what failed")
}
