package tests

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// longestFile is the house's "about 400 lines" with some patience.
const longestFile = 450

// mostMethods is how large an interface may be before it is two.
const mostMethods = 6

// forbidden are words, separated by spaces, that nothing in the tree may hold.
// None today.
const forbidden = ""

// partOfRoom are packages that are a tool of the room above them, described in its
// doc.go.
var partOfRoom = []string{"tests/lab/labctl"}

func TestPackageNames(t *testing.T) {
	for _, p := range packages(t) {
		for _, word := range []string{"util", "utils", "common", "helper", "helpers"} {
			if p.Name == word || slices.Contains(strings.Split(p.room(), "/"), word) {
				t.Errorf("%s: the name says nothing about what it is", p.room())
			}
		}
		if depth := strings.Count(p.room(), "/"); depth > 1 && !slices.Contains(partOfRoom, p.room()) {
			t.Errorf("%s: two levels deep is the limit", p.room())
		}
	}
}

func TestEachPackageHasDoc(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(partOfRoom, p.room()) {
			continue
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go: promise, non-promise, what it may import", p.room())
			continue
		}
		f := parse(t, filepath.Join(p.Dir, "doc.go"))
		if f.Doc == nil || len(strings.Split(f.Doc.Text(), "\n")) < 5 {
			t.Errorf("%s: doc.go says too little", p.room())
		}
	}
}

func TestSizes(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(text, []byte("\n")); n > longestFile {
				t.Errorf("%s/%s has %d lines, the limit is %d", p.room(), name, n, longestFile)
			}
			for _, large := range largeInterfaces(parse(t, path)) {
				t.Errorf("%s/%s: interface %s has more than %d methods of its own", p.room(), name, large, mostMethods)
			}
		}
	}
}

// largeInterfaces counts methods, not what is embedded: a composition of small
// interfaces is a name for them together.
func largeInterfaces(f *ast.File) []string {
	var large []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		face, ok := spec.Type.(*ast.InterfaceType)
		if !ok {
			return true
		}
		methods := 0
		for _, m := range face.Methods.List {
			methods += len(m.Names)
		}
		if methods > mostMethods {
			large = append(large, spec.Name.Name)
		}
		return true
	})
	return large
}

// noClock are the rooms that speak of times, and never ask what time it is: what
// they say of the same input stays the same.
var noClock = []string{"scoring", "ocf/report"}

func TestNoClock(t *testing.T) {
	asks := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	for _, p := range packages(t) {
		if !slices.Contains(noClock, p.room()) {
			continue
		}
		for _, name := range p.GoFiles {
			ast.Inspect(parse(t, filepath.Join(p.Dir, name)), func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(asks, s.Sel.Name) {
						t.Errorf("%s/%s asks the clock: time.%s", p.room(), name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// TestEnvironmentAtTheDoor: only cmd reads the process's surroundings.
func TestEnvironmentAtTheDoor(t *testing.T) {
	surroundings := []string{"Args", "Environ", "Getenv", "LookupEnv", "Exit", "Stdin", "Stdout", "Stderr"}
	for _, p := range packages(t) {
		if strings.HasPrefix(p.room(), "cmd/") || strings.HasPrefix(p.room(), "tests") {
			continue
		}
		for _, name := range p.GoFiles {
			ast.Inspect(parse(t, filepath.Join(p.Dir, name)), func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" && slices.Contains(surroundings, s.Sel.Name) {
						t.Errorf("%s/%s uses os.%s: that is cmd's", p.room(), name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func TestForbiddenWords(t *testing.T) {
	words := strings.Fields(strings.ToLower(forbidden))
	if len(words) == 0 {
		t.Skip("no word is forbidden")
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin"):
			return fs.SkipDir
		case !d.Type().IsRegular() || path == filepath.Join("..", "tests", "rooms_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text = bytes.ToLower(text)
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) {
				t.Errorf("%s holds %q", path, w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
