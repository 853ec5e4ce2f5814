package template

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// Build is a builder of a template with its provisioners and post-processors.
type Build struct {
	// Name is the builder's name, and Type its type.
	Name, Type string

	// Image is the build of the first disk, the provisioners among its steps.
	// It may be changed before Run.
	Image imagebuild.Build

	// Dir is the output directory. Run makes it.
	Dir string

	// Commands are the boot commands as they are typed, with the variables
	// that are known only when the machine runs made up.
	Commands []Command

	// Serial is what is typed on the serial port after Commands, likewise; empty
	// for nothing.
	Serial string

	// Watch is whether the template asks to see the machine, by headless or
	// display, and there is no display to open a window on: a live page of package
	// view does as well.
	Watch bool

	// Warnings are what is odd about the builder and no error.
	Warnings []*Error

	disks  []int64 // sizes of the further disks in bytes
	bus    qemu.Bus
	force  bool
	host   []error // what is wrong on this host, known already
	chains []chain
	names  map[string]named // of fields of Image, as the template calls them
}

// Command is a boot command, or one of boot_steps.
type Command struct {
	Description string // of one of boot_steps
	Text        string
}

// named is what the template calls a field, and where it stands.
type named struct {
	option string
	at     place
	field  string
}

// Artifact is what a build has made, or what a post-processor has made of it.
type Artifact struct {
	Build string // the name of the build
	Type  string // of the builder, or of the post-processor
	Files []string

	// Image is what the build's own artifact says; nil if a post-processor has
	// made something else of it.
	Image *imagebuild.Artifact
}

// Validate reports what is wrong with the build on this host: programs and files
// that are not there or in the way, an accelerator that does not work. It says
// each in the template's words where it knows them.
func (b *Build) Validate(ctx context.Context) error {
	image, errs := b.expected()
	if err := image.Validate(ctx); err != nil {
		errs = append(errs, b.translate(err))
	}
	return errors.Join(errs...)
}

// Preview returns the machine that Run would start, after the checks of Validate,
// and starts nothing. Further disks are not yet among its files.
func (b *Build) Preview(ctx context.Context) (*imagebuild.Preview, error) {
	image, errs := b.expected()
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	p, err := image.Preview(ctx)
	if err != nil {
		return nil, b.translate(err)
	}
	return p, nil
}

// expected returns the image's build as it can be looked at before the output
// directory is made, and what is known to be wrong.
func (b *Build) expected() (imagebuild.Build, []error) {
	image := b.Image
	var errs []error
	if err := b.outputFree(); err != nil {
		errs = append(errs, err)
	}
	if err := mkdirCheck(b.Dir); err != nil {
		errs = append(errs, err)
	} else if _, err := os.Stat(b.Dir); err != nil {
		// The directory is yet to be made, so look at where it will be.
		base := filepath.Base(b.Image.Output)
		image.Output = filepath.Join(existing(b.Dir), base)
		if _, err := os.Lstat(image.Output); err == nil {
			image.Output = filepath.Join(existing(b.Dir), ".bootscribe-check-"+base)
		}
		image.VM.Firmware.VarsFile = ""
		if s := image.VM.QMPSocket; s != "" && filepath.Dir(s) == filepath.Clean(b.Dir) {
			image.VM.QMPSocket = ""
		}
		if image.TPMState != "" {
			image.TPMState = image.Output + ".tpm"
		}
	}
	return image, append(errs, b.host...)
}

// existing returns the nearest directory that is there.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "."
		}
		dir = up
	}
}

func mkdirCheck(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("template: output_directory %q is not a directory; choose another name", dir)
	}
	return nil
}

// outputFree looks that there is nothing yet, as Packer does.
func (b *Build) outputFree() error {
	if _, err := os.Stat(b.Dir); err == nil && !b.force {
		n := b.names["Output"]
		return n.at.error(n.option, fmt.Sprintf("the output directory %q exists", b.Dir), "remove it, choose another one, or use -force")
	}
	return nil
}

