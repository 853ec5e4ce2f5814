package template

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/ssh"
)

var shellOptions = []option{
	{name: "inline", kind: isList, def: "none"},
	{name: "script", def: "none"},
	{name: "scripts", kind: isList, def: "none"},
	{name: "binary", kind: isBool, def: "false"},
	{name: "env", kind: isMap, def: "none"},
	{name: "environment_vars", kind: isList, def: "none"},
	{name: "env_var_format", def: "%s='%s' ", late: true},
	{name: "execute_command", def: "chmod +x {{.Path}}; {{.Vars}} {{.Path}}", late: true},
	{name: "inline_shebang", def: "/bin/sh -e"},
	{name: "use_env_var_file", kind: isBool, def: "false"},
	{name: "remote_folder", def: "/tmp"},
	{name: "remote_file", def: "script_NNNN.sh"},
	{name: "remote_path", def: "both of them"},
	{name: "expect_disconnect", kind: isBool, def: "false"},
	{name: "valid_exit_codes", kind: isStatus, def: "[0]", status: differs, here: "2300218, which stands for a lost connection, is expect_disconnect"},
	{name: "start_retry_timeout", kind: isDuration, def: "5m"},
	{name: "skip_clean", kind: isBool, def: "false", status: differs, here: "a script that cannot be removed is no failure"},
	{name: "pause_after", kind: isDuration, def: "0"},
}

// lostStatus is Packer's exit code of a connection that was lost.
const lostStatus = 2300218

// script is what is run: text, or a file of this host.
type script struct {
	name string
	text string // of inline
	path string // else
}

// scripts reads what a shell provisioner or post-processor shall run. Inline
// scripts begin with the shebang, unless it is empty.
func (o *options) scripts(host *[]error, shebang string) []script {
	given := 0
	for _, name := range []string{"inline", "script", "scripts", "command"} {
		if o.row(name) != nil && o.given(name) {
			given++
		}
	}
	if given != 1 {
		o.fail("", "one of inline, script and scripts must be given", "give exactly one")
		return nil
	}
	if lines := o.list("inline"); len(lines) > 0 {
		text := strings.Join(lines, "\n") + "\n"
		if shebang != "" && !strings.HasPrefix(text, "#!") {
			text = "#!" + shebang + "\n" + text
		}
		return []script{{name: lines[0], text: text}}
	}
	paths, option := o.list("scripts"), "scripts"
	if s := o.str("script"); s != "" {
		paths, option = []string{s}, "script"
	}
	var all []script
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil && !strings.Contains(p, "\x00") {
			*host = append(*host, o.place(option).error(o.field(option), err.Error(), "check the path"))
		}
		all = append(all, script{name: p, path: p})
	}
	return all
}

func (s script) read(binary bool) ([]byte, error) {
	if s.path == "" {
		return []byte(s.text), nil
	}
	text, err := os.ReadFile(s.path)
	if !binary {
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	}
	return text, err
}

// pairs are the environment variables of env and environment_vars, NAME=VALUE.
func (o *options) pairs() []string {
	var env []string
	for _, kv := range o.list("environment_vars") {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
			o.fail("environment_vars", fmt.Sprintf("%q is no variable", kv), `write "NAME=VALUE"`)
			continue
		}
		env = append(env, kv)
	}
	for name, v := range o.dict("env") {
		env = append(env, name+"="+v)
	}
	slices.Sort(env)
	return env
}

// shellRun is one run of a script in the guest.
type shellRun struct {
	*provisioner
	client        *ssh.Client
	path, envFile string
}

