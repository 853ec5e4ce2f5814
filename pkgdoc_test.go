package bootscribe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPackageDoc looks that each package has one package comment, each exported
// name of a library package a comment that begins with it, and each field of an
// exported struct a comment.
func TestPackageDoc(t *testing.T) {
	for _, p := range packages(t) {
		if !p.ours() || len(p.GoFiles) == 0 {
			continue
		}
		var docs []string
		set, files := parse(t, p)
		for _, f := range files {
			if f.Doc != nil {
				docs = append(docs, f.Doc.Text())
			}
			if p.library() || p.kit() {
				for _, problem := range undocumented(set, f) {
					t.Errorf("%s: %s", p.name(), problem)
				}
			}
		}
		if len(docs) != 1 {
			t.Errorf("%s: has %d package comments, want one", p.name(), len(docs))
		} else if p.Name != "main" && !strings.HasPrefix(docs[0], "Package "+p.Name+" ") {
			t.Errorf("%s: its package comment does not begin with \"Package %s\"", p.name(), p.Name)
		}
	}
}

// TestForbidden looks that library packages leave alone what belongs to the
// program that they are part of: its exit, output, signals, defaults and time.
func TestForbidden(t *testing.T) {
	for _, p := range packages(t) {
		if !p.ours() || !p.library() && !p.kit() {
			continue
		}
		_, files := parse(t, p)
		for name, f := range files {
			for _, problem := range forbidden(f) {
				if p.kit() && problem == panics {
					continue // in a test, that is how a kit can fail
				}
				t.Errorf("%s: %s: %s", p.name(), filepath.Base(name), problem)
			}
		}
	}
}

// TestDocRules looks that the two tests above would notice something.
func TestDocRules(t *testing.T) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "x.go", `package x
import ( "fmt"; "os"; sig "os/signal"; "time"; "log"; "net/http" )
func Bare() {}
// does things.
func Wrong() {}
// Right does.
func Right() {}
// A Type is.
type Type struct{
	Type2
	Bare int
	Trailing int // is said here
	After int
	// Doc and Grouped are said here.
	Doc int
	Grouped, Too int
	hidden int

	Apart int
	private struct { Inner int }
	// Nested holds.
	Nested struct {
		Inner int
	}
}
// A Line is.
type Line struct { Field int }
type hidden struct { Field int }
func (Type) Method() {}
func (hidden) Method() {}
type Alias = int
const ( One = 1; two = 2 )
// Three and Four are.
const ( Three = 3; Four = 4 )
var V int // V is.
func init() { fmt.Println(); os.Exit(1); sig.Notify(nil); time.Sleep(1); log.Fatalf(""); _ = http.DefaultClient; println() }
func f() { panic("no"); p := recover(); panic(p); fmt.Fprintln(os.Stderr); var log logger; log.Fatal() }
`, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(append(undocumented(set, f), forbidden(f)...), "\n")
	want := `Bare: has no doc comment
Wrong: its doc comment does not begin with its name
Type.Bare: has no comment
Type.After: has no comment
Type.Apart: has no comment
Type.Nested.Inner: has no comment
Type.Method: has no doc comment
Alias: has no doc comment
One: has no doc comment
has a func init
uses fmt.Println
uses os.Exit
uses os/signal.Notify
uses time.Sleep
uses log.Fatalf
uses net/http.DefaultClient
calls println
calls panic with something other than a recovered value
uses os.Stderr`
	if got != want {
		t.Errorf("got:\n%s\n\nwant:\n%s", got, want)
	}
}

// parse returns the syntax of a package's files by path, its tests left out.
func parse(t *testing.T, p pkg) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	set, files := token.NewFileSet(), map[string]*ast.File{}
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = f
	}
	return set, files
}

func undocumented(set *token.FileSet, f *ast.File) []string {
	var problems []string
	check := func(name, first string, docs ...*ast.CommentGroup) {
		if problem := docProblem(first, docs); problem != "" {
			problems = append(problems, name+": "+problem)
		}
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if name, ok := exportedFunc(d); ok {
				check(name, d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						check(s.Name.Name, s.Name.Name, s.Doc, d.Doc, s.Comment)
						problems = append(problems, bareFields(set, s.Name.Name, s.Type)...)
					}
				case *ast.ValueSpec:
					// A group's comment speaks for all of its names.
					if s.Names[0].IsExported() {
						check(s.Names[0].Name, "", s.Doc, d.Doc, s.Comment)
					}
				}
			}
		}
	}
	return problems
}

