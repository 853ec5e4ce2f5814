package template

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is what a value is.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// value is a value of a template with the place where it stands. Both JSON and
// HCL2 are read into it, so that all that follows is the same for both.
type value struct {
	at      place
	kind    kind
	text    string // of a string, or the literal of a number
	yes     bool
	list    []*value
	members []member
}

// member is a name and a value of an object, in the order of the file.
type member struct {
	name string
	at   place // of the name
	*value
}

// member returns what the object has under a name, or nil.
func (v *value) member(name string) *value {
	if v == nil {
		return nil
	}
	for i := range v.members {
		if v.members[i].name == name {
			return v.members[i].value
		}
	}
	return nil
}

// scalar returns the value as text, as Packer does where it wants a string.
func (v *value) scalar() (string, bool) {
	switch v.kind {
	case kindString, kindNumber:
		return v.text, true
	case kindBool:
		return strconv.FormatBool(v.yes), true
	}
	return "", false
}

// plain returns the value as those Go values that encoding/json makes.
func (v *value) plain() any {
	switch v.kind {
	case kindBool:
		return v.yes
	case kindNumber:
		f, _ := strconv.ParseFloat(v.text, 64)
		return f
	case kindString:
		return v.text
	case kindList:
		list := make([]any, len(v.list))
		for i, e := range v.list {
			list[i] = e.plain()
		}
		return list
	case kindObject:
		object := make(map[string]any, len(v.members))
		for _, m := range v.members {
			object[m.name] = m.plain()
		}
		return object
	}
	return nil
}

// strings calls f for every string in v and returns a copy with what f made of
// them. The option is the path to v, for errors.
func (v *value) mapStrings(option string, f func(option string, v *value) (string, error)) (*value, error) {
	out := *v
	var err error
	switch v.kind {
	case kindString:
		if !strings.Contains(v.text, "{{") {
			return v, nil
		}
		out.text, err = f(option, v)
	case kindList:
		out.list = make([]*value, len(v.list))
		for i, e := range v.list {
			if out.list[i], err = e.mapStrings(fmt.Sprintf("%s[%d]", option, i), f); err != nil {
				return nil, err
			}
		}
	case kindObject:
		out.members = make([]member, len(v.members))
		for i, m := range v.members {
			changed, err := m.value.mapStrings(option+"."+m.name, f)
			if err != nil {
				return nil, err
			}
			out.members[i] = member{m.name, m.at, changed}
		}
	}
	return &out, err
}
