package winrm

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// quiet keeps PowerShell from drawing progress bars, which come as XML.
const quiet = "$ProgressPreference = 'SilentlyContinue'\n"

// fromStdin runs a script that comes, encoded, on standard input.
const fromStdin = "& ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String(-join @($input)))))"

// Quote returns a text as PowerShell has it between single quotes, in which
// nothing has a meaning.
func Quote(text string) string {
	// The typographic ones count as quotes too.
	return "'" + strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(text) + "'"
}

// powershell returns the command line that runs a script.
func powershell(script string) string {
	return "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -OutputFormat Text -EncodedCommand " + encodeScript(script)
}

// encodeScript returns a script as -EncodedCommand wants it.
func encodeScript(script string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(script)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// resolved are lines that put a path in the guest into $path, from the user's own
// directory, with variables such as %TEMP%.
func resolved(path string) string {
	return "$path = " + Quote(path) + "\n" +
		"$path = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath([Environment]::ExpandEnvironmentVariables($path))\n"
}

// The scripts of this package begin with a line that says what they are.
const (
	uploadMark   = "# bootscribe: upload\n"
	downloadMark = "# bootscribe: download\n"
	bootMark     = "# bootscribe: boot\n"
	readyMark    = "# bootscribe: ready\n"
)

// readyScript is what shows that PowerShell runs.
const readyScript = readyMark + "exit 0"

// bootScript prints what differs from one boot to the next: the number and the
// start of a process that is as old as the system.
const bootScript = bootMark + quiet +
	"$p = Get-WmiObject Win32_Process -Filter \"Name='wininit.exe'\"\n" +
	"'' + $p.ProcessId + ' ' + [Management.ManagementDateTimeConverter]::ToDateTime($p.CreationDate).ToFileTimeUtc()"

// uploadScript writes files below a path. The lines that it reads are a kind and
// what it needs in base64: "/" a directory, ">" a file, "+" a piece of it, and "="
// its checksum, in hexadecimal, with which it gets its name.
func uploadScript(path string) string {
	return uploadMark + `begin {
$ErrorActionPreference = 'Stop'
` + quiet + resolved(path) + `function text($s) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($s)) }
function under($s) { $s = text $s; if ($s) { Join-Path $path $s } else { $path } }
}
process {
$kind = ([string]$_).Substring(0, 1); $rest = ([string]$_).Substring(1)
if ($kind -eq '/') { [void][IO.Directory]::CreateDirectory((under $rest)) }
if ($kind -eq '>') {
$name = under $rest
[void][IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($name))
$file = [IO.File]::Create($name + '.part')
$sha = [Security.Cryptography.SHA256]::Create()
}
if ($kind -eq '+') {
$bytes = [Convert]::FromBase64String($rest)
[void]$sha.TransformBlock($bytes, 0, $bytes.Length, $bytes, 0)
$file.Write($bytes, 0, $bytes.Length)
}
if ($kind -eq '=') {
$file.Close()
[void]$sha.TransformFinalBlock((New-Object byte[] 0), 0, 0)
if ([BitConverter]::ToString($sha.Hash).Replace('-', '') -ne $rest) { [IO.File]::Delete($name + '.part'); throw 'what arrived is not what was sent' }
if ([IO.File]::Exists($name)) { [IO.File]::Delete($name) }
[IO.File]::Move($name + '.part', $name)
}
}
end { if ($file) { $file.Close() } }`
}

// downloadScript prints a file, or all below a directory, in the same lines.
func downloadScript(path string) string {
	return downloadMark + "$ErrorActionPreference = 'Stop'\n" + quiet + resolved(path) +
		`function code($s) { [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($s)) }
function say($s) { [Console]::Out.WriteLine($s) }
function copy-file($name, $as) {
say ('>' + (code $as))
$file = [IO.File]::Open($name, 'Open', 'Read', 'ReadWrite')
$sha = [Security.Cryptography.SHA256]::Create()
$bytes = New-Object byte[] 49152
while (($n = $file.Read($bytes, 0, $bytes.Length)) -gt 0) {
[void]$sha.TransformBlock($bytes, 0, $n, $bytes, 0)
say ('+' + [Convert]::ToBase64String($bytes, 0, $n))
}
$file.Close()
[void]$sha.TransformFinalBlock((New-Object byte[] 0), 0, 0)
say ('=' + [BitConverter]::ToString($sha.Hash).Replace('-', ''))
}
if ([IO.Directory]::Exists($path)) {
say '/'
$path = $path.TrimEnd('\')
Get-ChildItem -LiteralPath $path -Recurse -Force | ForEach-Object {
$as = $_.FullName.Substring($path.Length + 1).Replace('\', '/')
if ($_.Attributes -band [IO.FileAttributes]::ReparsePoint) { say ('-' + (code $as)) }
elseif ($_.PSIsContainer) { say ('/' + (code $as)) } else { copy-file $_.FullName $as }
}
} else { copy-file $path '' }`
}
