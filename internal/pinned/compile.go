package pinned

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// compile runs a "go build -v". The go command names each package that it compiles (thousands); log gets a count of
// them, and the error all that is not such a name.
func compile(cmd *exec.Cmd, log io.Writer) error {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var other strings.Builder
	progress := newProgress(log)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading "):
			progress.step("modules downloaded")
		case !strings.ContainsAny(line, " \t"):
			progress.step("packages compiled")
		default:
			fmt.Fprintln(&other, line)
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go build tool: %w\n%s", err, other.String())
	}
	progress.end()
	return nil
}

// progress writes a line when it has been silent for a while.
type progress struct {
	log         io.Writer
	begin, last time.Time
	counts      map[string]int
}

func newProgress(log io.Writer) *progress {
	now := time.Now()
	return &progress{log: log, begin: now, last: now, counts: map[string]int{}}
}

func (p *progress) step(what string) {
	p.counts[what]++
	if time.Since(p.last) > 10*time.Second {
		p.last = time.Now()
		fmt.Fprintf(p.log, "  %s: %d %s\n", p.elapsed(), p.counts[what], what)
	}
}

func (p *progress) end() { fmt.Fprintf(p.log, "  done after %s\n", p.elapsed()) }

func (p *progress) elapsed() time.Duration { return time.Since(p.begin).Round(time.Second) }
