package template

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// Block is a component's part of a template as a function that was registered
// sees it: all strings are rendered.
type Block struct {
	Type    string         // by which the component was registered
	Name    string         // of the builder, or of the build that it belongs to
	Options map[string]any // what stands in the block besides type and name, as encoding/json makes it
}

// Decode stores the options in a struct, as json.Unmarshal does, and makes an
// option that the struct has no field for an error.
func (b Block) Decode(into any) error {
	text, err := json.Marshal(b.Options)
	if err != nil {
		return fmt.Errorf("template: options of %q: %w", b.Type, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("template: options of %q: %w", b.Type, err)
	}
	return nil
}

// Builder makes a build of a block in builders. The steps of the provisioners
// are appended to its Steps.
type Builder func(Block) (*imagebuild.Build, error)

// Provisioner makes steps of a block in provisioners.
type Provisioner func(Block) ([]imagebuild.Step, error)

// PostProcessor makes, of a block in post-processors, a function that is called
// with what the build or the post-processor before it has made. It returns what
// it has made of it; nil ends the chain.
type PostProcessor func(Block) (func(context.Context, *Artifact) (*Artifact, error), error)

// Components are builders, provisioners, post-processors and template functions
// beside those that this package has. The zero value has none. It is part of a
// Config and not of the process, so two programs in one never meet.
type Components struct {
	builders       map[string]Builder
	provisioners   map[string]Provisioner
	postProcessors map[string]PostProcessor
	functions      map[string]any
}

// Register adds a component by the name that templates call it by: a [Builder],
// a [Provisioner] or a [PostProcessor], or any other function that text/template
// can call. One that this package has by itself is replaced.
//
//	var c template.Config
//	err := c.Components.Register("reverse", func(s string) string { … })
//	err = c.Components.Register("ansible", template.Provisioner(func(b template.Block) ([]imagebuild.Step, error) { … }))
func (c *Components) Register(name string, component any) error {
	if name == "" {
		return fmt.Errorf("template: register: a component without a name; give the one that templates use")
	}
	switch f := component.(type) {
	case Builder:
		return register(&c.builders, name, f, f == nil)
	case Provisioner:
		return register(&c.provisioners, name, f, f == nil)
	case PostProcessor:
		return register(&c.postProcessors, name, f, f == nil)
	}
	if err := callable(component); err != nil {
		return fmt.Errorf("template: register %q: %w", name, err)
	}
	return register(&c.functions, name, component, false)
}

func register[F any](m *map[string]F, name string, f F, isNil bool) error {
	if isNil {
		return fmt.Errorf("template: register %q: a nil function", name)
	}
	if _, ok := (*m)[name]; ok {
		return fmt.Errorf("template: register %q: registered already", name)
	}
	if *m == nil {
		*m = map[string]F{}
	}
	(*m)[name] = f
	return nil
}

// callable says whether text/template takes a function, which otherwise panics.
func callable(f any) error {
	t := reflect.TypeOf(f)
	if t == nil || t.Kind() != reflect.Func || reflect.ValueOf(f).IsNil() {
		return fmt.Errorf("%T is no Builder, Provisioner, PostProcessor or function", f)
	}
	if n := t.NumOut(); n == 0 || n > 2 || n == 2 && t.Out(1) != reflect.TypeFor[error]() {
		return fmt.Errorf("a template function returns one value, or a value and an error, and not %v", t)
	}
	return nil
}

// clone returns a copy that later calls of Register do not change.
func (c *Components) clone() Components {
	return Components{maps.Clone(c.builders), maps.Clone(c.provisioners), maps.Clone(c.postProcessors), maps.Clone(c.functions)}
}
