package qemu

import (
	"fmt"
	"slices"
	"strings"
)

// ArgOp is what an [ArgEdit] does.
type ArgOp string

// The edits.
const (
	ArgAdd     ArgOp = "add"     // append Option with Value
	ArgReplace ArgOp = "replace" // give the one matching Option a new Value, in its place
	ArgRemove  ArgOp = "remove"  // remove every matching Option
)

// ArgEdit is a change to the command line. Options are named as QEMU's manual
// does, with or without the dash. Replace and Remove concern those whose value
// contains Match; it is an error if there is none, since an edit without
// effect is a mistake. An edit cannot remove what this package controls the
// machine by.
type ArgEdit struct {
	Op     ArgOp  // what is done; required
	Option string // such as "-device"
	Match  string `json:",omitempty"` // part of the present value; empty matches every value
	Value  string `json:",omitempty"` // the new value; empty means an option without one
}

func (e ArgEdit) option() string { return "-" + strings.TrimLeft(e.Option, "-") }

// forbidden are options that would take the process away from its parent, or
// the descriptors from the machine.
var forbidden = []string{"-daemonize", "-runas", "-pidfile", "-run-with", "-qmp", "-qmp-pretty", "-monitor", "-add-fd"}

func (e ArgEdit) check(f *findings, field string) {
	oneOf(f, field+".Op", e.Op, ArgAdd, ArgReplace, ArgRemove)
	if e.Op == "" {
		f.add(field+".Op", "write add, replace or remove", "is empty")
	}
	switch name := e.option(); {
	case !wordRE.MatchString(strings.TrimLeft(e.Option, "-")):
		f.add(field+".Option", "write one option, such as -device, and its value in Value", "%q is not an option", e.Option)
	case e.Op != ArgRemove && slices.Contains(forbidden, name):
		f.add(field+".Option", "leave it out", "%s would take QEMU out of this package's hands", name)
	}
	if e.option() == "-k" && e.Op != ArgRemove {
		f.add(field+".Option", "leave it out, and name the guest's layout where it is typed to", "-k would make QEMU read keys as of another layout than they are sent for")
	}
	if strings.ContainsRune(e.Value, 0) {
		f.add(field+".Value", "remove it", "%q has a NUL byte", e.Value)
	}
	if e.Op == ArgAdd && e.Match != "" {
		f.add(field+".Match", "drop it, or use replace", "is not used by add")
	}
	if e.Op == ArgRemove && e.Value != "" {
		f.add(field+".Value", "write it as Match, or use replace", "is not used by remove")
	}
}

// arg is one option of the command line and its value, if it has one.
type arg struct {
	option, value string
	bare          bool
	fixed         bool // the machine cannot be controlled without it
}

// argList is a command line being built.
type argList []arg

func (l *argList) add(option, value string) { *l = append(*l, arg{option: option, value: value}) }

func (l *argList) fixed(option, value string) {
	*l = append(*l, arg{option: option, value: value, bare: value == "", fixed: true})
}

func (l *argList) json(option string, o object) { l.add(option, o.String()) }

// strings returns the command line as the program gets it.
func (l argList) strings() []string {
	var s []string
	for _, a := range l {
		s = append(s, a.option)
		if !a.bare {
			s = append(s, a.value)
		}
	}
	return s
}

func (l argList) apply(edits []ArgEdit) (argList, error) {
	for i, e := range edits {
		var err error
		if l, err = l.edit(e); err != nil {
			return nil, &ConfigError{Field: fmt.Sprintf("Args[%d]", i), Problem: err.Error(), Remedy: "compare with CommandLine of the same Config without Args"}
		}
	}
	return l, nil
}

func (l argList) edit(e ArgEdit) (argList, error) {
	now := arg{option: e.option(), value: e.Value, bare: e.Value == ""}
	if e.Op == ArgAdd {
		return append(l, now), nil
	}
	var hits []int
	for i, a := range l {
		if a.option == now.option && strings.Contains(a.value, e.Match) {
			hits = append(hits, i)
		}
	}
	switch {
	case len(hits) == 0:
		return nil, l.noMatch(e)
	case e.Op == ArgReplace && len(hits) > 1:
		return nil, fmt.Errorf("%s with %q is there %d times; make Match longer", now.option, e.Match, len(hits))
	}
	for _, i := range hits {
		if l[i].fixed {
			return nil, fmt.Errorf("%s %s is how the machine is controlled", l[i].option, l[i].value)
		}
	}
	if e.Op == ArgReplace {
		l[hits[0]] = now
		return l, nil
	}
	return slices.DeleteFunc(l, func(a arg) bool {
		return a.option == now.option && strings.Contains(a.value, e.Match)
	}), nil
}

// noMatch says what an edit could have meant.
func (l argList) noMatch(e ArgEdit) error {
	var values []string
	for _, a := range l {
		if a.option == e.option() {
			values = append(values, a.value)
		}
	}
	if len(values) == 0 {
		return fmt.Errorf("there is no %s to %s", e.option(), e.Op)
	}
	return fmt.Errorf("no %s contains %q; there is %s", e.option(), e.Match, strings.Join(values, ", "))
}
