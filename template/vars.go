package template

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// variables reads the variables of a JSON template, gives them their values and
// resolves what these refer to.
func (r *packerReader) variables() {
	declared := r.root.member("variables")
	if declared == nil || declared.kind == kindNull {
		declared = &value{kind: kindObject}
	}
	if declared.kind != kindObject {
		r.add(declared.at.error("variables", declared.kind.String()+" where an object should be", `write { "name": "default" }`))
		return
	}
	given := r.given()
	raw := map[string]string{}
	places := map[string]place{}
	for _, m := range declared.members {
		v := Variable{Name: m.name, Required: m.kind == kindNull}
		text, ok := m.scalar()
		if !ok && !v.Required {
			r.add(m.value.at.error("variables."+m.name, m.kind.String()+" as a default", `a variable of a JSON template is a string; null means that it must be given`))
		}
		if value, ok := given[m.name]; ok {
			text = value
		} else if v.Required {
			r.add(m.at.error("variables."+m.name, "has no value", fmt.Sprintf("give one with -var '%s=…', or a default in place of null", m.name)))
		}
		raw[m.name], places[m.name] = text, m.value.at
		r.t.Variables = append(r.t.Variables, v)
	}
	for name := range r.t.config.Vars {
		if declared.member(name) == nil {
			r.add(fmt.Errorf("template: -var %s: the template declares no such variable; %s", name, declare(name, slices.Collect(maps.Keys(raw)))))
		}
	}
	r.resolve(raw, places)
	r.sensitive()
}

// given returns the values from files and from Config.Vars.
func (r *packerReader) given() map[string]string {
	values := map[string]string{}
	for _, path := range r.t.config.VarFiles {
		text, err := os.ReadFile(path)
		if err != nil {
			r.add(fmt.Errorf("template: -var-file: %w; check the path", err))
			continue
		}
		object, err := parseJSON(&source{path, text})
		if err != nil {
			r.add(err)
			continue
		}
		list, problem, remedy := toMap(object)
		if problem != "" {
			r.add(list.at.error("", problem, remedy))
			continue
		}
		for _, m := range list.members {
			values[m.name] = m.text
		}
	}
	maps.Copy(values, r.t.config.Vars)
	return values
}

// resolve renders the values, in the order in which they need each other.
func (r *packerReader) resolve(raw map[string]string, places map[string]place) {
	var resolve func(name string) (string, error)
	busy := map[string]bool{}
	done := r.t.engine.vars
	resolve = func(name string) (string, error) {
		if v, ok := done[name]; ok {
			return v, nil
		}
		text, ok := raw[name]
		if !ok {
			return "", fmt.Errorf("there is no user variable %q; %s", name, declare(name, slices.Collect(maps.Keys(raw))))
		}
		if busy[name] {
			return "", fmt.Errorf("variable %q needs itself", name)
		}
		busy[name] = true
		defer delete(busy, name)
		if strings.Contains(text, "{{") {
			e := *r.t.engine
			e.inVars, e.all = true, nil
			e.extra = maps.Clone(e.extra)
			if e.extra == nil {
				e.extra = map[string]any{}
			}
			e.extra["user"] = resolve
			var err error
			if text, err = e.render(text, nil); err != nil {
				return "", err
			}
		}
		done[name] = text
		return text, nil
	}
	for i, v := range r.t.Variables {
		text, err := resolve(v.Name)
		if err != nil {
			r.add(places[v.Name].error("variables."+v.Name, err.Error(), ""))
		}
		r.t.Variables[i].Value = text
		done[v.Name] = text // one error is enough
	}
}

// sensitive marks the variables whose values are not to be shown.
func (r *packerReader) sensitive() {
	v := r.root.member("sensitive-variables")
	if v == nil {
		return
	}
	list, problem, remedy := toList(v, false)
	if problem != "" {
		r.add(v.at.error("sensitive-variables", problem, remedy))
		return
	}
	for _, e := range list.list {
		i := slices.IndexFunc(r.t.Variables, func(v Variable) bool { return v.Name == e.text })
		if i < 0 {
			r.add(e.at.error("sensitive-variables", fmt.Sprintf("there is no variable %q", e.text), declare(e.text, slices.Collect(maps.Keys(r.t.engine.vars)))))
			continue
		}
		r.t.Variables[i].Sensitive = true
		r.t.hide(r.t.Variables[i].Value)
	}
}

// ParseVar splits NAME=VALUE, the argument of Packer's flag -var.
func ParseVar(s string) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return "", "", errors.New("template: -var " + s + ": not NAME=VALUE; write -var 'disk_size=20G'")
	}
	return name, value, nil
}
