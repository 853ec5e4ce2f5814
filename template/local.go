package template

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
)

var localOptions = []option{
	{name: "command", def: "none"},
	{name: "inline", kind: isList, def: "none"},
	{name: "script", def: "none"},
	{name: "scripts", kind: isList, def: "none"},
	{name: "env", kind: isMap, def: "none"},
	{name: "environment_vars", kind: isList, def: "none"},
	{name: "env_var_format", def: "%s='%s' ", status: noEffect, here: "variables are set for the process, and quoted by nobody", late: true},
	{name: "execute_command", kind: isList, def: `["/bin/sh", "-c", "{{.Vars}} {{.Script}}"]`, late: true, status: differs, here: "{{.Vars}} is empty: the variables are set for the process"},
	{name: "inline_shebang", def: "/bin/sh -e"},
	{name: "only_on", kind: isList, def: "every system"},
	{name: "tempfile_extension", def: "none"},
	{name: "use_linux_pathing", kind: isBool, def: "false", status: noEffect, here: "Windows only"},
	{name: "valid_exit_codes", kind: isStatus, def: "[0]"},
}

// locally is a shell-local, which is a provisioner and a post-processor too.
type locally struct {
	*options
	scripts []script
	env     []string
	execute []string
}

func readLocally(o *options, host *[]error) *locally {
	l := &locally{options: o, env: o.pairs(), execute: o.list("execute_command")}
	if c := o.str("command"); c != "" {
		o.values["inline"] = &value{kind: kindList, list: []*value{{kind: kindString, text: c}}}
		delete(o.values, "command")
	}
	l.scripts = o.scripts(host, o.or("inline_shebang", "/bin/sh -e"))
	if len(l.execute) == 0 {
		l.execute = []string{"/bin/sh", "-c", "{{.Vars}} {{.Script}}"}
	}
	for _, word := range l.execute {
		if _, err := o.engine.render(word, map[string]any{"Vars": "", "Script": "", "Command": ""}); err != nil {
			o.fail("execute_command", err.Error(), "")
		}
	}
	return l
}

func (p *provisioner) local() work {
	l := readLocally(p.options, &p.build.host)
	return func(ctx context.Context, guest *imagebuild.Guest) error {
		fill := func(s string) (string, error) { return p.fill(ctx, guest, s) }
		return l.run(ctx, p.name, p.say, p.environment(guest), fill)
	}
}

// run runs the scripts on this host. What fill returns stands for a text whose
// marks are filled in.
func (l *locally) run(ctx context.Context, name string, say func(imagebuild.Event), env []string, fill func(string) (string, error)) error {
	if on := l.list("only_on"); len(on) > 0 && !slices.Contains(on, runtime.GOOS) {
		return nil
	}
	for _, kv := range l.env {
		kv, err := fill(kv)
		if err != nil {
			return err
		}
		env = append(env, kv)
	}
	for _, s := range l.scripts {
		if err := l.script(ctx, s, name, say, env, fill); err != nil {
			return err
		}
	}
	return nil
}

func (l *locally) script(ctx context.Context, s script, name string, say func(imagebuild.Event), env []string, fill func(string) (string, error)) error {
	path := s.path
	if path == "" {
		text, err := fill(s.text)
		if err != nil {
			return err
		}
		if path, err = scratchScript(text, l.str("tempfile_extension")); err != nil {
			return err
		}
		defer os.Remove(path)
	}
	var words []string
	for _, w := range l.execute {
		word, err := l.engine.render(w, map[string]any{"Vars": "", "Script": path, "Command": path})
		if err == nil {
			word, err = fill(word)
		}
		if err != nil {
			return err
		}
		words = append(words, strings.TrimPrefix(word, " "))
	}
	stdout, stderr := &lines{step: name, say: say}, &lines{step: name, stderr: true, say: say}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = 5 * time.Second // for children that keep the output open
	err := cmd.Run()
	stdout.flush()
	stderr.flush()
	return l.judge(ctx, s, err)
}

func (l *locally) judge(ctx context.Context, s script, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	valid := l.ints("valid_exit_codes")
	if len(valid) == 0 {
		valid = []int{0}
	}
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if !slices.Contains(valid, status) {
		return fmt.Errorf("%s: exit status %d is none of %v", s.name, status, valid)
	}
	return nil
}

// scratchScript writes a script to a file of its own.
func scratchScript(text, extension string) (string, error) {
	if extension != "" && !strings.HasPrefix(extension, ".") {
		extension = "." + extension
	}
	f, err := os.CreateTemp("", "bootscribe-*"+extension)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o700), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