// shell uploads scripts and runs them, one after the other.
func (p *provisioner) shell() work {
	scripts := p.scripts(&p.build.host, p.or("inline_shebang", "/bin/sh -e"))
	env := p.pairs()
	execute := p.or("execute_command", "chmod +x {{.Path}}; {{.Vars}} {{.Path}}")
	if p.yes("use_env_var_file") && !p.has("execute_command") {
		execute = "chmod +x {{.Path}}; . {{.EnvVarFile}} && {{.Path}}"
	}
	if _, err := p.engine.render(execute, map[string]any{"Path": "p", "Vars": "v", "EnvVarFile": "e"}); err != nil {
		p.fail("execute_command", err.Error(), "")
	}
	for _, n := range p.ints("valid_exit_codes") {
		if n != lostStatus && (n < 0 || n > 255) {
			p.fail("valid_exit_codes", fmt.Sprintf("%d is no exit status", n), "an exit status is from 0 to 255")
		}
	}
	p.needsSSH()
	if p.winrm() {
		p.fail("", "needs SSH, and the builder has the communicator winrm", "use powershell or windows-shell")
	}
	return func(ctx context.Context, guest *imagebuild.Guest) error {
		for _, s := range scripts {
			text, err := s.read(p.yes("binary"))
			if err != nil {
				return err
			}
			filled, err := p.fill(ctx, guest, string(text))
			if err != nil {
				return err
			}
			if err := p.runScript(ctx, guest, s.name, []byte(filled), execute, env); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return wait(ctx, p.duration("pause_after"))
	}
}

func (p *provisioner) needsSSH() {
	if p.none {
		p.fail("", "needs SSH, and the builder has the communicator none", "give the builder an ssh_username")
	}
}

// patience is how long a script is tried to be uploaded.
func (p *provisioner) patience() time.Duration {
	if p.given("start_retry_timeout") {
		return p.duration("start_retry_timeout")
	}
	return 5 * time.Minute
}

// retry does something again while the guest is about to reboot, for
// start_retry_timeout.
func (p *provisioner) retry(ctx context.Context, do func() error) error {
	end := time.Now().Add(p.patience())
	for {
		err := do()
		if err == nil || !lost(err) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (p *provisioner) runScript(ctx context.Context, guest *imagebuild.Guest, name string, text []byte, execute string, env []string) error {
	r := &shellRun{provisioner: p}
	file := p.or("remote_file", fmt.Sprintf("script_%d.sh", rand.IntN(10000)))
	r.path = p.or("remote_path", path.Join(p.or("remote_folder", "/tmp"), file))
	vars, err := r.vars(ctx, guest, env)
	if err != nil {
		return err
	}
	if err := r.upload(ctx, guest, text, vars); err != nil {
		return err
	}
	line, err := p.engine.render(execute, map[string]any{"Path": r.path, "Vars": r.format(vars), "EnvVarFile": r.envFile})
	if err == nil {
		line, err = p.fill(ctx, guest, line)
	}
	if err != nil {
		return err
	}
	ran := p.command(ctx, r.client, p.name, line)
	err = r.judge(ran)
	// A script that is tried again has another name then.
	if _, ended := exitStatus(ran); (ended || err == nil) && !p.yes("skip_clean") {
		r.clean(ctx, guest)
	}
	return err
}

// vars are the variables of a script with their values, in a fixed order.
func (p *provisioner) vars(ctx context.Context, guest *imagebuild.Guest, env []string) ([]string, error) {
	all := append(p.environment(guest), env...)
	slices.Sort(all)
	for i := range all {
		var err error
		if all[i], err = p.fill(ctx, guest, all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// format writes variables as a command line has them before the command.
func (r *shellRun) format(vars []string) string {
	format := r.or("env_var_format", "%s='%s' ")
	var b strings.Builder
	for _, kv := range vars {
		name, v, _ := strings.Cut(kv, "=")
		fmt.Fprintf(&b, format, name, strings.ReplaceAll(v, "'", `'"'"'`))
	}
	return b.String()
}

// upload copies the script to the guest, and tries again while the guest is
// about to reboot, for start_retry_timeout.
func (r *shellRun) upload(ctx context.Context, guest *imagebuild.Guest, text []byte, vars []string) error {
	return r.retry(ctx, func() error { return r.tryUpload(ctx, guest, text, vars) })
}

func (r *shellRun) tryUpload(ctx context.Context, guest *imagebuild.Guest, text []byte, vars []string) error {
	var err error
	if r.client, err = guest.SSH(ctx); err != nil {
		return err
	}
	if r.yes("use_env_var_file") {
		r.envFile = r.path + ".env"
		var b strings.Builder
		for _, kv := range vars {
			name, v, _ := strings.Cut(kv, "=")
			fmt.Fprintf(&b, "export %s=%s\n", name, ssh.Quote(v))
		}
		if err := r.client.UploadReader(ctx, strings.NewReader(b.String()), int64(b.Len()), r.envFile, &ssh.Transfer{Mode: 0o600}); err != nil {
			return err
		}
	}
	return r.client.UploadReader(ctx, bytes.NewReader(text), int64(len(text)), r.path, &ssh.Transfer{Mode: 0o755})
}

// judge says whether the end of a script is a success.
func (r *shellRun) judge(err error) error {
	valid := r.ints("valid_exit_codes")
	if len(valid) == 0 {
		valid = []int{0}
	}
	var exit *ssh.ExitError
	switch {
	case err == nil:
		if !slices.Contains(valid, 0) {
			return fmt.Errorf("exit status 0 is none of valid_exit_codes, %v", valid)
		}
	case errors.As(err, &exit) && slices.Contains(valid, exit.Status):
		return nil
	case lost(err) && (r.yes("expect_disconnect") || slices.Contains(valid, lostStatus)):
		return nil
	case lost(err):
		return fmt.Errorf("%w; set expect_disconnect if the script reboots the guest", err)
	}
	return err
}

// clean removes the script. Where the guest has rebooted there may be none left.
func (r *shellRun) clean(ctx context.Context, guest *imagebuild.Guest) {
	client, err := guest.SSH(ctx)
	if err != nil {
		return
	}
	files := []string{r.path}
	if r.envFile != "" {
		files = append(files, r.envFile)
	}
	if err := client.Run(ctx, &ssh.Command{Line: "rm -f " + ssh.Quote(files...)}); err != nil {
		r.say(imagebuild.Output{Step: r.name, Line: "the script could not be removed: " + err.Error(), Stderr: true})
	}
}
