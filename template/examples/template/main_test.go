package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/need"
)

const small = `{"description":"d","variables":{"u":"root","p":"hush"},"sensitive-variables":["p"],
"builders":[{"type":"qemu","name":"a","iso_url":"a.iso","iso_checksum":"none","headless":true,"ssh_username":"{{user ` + "`u`" + `}}","boot_wait":"1s","boot_command":["<esc><wait>Ab"]},
{"type":"qemu","name":"b","iso_url":"a.iso","iso_checksum":"none","headless":true,"ssh_username":"root","boot_steps":[["a<enter>","first"],["b","second"]]}]}`

func TestRun(t *testing.T) {
	type run struct {
		name   string
		args   string
		stdin  string
		out    string // all of it, if it ends with a newline, or a part
		err    string // a part
		status int
	}
	tests := []run{
		{name: "no command", err: "usage:", status: 127},
		{name: "unknown command", args: "fix a", err: `no command "fix"`, status: 127},
		{name: "help", args: "-h", err: "usage:"},
		{name: "validate", args: "validate -", stdin: small, out: "The configuration is valid.\n"},
		{name: "flags without effect", args: "validate -color=false -skip-enforcement -evaluate-datasources -", stdin: small, out: "The configuration is valid.\n"},
		{name: "syntax only", args: "validate -syntax-only -", stdin: small, out: "Syntax-only check passed. Everything looks okay.\n"},
		{name: "no template", args: "validate", err: "0 templates given", status: 1},
		{name: "no file", args: "build nosuch.json", err: "nosuch.json: no such file", status: 1},
		{name: "bad variable", args: "validate -var x=1 -", stdin: small, err: "the template declares no such variable", status: 1},
		{name: "bad flag", args: "validate -var x -", stdin: small, err: "not NAME=VALUE", status: 1},
		{name: "bad template", args: "validate -", stdin: `{"builders":[{"type":"qemu"}]}`, err: "iso_url is missing", status: 1},
		{name: "only", args: "validate -only=c -", stdin: small, err: `there is no build "c"`, status: 1},
		{name: "on-error", args: "build -on-error=stop -", stdin: small, err: "write cleanup, abort, ask or run-cleanup-provisioner", status: 1},
		{name: "keys", args: "keys -json -", stdin: small,
			out: `{"builder":"a","events":"+FF1B -FF1B w1s +FFE1 +41 -41 -FFE1 +62 -62"}` + "\n" + `{"builder":"b","events":"+61 -61 +FF0D -FF0D +62 -62"}` + "\n"},
		{name: "keys for people", args: "keys -except=b -", stdin: small,
			out: "a: 3 keys; 1s of waits, and with Packer's pauses 1.8s\n  <esc><wait>Ab\n"},
		{name: "inspect", args: "inspect -only=a -", stdin: small,
			out: "Description:\n\nd\n\nVariables:\n\n  u = root\n  p = <sensitive>\n\nBuilds:\n\n  a (qemu) → output-a/packer-a\n     1. pause for 1s\n     2. type the boot command\n     3. wait for SSH\n"},
		{name: "inspect for programs", args: "inspect -machine-readable -", stdin: small,
			out: "template-variable,u,root,false\ntemplate-variable,p,<sensitive>,false\ntemplate-builder,a\ntemplate-builder,b\n"},
		{name: "build that cannot be", args: "build -only=a -", stdin: small, out: "Build 'a' errored", err: "iso_checksum", status: 1},
	}
	tutorial, err := filepath.Abs("../../testdata/tutorial.json")
	if err != nil {
		t.Fatal(err)
	}
	tests = append(tests, run{name: "keys of the tutorial", args: "keys -json " + tutorial, out: `{"builder":"qemu","events":"+FF1B -FF1B w1s +69 -69 `})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var out, errs bytes.Buffer
			p := &program{stdin: strings.NewReader(tt.stdin), stdout: &out, stderr: &errs}
			if got := p.run(context.Background(), strings.Fields(tt.args)); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if strings.HasSuffix(tt.out, "\n") && out.String() != tt.out || !strings.Contains(out.String(), tt.out) {
				t.Errorf("printed %q, want %q", out.String(), tt.out)
			}
			if !strings.Contains(errs.String(), tt.err) {
				t.Errorf("said %q, want %q in it", errs.String(), tt.err)
			}
			if left, _ := os.ReadDir("."); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

// TestPreview prints the command line of a machine, and makes nothing.
func TestPreview(t *testing.T) {
	need.Tool(t, "qemu-system-x86_64")
	need.Tool(t, "qemu-img")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.iso", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	text := strings.Replace(small, `"headless":true`, `"headless":true,"accelerator":"tcg","memory":77`, 1)
	p := &program{stdin: strings.NewReader(text), stdout: &out, stderr: &errs}
	if got := p.run(context.Background(), []string{"build", "-n", "-only=a", "-"}); got != 0 {
		t.Fatal(errs.String())
	}
	for _, want := range []string{"# a\n/", "qemu-system-x86_64 \\\n  -name packer-a \\\n", "\n  -m 77M \\\n", "/a.iso"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out.String())
		}
	}
	if left, _ := os.ReadDir("."); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

// TestSecretErrors says what is wrong with an option, and not the secret in it.
func TestSecretErrors(t *testing.T) {
	text := strings.Replace(small, `"iso_checksum":"none"`, `"iso_checksum":"none","disk_size":"{{user `+"`p`"+`}}"`, 1)
	var out, errs bytes.Buffer
	p := &program{stdin: strings.NewReader(text), stdout: &out, stderr: &errs}
	if status := p.run(context.Background(), []string{"validate", "-"}); status != 1 {
		t.Errorf("status %d", status)
	}
	if said := out.String() + errs.String(); strings.Contains(said, "hush") || !strings.Contains(said, `"<sensitive>" is no disk size`) {
		t.Error(said)
	}
}

// TestSecrets prints what a guest says of a password.
func TestSecrets(t *testing.T) {
	for _, machine := range []bool{false, true} {
		var out bytes.Buffer
		p := &program{stdin: strings.NewReader(small), stdout: &out, stderr: &out}
		p.o.path, p.o.machines = "-", machine
		if _, _, err := p.builds(context.Background()); err != nil {
			t.Fatal(err)
		}
		p.event("a", imagebuild.Output{Line: "the password is hush"})
		if got := out.String(); strings.Contains(got, "hush") || !strings.Contains(got, "the password is <sensitive>") {
			t.Error(got)
		}
	}
}
