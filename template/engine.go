package template

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
	"time"
)

// packerVersion is what the function packer_version says: that of the Packer
// whose templates this package was made for.
const packerVersion = "1.16.0"

// cloud are functions that ask a service for a secret.
var cloud = []string{"consul_key", "vault", "aws_secretsmanager", "aws_secretsmanager_raw"}

// builtins are the functions that text/template has by itself.
var builtins = []string{"and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf", "println", "slice", "urlquery"}

// engine renders the strings of a template, in Packer's language for them:
// text/template with functions.
type engine struct {
	now       time.Time
	dir       string // of the template
	vars      map[string]string
	env       func(string) (string, bool)
	buildName string
	buildType string
	generated func(string) (string, error) // the function build; nil where there is none yet
	extra     map[string]any
	inVars    bool                 // env is allowed
	all       texttemplate.FuncMap // what functions returned
}

// forBuild returns a copy that knows a build's name and type.
func (e *engine) forBuild(name, builder string) *engine {
	c := *e
	c.buildName, c.buildType, c.all = name, builder, nil
	return &c
}

// render renders a string with data, whose keys are the variables that the
// string may use as {{ .Key }}, until it does not change any more: a variable's
// value may be a template itself.
func (e *engine) render(text string, data map[string]any) (string, error) {
	for pass := range 10 {
		if !strings.Contains(text, "{{") {
			return text, nil
		}
		out, err := e.once(text, data)
		if pass > 0 && errors.Is(err, errSyntax) {
			return text, nil // braces that were meant
		}
		if err != nil {
			return "", err
		}
		if out == text {
			return out, nil
		}
		text = out
	}
	return "", errors.New("is rendered again and again without an end; a variable contains itself")
}

func (e *engine) once(text string, data map[string]any) (string, error) {
	t, err := e.parse(text, data)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&limited{w: &b}, data); err != nil {
		return "", cause(err)
	}
	return b.String(), nil
}

// errSyntax is in the error about braces that are no template.
var errSyntax = errors.New("the template cannot be read")

// limited keeps a template from growing without end.
type limited struct {
	w *strings.Builder
}

func (l *limited) Write(p []byte) (int, error) {
	if l.w.Len()+len(p) > 16<<20 {
		return 0, errors.New("gives more than 16 MiB")
	}
	return l.w.Write(p)
}

// cause cuts off what text/template says of itself.
func cause(err error) error {
	var exec texttemplate.ExecError
	if errors.As(err, &exec) {
		if inner := errors.Unwrap(exec.Err); inner != nil {
			return inner
		}
		err = exec.Err
	}
	text := strings.TrimPrefix(err.Error(), "template: ")
	return errors.New(templatePrefix.ReplaceAllString(text, ""))
}

var templatePrefix = regexp.MustCompile(`^t(:\d+)*: (executing "t" at )?`)

var undefined = regexp.MustCompile(`function "([^"]*)" not defined`)

// parse reads a template string and checks the functions and variables in it.
func (e *engine) parse(text string, data map[string]any) (*texttemplate.Template, error) {
	functions := e.functions()
	used := texttemplate.FuncMap{} // which is quicker than to tell it of all
	for name, f := range functions {
		if strings.Contains(text, name) {
			used[name] = f
		}
	}
	t := texttemplate.New("t").Option("missingkey=error").Funcs(used)
	loops := strings.Contains(text, "range")
	if loops {
		t.Funcs(turns())
	}
	t, err := t.Parse(text)
	if err != nil {
		if m := undefined.FindStringSubmatch(err.Error()); m != nil {
			known := append(slices.Collect(maps.Keys(functions)), builtins...)
			return nil, fmt.Errorf("there is no template function %q; %s, or register it", m[1], suggestion(m[1], known))
		}
		return nil, fmt.Errorf("%w: %w; {{ and }} enclose an expression", errSyntax, cause(err))
	}
	if loops {
		count(t)
	}
	for _, name := range fields(t.Root) {
		if _, ok := data[name]; !ok {
			return nil, unknownField(name, data)
		}
	}
	return t, nil
}

func suggestion(word string, known []string) string {
	if n := nearest(word, known); n != "" {
		return fmt.Sprintf("write %q if that is meant", n)
	}
	return "look for it in docs/packer.md"
}

func unknownField(name string, data map[string]any) error {
	if len(data) == 0 {
		return fmt.Errorf("there is no variable {{ .%s }} here; use a user variable, {{ user `name` }}", name)
	}
	known := slices.Sorted(maps.Keys(data))
	if n := nearest(name, known); n != "" {
		return fmt.Errorf("there is no variable {{ .%s }} here; write {{ .%s }} if that is meant", name, n)
	}
	return fmt.Errorf("there is no variable {{ .%s }} here; there are .%s", name, strings.Join(known, ", ."))
}

// fields returns the names that a template takes from its dot. What is inside
// range and with has another dot and is left to the execution.
func fields(n parse.Node) []string {
	var names []string
	var walk func(parse.Node)
	pipe := func(p *parse.PipeNode) {
		if p == nil {
			return
		}
		for _, c := range p.Cmds {
			for _, a := range c.Args {
				walk(a)
			}
		}
	}
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			if n != nil {
				for _, c := range n.Nodes {
					walk(c)
				}
			}
		case *parse.ActionNode:
			pipe(n.Pipe)
		case *parse.PipeNode:
			pipe(n)
		case *parse.IfNode:
			pipe(n.Pipe)
			walk(n.List)
			walk(n.ElseList)
		case *parse.FieldNode:
			names = append(names, n.Ident[0])
		}
	}
	walk(n)
	return names
}
