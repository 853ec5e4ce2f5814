package template

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/winrm"
)

var restartOptions = []option{
	{name: "restart_command", def: `shutdown /r /f /t 0 /c "packer restart"`},
	{name: "restart_check_command", def: "echoes a word", status: differs, here: "unset: that PowerShell runs is enough; in any case Windows must have begun anew, by its oldest process"},
	{name: "restart_timeout", kind: isDuration, def: "5m"},
	{name: "check_registry", kind: isBool, def: "false"},
	{name: "registry_keys", kind: isList, def: "those of a servicing that is under way"},
}

// pendingKeys are there while Windows has something to finish after a restart.
var pendingKeys = []string{
	`HKLM:SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending`,
	`HKLM:SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\PackagesPending`,
	`HKLM:SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootInProgress`,
}

// restart restarts Windows and waits until it is there again.
func (p *provisioner) restart() work {
	if !p.winrm() {
		p.fail("", "needs WinRM, and the builder has another communicator", `write "communicator": "winrm", or use shell with expect_disconnect`)
	}
	line := p.or("restart_command", winrm.RestartLine+` /c "packer restart"`)
	timeout := 5 * time.Minute
	if p.given("restart_timeout") {
		timeout = p.duration("restart_timeout")
	}
	var checks []winrm.Command
	if s := p.str("restart_check_command"); s != "" {
		checks = append(checks, winrm.Command{Line: s, Name: "restart_check_command"})
	}
	if p.yes("check_registry") {
		keys := p.list("registry_keys")
		if len(keys) == 0 {
			keys = pendingKeys
		}
		checks = append(checks, winrm.Command{PowerShell: pendingScript(keys), Name: "check_registry"})
	}
	return func(ctx context.Context, guest *imagebuild.Guest) error {
		return limit(ctx, timeout, func(ctx context.Context) error {
			if err := guest.Reboot(ctx, line); err != nil {
				return err
			}
			for _, c := range checks {
				if err := p.until(ctx, guest, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// pendingScript is a script that fails while one of the keys is there.
func pendingScript(keys []string) string {
	var quoted []string
	for _, k := range keys {
		quoted = append(quoted, winrm.Quote(k))
	}
	return "foreach ($key in " + strings.Join(quoted, ", ") + ") { if (Test-Path $key) { [Console]::Error.WriteLine(\"$key is there\"); exit 1 } }\nexit 0"
}

// until runs a command until it succeeds.
func (p *provisioner) until(ctx context.Context, guest *imagebuild.Guest, c winrm.Command) error {
	for {
		client, err := guest.WinRM(ctx)
		if err == nil {
			if err = client.Run(ctx, &c); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		}
		if werr := wait(ctx, time.Second); werr != nil {
			return fmt.Errorf("%w; last: %w", werr, err)
		}
	}
}
