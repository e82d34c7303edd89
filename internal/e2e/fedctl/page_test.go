package fedctl_test

import (
	"bytes"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/confed-project/confed/examples/fedctl/scripttest"
)

// page is plan -o html of the files that the scripts use, with more appended to it.
func page(t *testing.T, more string) string {
	t.Helper()
	const files = "../../../examples/fedctl/command/testdata/files/"
	var out, errOut bytes.Buffer
	code := command.Main(t.Context(), []string{"fedctl", "plan", "-f", files + "objects.yaml", "--clusters", files + "clusters.yaml", "-o", "html", "--title", "Plan for <b>the shop</b>"},
		scripttest.IO(nil, &out, &errOut, os.Getenv))
	require.Equal(t, 2, code, "%s", &errOut)
	name := filepath.Join(t.TempDir(), "plan.html")
	text := strings.Replace(out.String(), "<script>\n", "<script>\nonerror = e => { document.title = 'error: ' + e };\n", 1)
	require.NoError(t, os.WriteFile(name, []byte(strings.Replace(text, "</body>", "<script>"+more+"</script></body>", 1)), 0o600))
	return name
}

// browser runs headless Chromium. It is a real browser or nothing: make test says what to install.
func browser(t *testing.T, args ...string) string {
	t.Helper()
	exe := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && exe == "" {
			exe = path
		}
	}
	require.NotEmpty(t, exe, "no chromium is installed: apt-get install chromium, or whatever the system calls it")
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(), "--window-size=1300,700", "--virtual-time-budget=5000"}, args...)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	require.NoError(t, cmd.Run(), "%s", &errOut)
	return out.String()
}

// The page needs nothing but itself, draws the matrix, and tells about a cell when it is clicked.
func TestPage(t *testing.T) {
	t.Run("matrix", func(t *testing.T) {
		dom := browser(t, "--dump-dom", "file://"+page(t, ""))
		require.Contains(t, dom, "<title>Plan for &lt;b&gt;the shop&lt;/b&gt;</title>", "an error in the script shows here too")
		require.Len(t, regexp.MustCompile(`<td><button class="create"`).FindAllString(dom, -1), 8)
		require.Len(t, regexp.MustCompile(`<td><button class="hold"`).FindAllString(dom, -1), 1)
		require.Contains(t, dom, `<th scope="col">rome</th>`)
		require.Contains(t, dom, "8 create")
		require.NotContains(t, dom, "hunter2")
		require.NotRegexp(t, `(src|href)=`, dom, "nothing is loaded from elsewhere")
	})
	t.Run("click", func(t *testing.T) {
		dom := browser(t, "--dump-dom", "file://"+page(t, `document.querySelectorAll("tbody tr")[1].querySelectorAll("td button")[1].click()`))
		_, panel, _ := strings.Cut(dom, "<aside")
		panel, _, _ = strings.Cut(panel, "</aside>")
		require.Contains(t, panel, "Deployment.apps shop/web</h2>")
		require.Contains(t, panel, "<dd>boston</dd>")
		require.Contains(t, panel, "selected, Matched: clusterSelector matches")
		require.Contains(t, panel, `sets /spec/template/spec/containers/0/image: "nginx:1.28" -&gt; "us.example/nginx:1.28"`)
		require.Contains(t, panel, `<span class="plus">+   replicas: 2</span>`)
	})
	t.Run("search and filter", func(t *testing.T) {
		dom := browser(t, "--dump-dom", "file://"+page(t, `document.querySelector("#search").value = "secret KEY"; document.querySelector("#search").oninput();`))
		_, body, _ := strings.Cut(dom, "<tbody>")
		body, _, _ = strings.Cut(body, "</tbody>")
		require.Equal(t, 1, strings.Count(body, "<tr>"))
		require.Contains(t, body, "shop/key")
		dom = browser(t, "--dump-dom", "file://"+page(t, `document.querySelector("#filters .create").click()`))
		_, body, _ = strings.Cut(dom, "<tbody>")
		body, _, _ = strings.Cut(body, "</tbody>")
		require.Equal(t, 1, strings.Count(body, "<tr>"), "only the object with a hold is left")
	})
	t.Run("picture", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "plan.png")
		browser(t, "--screenshot="+name, "file://"+page(t, `document.querySelectorAll("td button")[0].click()`))
		file, err := os.Open(name)
		require.NoError(t, err)
		defer file.Close()
		picture, err := png.Decode(file)
		require.NoError(t, err)
		seen := map[color.RGBA]int{}
		for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
			for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
				r, g, b, _ := picture.At(x, y).RGBA()
				seen[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
			}
		}
		for verb, c := range map[string]color.RGBA{"create": {0xcd, 0xee, 0xd6, 255}, "hold": {0xec, 0xd9, 0xff, 255}, "keep": {0xf0, 0xf2, 0xf4, 255}} {
			require.Greater(t, seen[c], 2000, "pixels in the colour of %s", verb)
		}
	})
}
