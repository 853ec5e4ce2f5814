package template

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// Config is how a template is read. The zero value is right for a template
// whose variables all have defaults.
type Config struct {
	// Vars are values of variables, Packer's -var. Nil means none. A variable
	// that the template does not declare is an error.
	Vars map[string]string

	// VarFiles are files with values of variables, Packer's -var-file: JSON,
	// or HCL if the name ends with .hcl. Later ones win, and Vars win over all.
	VarFiles []string

	// Only and Except choose builds by name: exactly in JSON; in HCL2 the
	// names are like qemu.debian, and may have * and ? in them. Except also
	// leaves out post-processors, and what follows them, by their names. Nil
	// means all builds.
	Only, Except []string

	// Env returns an environment variable; nil means [os.LookupEnv].
	Env func(name string) (string, bool)

	// Now is what timestamp, isotime and strftime say; zero means the time of
	// the call of Load.
	Now time.Time

	// Force allows builds to replace the files of an earlier one.
	Force bool

	// Eager lets a build begin to type before boot_wait is over, if the
	// guest's screen shows something that stands still. Otherwise fixed waits
	// are kept as they are written.
	Eager bool

	// CacheDir is where installation media are kept; empty means
	// iso.Fetcher's own.
	CacheDir string

	// Components are builders, provisioners, post-processors and functions
	// beside those of this package.
	Components Components

	// Observe is told what happens in a build, by its name: the events of
	// imagebuild, in order and one at a time for each build. Nil means that
	// nobody is told.
	Observe func(build string, e imagebuild.Event)

	// Breakpoint is called by the provisioner breakpoint, with its note, and
	// returns when the build may go on. Nil makes a breakpoint an error.
	Breakpoint func(ctx context.Context, note string) error
}

// Template is a template that was read, with the values of its variables.
// It does not change.
type Template struct {
	// Description is what the template says of itself.
	Description string

	// Warnings are what is odd about it and no error, such as old names.
	// What Builds finds is added to Builds.
	Warnings []*Error

	// Variables are the variables with their values, in the template's order.
	Variables []Variable

	config Config
	engine *engine
	plans  []plan
	secret []string
	run    string // PackerRunUUID
}

// Variable is a variable of a template.
type Variable struct {
	Name      string
	Value     string // a secret too; Template.Redact hides it
	Required  bool   // it has no default
	Sensitive bool
}

// plan is what becomes a Build: the blocks that concern it.
type plan struct {
	name, builder string
	ref           string // by which only and except name it
	short         string // by which its files are called
	block         *block
	provisioners  []*block
	cleanup       *block
	chains        [][]*block
}

// block is a builder, provisioner or post-processor in a template.
type block struct {
	kind string // builder, provisioner, …
	typ  string
	name string
	path string // builders[0]
	at   place
	body *value
}

// Load reads a template and the values of its variables: a file whose name ends
// with .hcl, or a directory, is HCL2 (in a directory, all its *.pkr.hcl and
// *.pkr.json); anything else is JSON. The error is all that is wrong, each an
// [*Error], joined. The context bounds what an HCL2 template asks of the
// network.
func Load(ctx context.Context, path string, c *Config) (*Template, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("template: %w; check the path", err)
	}
	if info.IsDir() {
		return loadDir(ctx, path, c)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return Parse(ctx, path, text, c)
}

// Parse is Load for a template in memory. The name is that of the file that it
// came from, whose directory is {{ template_dir }}.
func Parse(ctx context.Context, name string, text []byte, c *Config) (*Template, error) {
	if c == nil {
		c = &Config{}
	}
	if strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".pkr.json") {
		return parseHCL(ctx, []*source{{name, text}}, filepath.Dir(name), c)
	}
	return parsePacker(&source{name, text}, c)
}

func newTemplate(c *Config, dir string) *Template {
	t := &Template{config: *c, run: uuid()}
	t.config.Components = c.Components.clone()
	if t.config.Env == nil {
		t.config.Env = os.LookupEnv
	}
	now := c.Now
	if now.IsZero() {
		now = time.Now()
	}
	t.engine = &engine{now: now.UTC(), dir: dir, vars: map[string]string{}, env: t.config.Env, extra: t.config.Components.functions}
	return t
}

// Names returns the names of the template's builds that were not left out.
func (t *Template) Names() []string {
	var names []string
	for _, p := range t.plans {
		names = append(names, p.name)
	}
	return names
}

// Redact replaces the values of sensitive variables by <sensitive>, those of
// several lines also line by line.
func (t *Template) Redact(s string) string {
	for _, secret := range t.secret {
		s = strings.ReplaceAll(s, secret, "<sensitive>")
	}
	return s
}

// hide remembers a sensitive value.
func (t *Template) hide(v string) {
	t.secret = append(t.secret, v)
	if strings.Contains(v, "\n") {
		t.secret = append(t.secret, strings.Split(v, "\n")...)
	}
	t.secret = slices.DeleteFunc(t.secret, func(s string) bool { return strings.TrimSpace(s) == "" })
	// What is contained in another must not cut it.
	slices.SortStableFunc(t.secret, func(a, b string) int { return len(b) - len(a) })
}

// Builds makes a build of each builder, and reports everything that can be known
// to be wrong without looking at this host; [Build.Validate] does that.
func (t *Template) Builds() ([]*Build, error) {
	var builds []*Build
	p := &problems{}
	outputs := map[string]string{}
	for _, plan := range t.plans {
		own := &problems{}
		b := t.build(own, plan)
		if other, ok := outputs[b.Image.Output]; ok && b.Image.Output != "" {
			n := b.names["Output"]
			own.add(n.at.error(n.option, fmt.Sprintf("build %q writes to %q too", other, b.Image.Output), "give each build a directory of its own"))
		}
		outputs[b.Image.Output] = b.Name
		b.Warnings = own.warnings
		p.errs = append(p.errs, own.errs...)
		builds = append(builds, b)
	}
	if len(p.errs) > 0 {
		return nil, t.redacted(p.errs)
	}
	return builds, nil
}

// redacted joins errors, without the values that nobody should see.
func (t *Template) redacted(errs []error) error {
	seen := map[string]bool{}
	var out []error
	for _, err := range errs {
		if len(t.secret) > 0 {
			err = t.hidden(err)
		}
		if text := err.Error(); !seen[text] {
			seen[text] = true
			out = append(out, err)
		}
	}
	return errors.Join(out...)
}

func (t *Template) hidden(err error) error {
	e, ok := err.(*Error)
	if !ok {
		return errors.New(t.Redact(err.Error()))
	}
	c := *e
	c.Problem, c.Remedy = t.Redact(c.Problem), t.Redact(c.Remedy)
	return &c
}