// bareFields returns the exported fields of a struct that have no comment: one
// above, one behind, or one above the group of lines that they stand in. An
// embedded field has that of its type, and one on the type's own line the type's.
func bareFields(set *token.FileSet, name string, typ ast.Expr) []string {
	s, ok := typ.(*ast.StructType)
	if !ok {
		return nil
	}
	var problems []string
	group, end := false, 0 // whether the lines up to this one have a comment above
	for _, field := range s.Fields.List {
		if set.Position(field.Pos()).Line == set.Position(s.Pos()).Line {
			continue
		}
		adjacent := set.Position(field.Pos()).Line == end+1
		group = field.Doc != nil || group && adjacent
		end = set.Position(field.End()).Line
		for _, n := range field.Names {
			if !n.IsExported() {
				continue
			}
			if !group && field.Comment == nil {
				problems = append(problems, name+"."+n.Name+": has no comment")
			}
			problems = append(problems, bareFields(set, name+"."+n.Name, field.Type)...)
		}
	}
	return problems
}

// exportedFunc returns the name of a function, or of a method of an exported
// type, that users can call.
func exportedFunc(d *ast.FuncDecl) (string, bool) {
	name := d.Name.Name
	if d.Recv == nil {
		return name, d.Name.IsExported()
	}
	receiver := d.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.Name + "." + name, r.IsExported() && d.Name.IsExported()
		default:
			return name, d.Name.IsExported()
		}
	}
}

// docProblem judges the first of the comments that there is. An empty first
// word asks for no certain beginning.
func docProblem(first string, docs []*ast.CommentGroup) string {
	for _, doc := range docs {
		if doc == nil || strings.TrimSpace(doc.Text()) == "" {
			continue
		}
		words := strings.Fields(doc.Text())
		if slices.Contains([]string{"A", "An", "The"}, words[0]) && len(words) > 1 {
			words = words[1:]
		}
		if first == "" || strings.TrimRight(words[0], ",.:;'s") == strings.TrimRight(first, "'s") {
			return ""
		}
		return "its doc comment does not begin with its name"
	}
	return "has no doc comment"
}

// banned lists, by import path, what a library must not use. A star stands for
// the whole package, a star at the end for every name that begins so.
var banned = map[string][]string{
	"os":        {"Exit", "Stdin", "Stdout", "Stderr", "Chdir", "Setenv", "Unsetenv", "Clearenv"},
	"os/signal": {"*"},
	"syscall":   {"Exit", "Umask", "Setenv"},
	"log":       {"Fatal*", "Panic*", "Print*", "Default", "SetOutput", "SetFlags", "SetPrefix", "Writer"},
	"log/slog":  {"Default", "SetDefault", "Debug*", "Info*", "Warn*", "Error*", "Log*"},
	"fmt":       {"Print*", "Scan", "Scanf", "Scanln"},
	"flag":      {"*"},
	"net/http":  {"DefaultClient", "DefaultTransport", "DefaultServeMux", "Get", "Head", "Post*", "Handle", "HandleFunc", "ListenAndServe*"},
	"time":      {"Sleep", "Tick"},
}

// slogFine are names of log/slog that begin like its default logger's methods.
var slogFine = []string{"LogAttrs", "Logger", "LogValuer"}

func forbidden(f *ast.File) []string {
	var problems []string
	imported := importNames(f)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				problems = append(problems, "has a func init")
			}
		case *ast.SelectorExpr:
			// An identifier that the parser resolved is a variable.
			if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil && isBanned(imported[x.Name], n.Sel.Name) {
				problems = append(problems, "uses "+imported[x.Name]+"."+n.Sel.Name)
			}
		case *ast.CallExpr:
			if problem := badCall(n); problem != "" {
				problems = append(problems, problem)
			}
		}
		return true
	})
	return problems
}

const panics = "calls panic with something other than a recovered value"

// badCall judges a call of a built-in function. A panic may only go on after
// it was caught to clean up; by custom the variable that holds it is p.
func badCall(call *ast.CallExpr) string {
	fun, ok := call.Fun.(*ast.Ident)
	if !ok {
		return ""
	}
	switch fun.Name {
	case "print", "println":
		return "calls " + fun.Name
	case "panic":
		if arg, ok := call.Args[0].(*ast.Ident); !ok || arg.Name != "p" {
			return panics
		}
	}
	return ""
}

func importNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

func isBanned(path, name string) bool {
	if path == "log/slog" && (slices.Contains(slogFine, name) || strings.HasPrefix(name, "Level")) {
		return false
	}
	for _, pattern := range banned[path] {
		if prefix, star := strings.CutSuffix(pattern, "*"); star && strings.HasPrefix(name, prefix) || pattern == name {
			return true
		}
	}
	return false
}
