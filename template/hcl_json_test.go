package template_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/template"
)

// TestHCLJSONDynamic reads the blocks that dynamic blocks make in the JSON form of
// HCL2.
func TestHCLJSONDynamic(t *testing.T) {
	text := `{
  "variable": {"words": {"default": ["one", "two"]}},
  "source": {"qemu": {"x": {"iso_url": "a.iso", "iso_checksum": "none", "headless": true, "ssh_username": "root"}}},
  "build": {
    "sources": ["source.qemu.x"],
    "dynamic": {"provisioner": {
      "for_each": "${var.words}",
      "labels": ["shell"],
      "iterator": "it",
      "content": {"name": "${it.key}-${it.value}-${source.name}", "inline": ["echo ${it.value}"]}
    }},
    "post-processors": [{
      "dynamic": {"post-processor": {
        "for_each": "${toset(var.words)}",
        "labels": ["registered"],
        "content": {"word": "${post-processor.value}"}
      }}
    }]
  }
}`
	read := func(text string) (steps, words []string, err error) {
		c := template.Config{Env: noEnv}
		if err := c.Components.Register("registered", template.PostProcessor(func(b template.Block) (func(context.Context, *template.Artifact) (*template.Artifact, error), error) {
			words = append(words, b.Options["word"].(string))
			return func(context.Context, *template.Artifact) (*template.Artifact, error) { return nil, nil }, nil
		})); err != nil {
			t.Fatal(err)
		}
		tmpl, err := template.Parse(context.Background(), "t.pkr.json", []byte(text), &c)
		if err != nil {
			return nil, nil, err
		}
		builds, err := tmpl.Builds()
		if err != nil {
			return nil, nil, err
		}
		for _, s := range builds[0].Image.Steps[1:] {
			steps = append(steps, s.Name)
		}
		return steps, words, nil
	}
	steps, words, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0-one-x", "1-two-x"}, steps); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"one", "two"}, words); diff != "" {
		t.Error(diff)
	}
	for old, tt := range map[string]struct{ new, want string }{
		`"${var.words}"`: {"5", "for_each"},
		`"it"`:           {`"1t"`, "iterator"},
		`"source": {`:    {`"dynamic": {"source": {"for_each": ["a"], "content": {}}}, "source": {`, "HCL's own syntax only"},
	} {
		_, _, err := read(strings.Replace(text, old, tt.new, 1))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "t.pkr.json:") {
			t.Errorf("with %s for %s: %v, want %q", tt.new, old, err, tt.want)
		}
	}
}
