package confed_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The budgets of the house.
const (
	maxLines      = 400 // of a file
	maxBody       = 60  // lines of a function
	maxParameters = 4
	maxMethods    = 4 // of an interface
)

// decides says whether a package only decides: it takes values and returns values.
func decides(pkg string) bool {
	switch pkg {
	case "scheduling", "placement", "override", "status", "dnsrecord", "federation", "federation/kubefed", "internal/ownership":
		return true
	}
	return false
}

// library says whether a package is for those who import us, not machinery of our own.
func library(pkg string) bool {
	return decides(pkg) || !strings.HasPrefix(pkg, "internal/") && !strings.HasPrefix(pkg, "examples/")
}

// unwelcomeImport says whether a library must not import a package, or one that decides: a logger, or what brings in
// something else than the arguments.
func unwelcomeImport(imported string, decides bool) bool {
	switch imported {
	case "log", "log/slog", "k8s.io/klog/v2":
		return true
	case "math/rand", "math/rand/v2", "os", "github.com/go-logr/logr", "k8s.io/utils/clock":
		return decides
	}
	return false
}

// unwelcome says the same of a function, called or passed on.
func unwelcome(name string, decides bool) bool {
	switch name {
	case "panic", "context.Background", "context.TODO", "fmt.Print", "fmt.Printf", "fmt.Println",
		"os.Exit":
		return true
	case "time.Now", "time.Since", "time.Until", "time.Sleep":
		return decides
	}
	return false
}

func TestHouseBudgets(t *testing.T) {
	eachFile(t, func(s source) {
		if lines := bytes.Count(s.text, []byte("\n")); lines > maxLines {
			t.Errorf("%s: %d lines, at most %d", s.name, lines, maxLines)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if lines := s.lines(n) - s.lines(table(n)); lines > maxBody && !s.tests() {
					t.Errorf("%s: %s is %d lines, at most %d", s.at(n), n.Name.Name, lines, maxBody)
				}
				if count := n.Type.Params.NumFields(); count > maxParameters {
					t.Errorf("%s: %s takes %d parameters, at most %d", s.at(n), n.Name.Name, count, maxParameters)
				}
			case *ast.InterfaceType:
				if count := n.Methods.NumFields(); count > maxMethods {
					t.Errorf("%s: an interface of %d methods, at most %d", s.at(n), count, maxMethods)
				}
			}
			return true
		})
	})
}

// table returns the literal that a function returns at its end, or nil. Its lines are data and do not count.
func table(f *ast.FuncDecl) ast.Node {
	if f.Body == nil || len(f.Body.List) == 0 {
		return nil
	}
	ret, ok := f.Body.List[len(f.Body.List)-1].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return nil
	}
	if lit, ok := ret.Results[0].(*ast.CompositeLit); ok {
		return lit
	}
	return nil
}

func TestHouseNoSurprises(t *testing.T) {
	eachFile(t, func(s source) {
		if !library(s.pkg) {
			return
		}
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init", s.at(f))
			}
			if g, ok := decl.(*ast.GenDecl); ok && g.Tok == token.VAR && decides(s.pkg) {
				for _, name := range variables(g) {
					t.Errorf("%s: package variable %s in a package that decides; only errors may be", s.at(g), name)
				}
			}
		}
		imports := s.imports()
		for _, imported := range slices.Sorted(maps.Values(imports)) {
			if unwelcomeImport(imported, decides(s.pkg)) {
				t.Errorf("%s: imports %s", s.name, imported)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if name := function(n, imports); unwelcome(name, decides(s.pkg)) {
				t.Errorf("%s: %s", s.at(n), name)
			}
			return true
		})
	})
}

// function names what a node refers to: "import/path.Name" for a name of another package, "name" for a plain call.
func function(n ast.Node, imports map[string]string) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok {
			return id.Name
		}
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && imports[x.Name] != "" {
			return imports[x.Name] + "." + n.Sel.Name
		}
	}
	return ""
}

// variables returns the names of a declaration that are not errors.
func variables(g *ast.GenDecl) []string {
	var out []string
	for _, spec := range g.Specs {
		for _, id := range spec.(*ast.ValueSpec).Names {
			if id.Name != "_" && !strings.HasPrefix(strings.ToLower(id.Name), "err") {
				out = append(out, id.Name)
			}
		}
	}
	return out
}

// source is one file of ours that is no test.
type source struct {
	name, pkg string // from the root of the repository
	text      []byte
	set       *token.FileSet
	file      *ast.File
}

func (s source) line(p token.Pos) int { return s.set.Position(p).Line }

func (s source) lines(n ast.Node) int {
	if n == nil {
		return 0
	}
	return s.line(n.End()) - s.line(n.Pos()) + 1
}

func (s source) at(n ast.Node) string { return s.name + ":" + strconv.Itoa(s.line(n.Pos())) }

// imports returns the imported paths by the name that the file calls them.
func (s source) imports() map[string]string {
	out := map[string]string{}
	for _, spec := range s.file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[name] = imported
	}
	return out
}

// tests says whether the file is a test in all but its name, as the scenarios are that run in several places.
func (s source) tests() bool {
	return slices.ContainsFunc(s.file.Imports, func(spec *ast.ImportSpec) bool {
		return strings.Contains(spec.Path.Value, "github.com/stretchr/testify")
	})
}

// eachFile parses every Go file of the repository, those of the nested modules too, and leaves tests out.
func eachFile(t *testing.T, visit func(source)) {
	t.Helper()
	set, count := token.NewFileSet(), 0
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		count++
		name = filepath.ToSlash(name)
		visit(source{name: name, pkg: path.Dir(name), text: text, set: set, file: file})
		return nil
	}))
	require.Greater(t, count, 10)
}
