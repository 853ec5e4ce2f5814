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
	"time"
)

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
