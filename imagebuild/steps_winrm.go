package imagebuild

import (
	"context"
	"fmt"
	"strings"

	"github.com/bootscribe/bootscribe/winrm"
)

// WaitWinRM returns a step that waits until the guest lets us in by WinRM and
// runs PowerShell.
func WaitWinRM() Step {
	return Step{
		Name:  "wait for WinRM",
		check: needsWinRM,
		Do:    func(ctx context.Context, g *Guest) error { return g.WaitWinRM(ctx) },
	}
}

// PowerShell returns a step that runs a PowerShell script in the guest by WinRM.
// It fails where the script ends by an error or with an exit status other than 0.
func PowerShell(script string) Step {
	name, _, _ := strings.Cut(strings.TrimSpace(script), "\n")
	return Step{
		Name:  fmt.Sprintf("run %q", name),
		check: needsWinRM,
		Do: func(ctx context.Context, g *Guest) error {
			return g.runByWinRM(ctx, &winrm.Command{PowerShell: script, Name: name})
		},
	}
}

// CommandLine returns a step that runs a command line in the guest by WinRM: with
// cmd.exe.
func CommandLine(line string) Step {
	return Step{
		Name:  fmt.Sprintf("run %q", line),
		check: needsWinRM,
		Do:    func(ctx context.Context, g *Guest) error { return g.runByWinRM(ctx, &winrm.Command{Line: line}) },
	}
}
