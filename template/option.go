package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// optionKind is what an option's value must be.
type optionKind int

const (
	isString optionKind = iota
	isBool
	isInt
	isDuration
	isList   // of strings
	isMap    // of strings by name
	isLists  // a list of lists of strings
	isStatus // a list of integers
	isWords  // lists of strings by name
	isAny
)

func (k optionKind) String() string {
	return [...]string{"string", "boolean", "integer", "duration", "list of strings", "map of strings", "list of lists of strings", "list of integers", "map of lists of strings", "any"}[k]
}

// status is how an option of Packer's does here.
type status int

const (
	works    status = iota // as in Packer
	differs                // understood, and done in another way
	noEffect               // accepted, and without effect
	notYet                 // an error
	renamed                // an old name of another option, with a warning
	ours                   // Packer has no such option
)

func (s status) String() string {
	return [...]string{"same", "differs", "no effect", "not yet", "old name", "only here"}[s]
}

// option is a row of a table: an option of Packer's, and what becomes of it.
// The tables make both the parser and docs/packer.md.
type option struct {
	name   string
	kind   optionKind
	def    string // Packer's default, for people
	status status
	here   string // what happens here, where that differs
	late   bool   // rendered when the machine runs, with variables of its own
	to     string // what an old name is called now
	need   bool   // must be given
}

// problems collects all that is wrong with a template and all that is odd.
type problems struct {
	errs     []error
	warnings []*Error
}

func (p *problems) add(err error) {
	if err != nil {
		p.errs = append(p.errs, err)
	}
}

// options are the options of one component of a template, read by a table.
type options struct {
	*problems
	path   string // builders[0]
	table  []option
	at     place // of the component
	values map[string]*value
	places map[string]place // of the names
	engine *engine
}

// readOptions reads the members of a component by a table. The names in skip
// are read by somebody else.
func readOptions(p *problems, path string, object *value, table []option, e *engine, skip ...string) *options {
	o := &options{p, path, table, object.at, map[string]*value{}, map[string]place{}, e}
	for _, m := range object.members {
		if slices.Contains(skip, m.name) {
			continue
		}
		row := o.row(m.name)
		if row == nil {
			o.add(m.at.error(o.field(m.name), "there is no such option", meant2(m.name, append(o.names(), skip...))))
			continue
		}
		o.read(*row, m)
	}
	for _, row := range table {
		if row.need && o.values[row.name] == nil {
			o.fail("", fmt.Sprintf("option %s is missing", row.name), "add it")
		}
	}
	return o
}

// meant2 is meant, for lists that are too long to be printed whole.
func meant2(word string, known []string) string {
	if n := nearest(word, known); n != "" {
		return fmt.Sprintf("write %q if that is meant", n)
	}
	return "remove it; docs/packer.md lists what there is"
}

func (o *options) names() []string {
	var names []string
	for _, r := range o.table {
		names = append(names, r.name)
	}
	return names
}

