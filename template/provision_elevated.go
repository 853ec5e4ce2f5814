package template

import (
	"context"
	"io"

	"github.com/bootscribe/bootscribe/winrm"
)

// elevatedBody runs $line as a task of $user with the highest rights, and passes
// on what it prints and how it ends. What a login from afar may not do, such as
// installing updates, a task may.
const elevatedBody = `$ErrorActionPreference = 'Stop'
$name = 'bootscribe-' + [Guid]::NewGuid()
$out = Join-Path $env:SystemRoot "Temp\$name.out"
$service = New-Object -ComObject Schedule.Service
$service.Connect()
$task = $service.NewTask(0)
$task.Principal.RunLevel = 1 # the highest
$task.Settings.ExecutionTimeLimit = 'PT0S'
$task.Settings.DisallowStartIfOnBatteries = $false
$task.Settings.StopIfGoingOnBatteries = $false
$action = $task.Actions.Create(0) # a program
$action.Path = 'cmd.exe'
$action.Arguments = '/c "' + $line + ' > "' + $out + '" 2>&1"'
$logon = 1 # with a password
if (-not $password) { $password = $null; $logon = 5 } # a service's account, such as SYSTEM
$folder = $service.GetFolder('\')
[void]$folder.RegisterTaskDefinition($name, $task, 6, $user, $password, $logon, $null)
$at = 0
$to = [Console]::OpenStandardOutput()
try {
$registered = $folder.GetTask($name)
[void]$registered.Run($null)
do {
Start-Sleep -Milliseconds 200
$status = $registered.LastTaskResult
$state = $registered.State
if (Test-Path -LiteralPath $out) {
$from = [IO.File]::Open($out, 'Open', 'Read', 'ReadWrite')
[void]$from.Seek($at, 'Begin')
$bytes = New-Object byte[] ($from.Length - $at)
$n = $from.Read($bytes, 0, $bytes.Length)
$from.Close()
$to.Write($bytes, 0, $n)
$to.Flush()
$at += $n
}
} while ($state -eq 2 -or $state -eq 4 -or $status -eq 267009 -or $status -eq 267011) # queued or running, or not yet begun
} finally {
$folder.DeleteTask($name, 0)
if (Test-Path -LiteralPath $out) { Remove-Item -Force -LiteralPath $out }
}
exit $status
`

// elevated runs command lines with the rights of another user.
type elevated struct {
	byWinRM
	user, password string
}

func (r elevated) run(ctx context.Context, name, line string, stdout, stderr io.Writer) error {
	script := "$line = " + winrm.Quote(line) + "\n$user = " + winrm.Quote(r.user) + "\n$password = " + winrm.Quote(r.password) + "\n" + elevatedBody
	return r.c.Run(ctx, &winrm.Command{PowerShell: script, Name: name, Stdout: stdout, Stderr: stderr})
}
