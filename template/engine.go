package template

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
	t, err := texttemplate.New("t").Option("missingkey=error").Funcs(used).Parse(text)
	if err != nil {
		if m := undefined.FindStringSubmatch(err.Error()); m != nil {
			known := append(slices.Collect(maps.Keys(functions)), builtins...)
			return nil, fmt.Errorf("there is no template function %q; %s, or register it", m[1], suggestion(m[1], known))
		}
		return nil, fmt.Errorf("%w: %w; {{ and }} enclose an expression", errSyntax, cause(err))
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

func (e *engine) functions() texttemplate.FuncMap {
	if e.all != nil {
		return e.all
	}
	m := texttemplate.FuncMap{
		"user":                e.user,
		"env":                 e.getenv,
		"isotime":             e.isotime,
		"timestamp":           func() string { return strconv.FormatInt(e.now.Unix(), 10) },
		"strftime":            func(format string) string { return strftime(format, e.now) },
		"uuid":                uuid,
		"build_name":          func() (string, error) { return e.known("build_name", e.buildName) },
		"build_type":          func() (string, error) { return e.known("build_type", e.buildType) },
		"build":               e.build,
		"template_dir":        func() (string, error) { return filepath.Abs(e.dir) },
		"pwd":                 os.Getwd,
		"upper":               strings.ToUpper,
		"lower":               strings.ToLower,
		"clean_resource_name": cleanName,
		"split":               split,
		"replace":             func(old, new string, n int, s string) string { return strings.Replace(s, old, new, n) },
		"replace_all":         func(old, new, s string) string { return strings.ReplaceAll(s, old, new) },
		"packer_version":      func() string { return packerVersion },
		"sed": func(...any) (string, error) {
			return "", errors.New("function sed is gone from Packer too; use replace_all")
		},
	}
	for _, name := range cloud {
		m[name] = func(...any) (string, error) {
			return "", fmt.Errorf("function %s asks a service that is not built in; register a function of that name, or pass the value with -var", name)
		}
	}
	maps.Copy(m, e.extra)
	e.all = m
	return m
}

func (e *engine) user(name string) (string, error) {
	if v, ok := e.vars[name]; ok {
		return v, nil
	}
	return "", fmt.Errorf("there is no user variable %q; %s", name, declare(name, slices.Collect(maps.Keys(e.vars))))
}

func declare(name string, known []string) string {
	if n := nearest(name, known); n != "" {
		return fmt.Sprintf("write %q if that is meant, or declare it in variables", n)
	}
	return "declare it in variables"
}

func (e *engine) getenv(name string) (string, error) {
	if !e.inVars {
		return "", errors.New("function env works in the values of variables only; give it to a variable there and use {{ user `name` }} here")
	}
	v, _ := e.env(name)
	return v, nil
}

func (e *engine) isotime(format ...string) (string, error) {
	switch len(format) {
	case 0:
		return e.now.Format(time.RFC3339), nil
	case 1:
		return e.now.Format(format[0]), nil
	}
	return "", errors.New("function isotime has one argument or none; join the formats")
}

func (e *engine) known(function, v string) (string, error) {
	if v == "" {
		return "", fmt.Errorf("function %s is known in builders, provisioners and post-processors only", function)
	}
	return v, nil
}

func (e *engine) build(name string) (string, error) {
	if e.generated == nil {
		return "", errors.New("function build works in provisioners and post-processors only: there is no machine yet")
	}
	return e.generated(name)
}

func uuid() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var unclean = regexp.MustCompile(`[^A-Za-z0-9-]`)

func cleanName(s string) string { return unclean.ReplaceAllString(s, "-") }

func split(s, sep string, n int) (string, error) {
	parts := strings.Split(s, sep)
	if n < 0 || n >= len(parts) {
		return "", fmt.Errorf("function split: %q has no part %d; the first is 0", s, n)
	}
	return parts[n], nil
}

// strftime formats a time as C does, as far as that has no locale.
func strftime(format string, t time.Time) string {
	layouts := map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
		'p': "PM", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'j': "002", 'Z': "MST", 'z': "-0700",
		'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch layout, ok := layouts[format[i]]; {
		case ok:
			b.WriteString(t.Format(layout))
		case format[i] == 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case format[i] == '%':
			b.WriteByte('%')
		default:
			b.WriteString(format[i-1 : i+1])
		}
	}
	return b.String()
}
