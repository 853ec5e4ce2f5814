package template

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/winrm"
)

// windowsShared are the options that powershell and windows-shell have in common.
var windowsShared = []option{
	{name: "inline", kind: isList, def: "none"},
	{name: "script", def: "none"},
	{name: "scripts", kind: isList, def: "none"},
	{name: "binary", kind: isBool, def: "false", status: differs, here: "else lines end as Windows wants them, by CR and LF"},
	{name: "env", kind: isMap, def: "none"},
	{name: "environment_vars", kind: isList, def: "none"},
	{name: "valid_exit_codes", kind: isStatus, def: "[0]"},
	{name: "start_retry_timeout", kind: isDuration, def: "5m"},
}

var powershellOptions = joined(windowsShared, []option{
	{name: "env_var_format", def: "$env:%s=\"%s\"; ", late: true},
	{name: "execute_command", def: "dots {{.Vars}}, runs {{.Path}}, exits with its status", late: true},
	{name: "execution_policy", def: "bypass"},
	{name: "use_pwsh", kind: isBool, def: "false"},
	{name: "debug_mode", kind: isInt, def: "0"},
	{name: "remote_path", def: "c:/Windows/Temp/script-UUID.ps1"},
	{name: "remote_env_var_path", def: "c:/Windows/Temp/packer-ps-env-vars-UUID.ps1"},
	{name: "skip_clean", kind: isBool, def: "false", status: differs, here: "a script that cannot be removed is no failure"},
	{name: "pause_after", kind: isDuration, def: "0"},
	{name: "elevated_user", def: "none", status: differs, here: "needs WinRM: over SSH, an administrator has all rights already; the password is in no file of the guest"},
	{name: "elevated_password", def: "none"},
	{name: "elevated_execute_command", def: "as execute_command", late: true},
})

var batchOptions = joined(windowsShared, []option{
	{name: "env_var_format", def: "set \"%s=%s\" && ", late: true},
	{name: "execute_command", def: `{{.Vars}}"{{.Path}}"`, late: true},
	{name: "remote_path", def: "c:/Windows/Temp/script.bat"},
})

// windowsRun is how one kind of script runs in Windows.
type windowsRun struct {
	*provisioner
	scripts  []script
	env      []string
	execute  string
	path     string
	varsPath string // of a file with the variables; empty for those on the command line
	format   string // of a variable
	quote    *strings.Replacer
}

func (p *provisioner) newWindowsRun(execute, format string) *windowsRun {
	r := &windowsRun{provisioner: p, scripts: p.scripts(&p.build.host, ""), env: p.pairs(), execute: p.or("execute_command", execute), format: p.or("env_var_format", format)}
	r.tryExecute("execute_command")
	if p.none {
		p.fail("", "needs a login, and the builder has the communicator none", "give the builder a communicator")
	}
	return r
}

// tryExecute looks whether the command can be rendered.
func (r *windowsRun) tryExecute(option string) {
	if _, err := r.engine.render(r.execute, r.data("")); err != nil {
		r.fail(option, err.Error(), "")
	}
}

// data is what execute_command may name.
func (r *windowsRun) data(vars string) map[string]any {
	if r.varsPath != "" {
		vars = r.varsPath
	}
	return map[string]any{"Path": r.path, "Vars": vars, "WinRMPassword": string(r.build.Image.WinRM.Password)}
}

// powershell uploads PowerShell scripts and runs them, one after the other.
func (p *provisioner) powershell() work {
	program := "powershell"
	if p.yes("use_pwsh") {
		program = "pwsh"
	}
	policy := p.or("execution_policy", "bypass")
	p.oneOf("execution_policy", "bypass", "allsigned", "default", "remotesigned", "restricted", "undefined", "unrestricted", "none")
	line := program
	if policy != "none" {
		line += " -ExecutionPolicy " + policy
	}
	debug := ""
	if n := p.int("debug_mode"); n < 0 || n > 2 {
		p.fail("debug_mode", fmt.Sprintf("%d is no level of Set-PsDebug", n), "write 0, 1 or 2")
	} else if n > 0 {
		debug = fmt.Sprintf("Set-PsDebug -Trace %d; ", n)
	}
	r := p.newWindowsRun(line+` "& { $global:ProgressPreference = 'SilentlyContinue'; `+debug+`. {{.Vars}}; &'{{.Path}}'; exit $LastExitCode }"`, `$env:%s="%s"; `)
	if p.given("elevated_user") {
		if p.given("elevated_execute_command") {
			r.execute = p.str("elevated_execute_command")
			r.tryExecute("elevated_execute_command")
		}
		if !p.winrm() {
			p.fail("elevated_user", "needs WinRM, and the builder has another communicator", "remove it: over SSH an administrator has all rights")
		}
	}
	r.path = p.or("remote_path", fmt.Sprintf("c:/Windows/Temp/script-%x.ps1", rand.Uint64()))
	r.varsPath = p.or("remote_env_var_path", fmt.Sprintf("c:/Windows/Temp/packer-ps-env-vars-%x.ps1", rand.Uint64()))
	r.quote = strings.NewReplacer("$", "`$", `"`, "`\"", "`", "``", "“", "`“", "”", "`”", "„", "`„")
	return r.work
}