// fieldSays is how qemuimg says that an argument has a field of its own.
var fieldSays = regexp.MustCompile(`field \w+ says; set that instead`)

// translate makes of errors about fields errors about options.
func (b *Build) translate(err error) error {
	var errs []error
	for _, err := range flatten(err) {
		field, problem, remedy := "", "", ""
		var own *imagebuild.ConfigError
		var machine *qemu.ConfigError
		switch {
		case errors.As(err, &own):
			field, problem, remedy = own.Field, own.Problem, own.Remedy
		case errors.As(err, &machine):
			field, problem, remedy = "VM."+machine.Field, machine.Problem, machine.Remedy
		}
		problem = fieldSays.ReplaceAllString(problem, "another option says; remove it")
		if n, ok := b.named(field); ok {
			if n.field == "VM" {
				problem = strings.TrimPrefix(field, "VM.") + " " + problem
			}
			remedy = strings.NewReplacer("leave Accel empty", "leave the option out", "leave Type empty for 9p", "write it into shares", "leave Display empty", `write "headless": true`, "or set Overwrite", "or use -force").Replace(remedy)
			errs = append(errs, n.at.error(n.option, problem, remedy))
		} else {
			errs = append(errs, fmt.Errorf("build %q: %w", b.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (b *Build) named(field string) (named, bool) {
	for f := field; f != ""; {
		if n, ok := b.names[f]; ok {
			n.field = f
			return n, true
		}
		i := strings.LastIndexAny(f, ".[")
		if i < 0 {
			break
		}
		f = f[:i]
	}
	return named{}, false
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, flatten(err)...)
		}
		return all
	}
	return []error{err}
}

// Run makes the image, and of it what the post-processors make. After a failure
// it leaves no file, and no directory that it made; the artifact of a build whose
// post-processors failed stays, and is returned with the error.
func (b *Build) Run(ctx context.Context) (artifacts []*Artifact, err error) {
	if err := errors.Join(append(b.host, b.outputFree())...); err != nil {
		return nil, err
	}
	there := existing(b.Dir)
	if err := os.MkdirAll(b.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("template: output_directory: %w", err)
	}
	artifact, err := b.image(ctx)
	if err != nil {
		b.unmake(there)
		return nil, b.translateRun(err)
	}
	return b.process(ctx, artifact)
}

// unmake removes the output directory and those above it that were not there
// before, as far as they are empty. The firmware's variables stay beside a disk
// that was kept.
func (b *Build) unmake(there string) {
	if filepath.Clean(b.Dir) == filepath.Clean(there) {
		return
	}
	vars := b.Image.VM.Firmware.VarsFile
	if found, err := os.ReadDir(b.Dir); err == nil && len(found) == 1 && vars == filepath.Join(b.Dir, found[0].Name()) {
		os.Remove(vars)
	}
	for dir := filepath.Clean(b.Dir); dir != filepath.Clean(there); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil || dir == filepath.Dir(dir) {
			return
		}
	}
}

// translateRun translates what Run of the image says before the machine starts.
func (b *Build) translateRun(err error) error {
	var step *imagebuild.StepError
	if errors.As(err, &step) {
		return err
	}
	return b.translate(err)
}

// image builds the image and the further disks.
func (b *Build) image(ctx context.Context) (*Artifact, error) {
	image := b.Image
	var scratch string
	if len(b.disks) > 0 {
		var err error
		if scratch, err = os.MkdirTemp(b.Dir, ".bootscribe-disks-"); err != nil {
			return nil, fmt.Errorf("template: disk_additional_size: %w", err)
		}
		defer os.RemoveAll(scratch)
	}
	tool := &qemuimg.Tool{}
	for i, size := range b.disks {
		path := filepath.Join(scratch, fmt.Sprint(i+1))
		if err := tool.Create(ctx, path, qemuimg.CreateOptions{Size: size, Args: image.ImgArgs.Create}); err != nil {
			return nil, err
		}
		image.VM.Disks = append(image.VM.Disks[:i:i], qemu.Disk{Path: path, Bus: b.bus})
	}
	made, err := image.Run(ctx)
	if err != nil {
		return nil, err
	}
	a := &Artifact{Build: b.Name, Type: b.Type, Files: []string{b.Image.Output}, Image: made}
	for i, d := range image.VM.Disks {
		path := fmt.Sprintf("%s-%d", b.Image.Output, i+1)
		o := qemuimg.PublishOptions{Overwrite: b.force}
		o.SourceFormat, o.Format, o.Compress, o.Args = qemuimg.Qcow2, b.Image.Format, b.Image.Compress, image.ImgArgs.Convert
		if err := tool.Publish(ctx, d.Path, path, o); err != nil {
			return a, err
		}
		a.Files = append(a.Files, path)
	}
	if made.TPMState != "" {
		a.Files = append(a.Files, b.Image.TPMState)
	}
	if vars := image.VM.Firmware.VarsFile; vars != "" {
		a.Files = append(a.Files, vars)
	}
	return a, nil
}

// observer returns the build's Observe, which steps may call as well.
func (t *Template) observer(name string) func(imagebuild.Event) {
	if t.config.Observe == nil {
		return func(imagebuild.Event) {}
	}
	var mu sync.Mutex
	return func(e imagebuild.Event) {
		mu.Lock()
		defer mu.Unlock()
		t.config.Observe(name, e)
	}
}

// build makes a Build of a plan.
func (t *Template) build(p *problems, plan plan) *Build {
	b := &Build{Name: plan.name, Type: plan.builder, force: t.config.Force, names: map[string]named{}}
	e := t.engine.forBuild(plan.short, plan.builder)
	say := t.observer(plan.name)
	g := &generator{build: b, say: say, breakpoint: t.config.Breakpoint, run: t.run}
	switch f, ok := t.config.Components.builders[plan.builder]; {
	case ok:
		t.registered(p, b, plan.block, e, f)
	case plan.builder == "qemu":
		q := &qemuBuilder{options: readOptions(p, plan.block.path, plan.block.body, qemuOptions, e, "type", "name"), b: b, g: g, eager: t.config.Eager}
		q.fill()
	default:
		p.add(typePlace(plan.block).error(plan.block.path, fmt.Sprintf("there is no builder %q here: machines run on QEMU", plan.builder),
			`write "qemu", or register a builder of that name`))
	}
	if b.Image.Output != "" && b.Dir == "" {
		b.Dir = filepath.Dir(b.Image.Output)
	}
	if t.config.CacheDir != "" {
		b.Image.Fetcher.Dir = t.config.CacheDir
	}
	b.Image.Overwrite = b.Image.Overwrite || b.force
	b.Image.Observe = say
	t.provision(p, g, plan, e)
	t.chainsOf(p, g, plan, e)
	return b
}

func typePlace(b *block) place {
	if v := b.body.member("type"); v != nil {
		return v.at
	}
	return b.at
}

// registered calls a builder that was registered.
func (t *Template) registered(p *problems, b *Build, bl *block, e *engine, f Builder) {
	options, err := bl.render(e, "type", "name")
	if err != nil {
		p.add(err)
		return
	}
	image, err := f(Block{bl.typ, cmp.Or(b.Name, bl.typ), options})
	if err == nil && image == nil {
		err = errors.New("the builder returned nothing")
	}
	if err != nil {
		p.add(bl.at.error(bl.path, err.Error(), ""))
		return
	}
	b.Image = *image
}

// render returns a block's options as plain values, all strings rendered.
func (b *block) render(e *engine, skip ...string) (map[string]any, error) {
	options := map[string]any{}
	for _, m := range b.body.members {
		options[m.name] = nil
		v, err := m.value.mapStrings(b.path+"."+m.name, func(option string, v *value) (string, error) {
			text, err := e.render(v.text, nil)
			if err != nil {
				return "", v.at.error(option, err.Error(), "")
			}
			return text, nil
		})
		if err != nil {
			return nil, err
		}
		options[m.name] = v.plain()
	}
	for _, s := range skip {
		delete(options, s)
	}
	return options, nil
}