func (o *options) row(name string) *option {
	i := slices.IndexFunc(o.table, func(r option) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return &o.table[i]
}

func (o *options) read(row option, m member) {
	o.places[row.name] = m.at
	v := m.value
	if v.kind == kindNull {
		return
	}
	if row.status == renamed && row.to != "" {
		o.warn(row.name, "is an old name", "write "+row.to)
		if o.values[row.to] != nil {
			o.fail(row.name, fmt.Sprintf("%s is given too, which is its name now", row.to), "remove one of the two")
			return
		}
		o.places[row.to] = m.at
		row = *o.row(row.to)
	}
	if !row.late {
		rendered, err := v.mapStrings(o.field(row.name), func(option string, v *value) (string, error) {
			text, err := o.engine.render(v.text, nil)
			if err != nil {
				return "", v.at.error(option, err.Error(), "")
			}
			return text, nil
		})
		if err != nil {
			o.add(err)
			return
		}
		v = rendered
	}
	v, problem, remedy := row.convert(v)
	if problem != "" {
		o.failAt(v.at, row.name, problem, remedy)
		return
	}
	o.values[row.name] = v
	if row.status == notYet && !empty(v) {
		o.fail(m.name, "this option is not supported yet", row.here)
	}
}

// empty tells whether a value is the same as none.
func empty(v *value) bool {
	switch v.kind {
	case kindBool:
		return !v.yes
	case kindString, kindNumber:
		return v.text == "" || v.text == "0"
	case kindList:
		return len(v.list) == 0
	case kindObject:
		return len(v.members) == 0
	}
	return true
}

func (o *options) field(name string) string {
	if name == "" {
		return o.path
	}
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// fail reports what is wrong with an option, at its place or else at that of the
// component.
func (o *options) fail(name, problem, remedy string) { o.failAt(o.place(name), name, problem, remedy) }

func (o *options) failAt(at place, name, problem, remedy string) {
	o.add(at.error(o.field(name), problem, remedy))
}

func (o *options) notYet(name, what, remedy string) {
	o.fail(name, what+" is not supported yet", remedy)
}

func (o *options) warn(name, problem, remedy string) {
	o.warnings = append(o.warnings, o.place(name).error(o.field(name), problem, remedy))
}

func (o *options) place(name string) place {
	if at, ok := o.places[name]; ok {
		return at
	}
	return o.at
}

// What follows returns an option's value in the type of its kind, and the zero
// value where it is not given.

func (o *options) has(name string) bool { return o.values[name] != nil }

// given tells whether an option has a value other than an empty one.
func (o *options) given(name string) bool { return o.has(name) && !empty(o.values[name]) }

func (o *options) str(name string) string {
	if v := o.values[name]; v != nil {
		return v.text
	}
	return ""
}

func (o *options) or(name, otherwise string) string {
	if s := o.str(name); s != "" {
		return s
	}
	return otherwise
}

func (o *options) yes(name string) bool {
	v := o.values[name]
	return v != nil && v.yes
}

func (o *options) int(name string) int {
	n, _ := strconv.Atoi(o.str(name))
	return n
}

func (o *options) duration(name string) time.Duration {
	d, _ := time.ParseDuration(o.str(name))
	return d
}

func (o *options) list(name string) []string {
	v := o.values[name]
	if v == nil {
		return nil
	}
	return v.texts()
}

// texts returns the elements of a list of strings.
func (v *value) texts() []string {
	var list []string
	for _, e := range v.list {
		list = append(list, e.text)
	}
	return list
}

func (o *options) ints(name string) []int {
	var list []int
	for _, s := range o.list(name) {
		n, _ := strconv.Atoi(s)
		list = append(list, n)
	}
	return list
}

func (o *options) dict(name string) map[string]string {
	v := o.values[name]
	if v == nil {
		return nil
	}
	m := make(map[string]string, len(v.members))
	for _, e := range v.members {
		m[e.name] = e.text
	}
	return m
}

// oneOf reports a value that is not one of those allowed.
func (o *options) oneOf(name string, allowed ...string) bool {
	s := o.str(name)
	if s == "" || slices.Contains(allowed, s) {
		return true
	}
	o.failAt(o.values[name].at, name, fmt.Sprintf("%q is none of %s", s, strings.Join(allowed, ", ")), "write one of them")
	return false
}

// port reports a number that is no TCP port.
func (o *options) port(name string) int {
	n := o.int(name)
	if n < 0 || n > 65535 {
		o.failAt(o.values[name].at, name, fmt.Sprintf("%d is no port", n), "ports go from 1 to 65535")
		return 0
	}
	return n
}

// exclusive reports options of which only one may be given.
func (o *options) exclusive(a, b string) {
	if o.given(a) && o.given(b) {
		o.fail(b, fmt.Sprintf("%s is given too, and only one of the two can be", a), "remove one of them")
	}
}