// batch uploads batch files and runs them, one after the other.
func (p *provisioner) batch() work {
	r := p.newWindowsRun(`{{.Vars}}"{{.Path}}"`, `set "%s=%s" && `)
	r.path = p.or("remote_path", "c:/Windows/Temp/script.bat")
	r.quote = strings.NewReplacer()
	return r.work
}

func (r *windowsRun) work(ctx context.Context, guest *imagebuild.Guest) error {
	for _, s := range r.scripts {
		text, err := s.read(r.yes("binary"))
		if err != nil {
			return err
		}
		filled, err := r.fill(ctx, guest, string(text))
		if err != nil {
			return err
		}
		if !r.yes("binary") {
			filled = strings.ReplaceAll(filled, "\n", "\r\n")
		}
		if err := r.one(ctx, guest, filled); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if r.row("pause_after") == nil {
		return nil
	}
	return wait(ctx, r.duration("pause_after"))
}

// one runs one script.
func (r *windowsRun) one(ctx context.Context, guest *imagebuild.Guest, text string) error {
	vars, err := r.variables(ctx, guest)
	if err != nil {
		return err
	}
	line, err := r.engine.render(r.execute, r.data(vars))
	if err == nil {
		line, err = r.fill(ctx, guest, line)
	}
	if err != nil {
		return err
	}
	var client remote
	err = r.retry(ctx, func() (err error) {
		if client, err = r.remote(ctx, guest); err != nil {
			return err
		}
		if r.varsPath != "" {
			if err := client.put(ctx, []byte(vars), r.varsPath); err != nil {
				return err
			}
		}
		return client.put(ctx, []byte(text), r.path)
	})
	if err != nil {
		return err
	}
	ran := r.runOn(ctx, r.as(client), r.name, line)
	// The variables may be secrets, also those of a script that has failed.
	if _, ended := exitStatus(ran); ended && r.varsPath != "" && !r.yes("skip_clean") {
		r.clean(ctx, client)
	}
	return r.judge(ran)
}

// as returns the login of elevated_user, if there is one.
func (r *windowsRun) as(client remote) remote {
	w, ok := client.(byWinRM)
	if !ok || r.row("elevated_user") == nil || !r.given("elevated_user") {
		return client
	}
	return elevated{w, r.str("elevated_user"), r.str("elevated_password")}
}

// variables are the script's, as its shell sets them: a line each for a file,
// and else in front of the command.
func (r *windowsRun) variables(ctx context.Context, guest *imagebuild.Guest) (string, error) {
	all, err := r.vars(ctx, guest, r.env)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, kv := range all {
		name, v, _ := strings.Cut(kv, "=")
		fmt.Fprintf(&b, r.format, name, r.quote.Replace(v))
		if r.varsPath != "" {
			b.WriteString("\r\n")
		}
	}
	return b.String(), nil
}

// judge says whether the end of a script is a success.
func (r *windowsRun) judge(err error) error {
	valid := r.ints("valid_exit_codes")
	if len(valid) == 0 {
		valid = []int{0}
	}
	status, ended := exitStatus(err)
	switch {
	case !ended || err != nil && !slices.Contains(valid, status):
		return err
	case !slices.Contains(valid, status):
		return fmt.Errorf("exit status 0 is none of valid_exit_codes, %v", valid)
	}
	return nil
}

// clean removes what was uploaded.
func (r *windowsRun) clean(ctx context.Context, client remote) {
	line := fmt.Sprintf(`powershell -NoProfile -Command "Remove-Item -Force -LiteralPath %s, %s"`, winrm.Quote(r.path), winrm.Quote(r.varsPath))
	if err := r.runOn(ctx, client, r.name, line); err != nil {
		r.say(imagebuild.Output{Step: r.name, Line: "the script could not be removed: " + err.Error(), Stderr: true})
	}
}
