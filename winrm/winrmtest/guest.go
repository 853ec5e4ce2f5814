package winrmtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Guest is an Exec that stands for a Windows guest: it plays the scripts of
// package winrm on a directory, in which C:\Windows is c:/Windows, knows shutdown,
// and runs everything else by this host's sh: command lines, batch files and
// PowerShell scripts alike, so they are to be written for sh.
type Guest struct {
	// Dir is the directory that paths start in. It is required.
	Dir string
	// BootID is what differs from one boot to the next. Nil means a number
	// that every "shutdown /r" makes larger.
	BootID func() string
	// Shutdown is called by the command shutdown, with what it was called with.
	// Nil does nothing.
	Shutdown func(line string)

	mu    sync.Mutex
	boots int
}

var (
	marked  = regexp.MustCompile(`\A# bootscribe: (\w+)\n`)
	path    = regexp.MustCompile(`(?m)^\$path = '((?:[^']|'')*)'$`)
	setting = regexp.MustCompile(`(?m)^\$(?:\{env:(\w+)\}|env:(\w+)) ?= ?['"](.*?)['"];? ?\r?$`)
	batch   = regexp.MustCompile(`^set "(\w+)=([^"]*)" && `)
	quoted  = regexp.MustCompile(`^"([^"]+\.(?:bat|cmd))"$`)
	removal = regexp.MustCompile(`Remove-Item -Force -LiteralPath '([^']+)', '([^']+)'`)
	// A line that a task runs, and as whom.
	tasked = regexp.MustCompile(`(?s)\A\$line = '((?:[^']|'')*)'\n\$user = '([^']*)'\n.*Schedule\.Service`)
	// A script with its variables, as a template's powershell provisioner runs
	// it.
	sourced = regexp.MustCompile(`(?i)^(?:powershell|pwsh).*\. ([^ ;]+); ?&'([^']+)'; ?exit \$LastExitCode`)
)

// Exec runs a command.
func (g *Guest) Exec(ctx context.Context, call *Call) int {
	if call.Script != "" {
		messages := &clixml{to: call.Stderr}
		defer messages.end()
		call.Stderr = messages
	}
	err := g.exec(ctx, call)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(call.Stderr, err)
		return 1
	}
	return 0
}

// clixml is how Windows PowerShell writes messages to standard error.
type clixml struct {
	to    io.Writer
	begun bool
}

// Write writes p as one message.
func (c *clixml) Write(p []byte) (int, error) {
	if !c.begun {
		c.begun = true
		_, _ = io.WriteString(c.to, "#< CLIXML\r\n"+`<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">`)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(p), "_x", "_x005F_x"), "\n", "_x000D__x000A_")
	_, err := io.WriteString(c.to, `<S S="Error">`+escape(text)+`</S>`)
	return len(p), err
}

func (c *clixml) end() {
	if c.begun {
		_, _ = io.WriteString(c.to, "</Objs>")
	}
}

func (g *Guest) exec(ctx context.Context, call *Call) error {
	if m := marked.FindStringSubmatch(call.Script); m != nil {
		return g.play(m[1], call)
	}
	if strings.HasPrefix(call.Line, "shutdown") {
		g.shutdown(call.Line)
		return nil
	}
	script, err := g.script(call)
	if err != nil {
		return err
	}
	if m := tasked.FindStringSubmatch(script); m != nil {
		call.Line, call.Script, call.Env = strings.ReplaceAll(m[1], "''", "'"), "", append(call.Env, "USERNAME="+m[2])
		return g.exec(ctx, call)
	}
	for m := batch.FindStringSubmatch(script); m != nil; m = batch.FindStringSubmatch(script) {
		call.Env = append(call.Env, m[1]+"="+m[2])
		script = strings.TrimPrefix(script, m[0])
	}
	if m := removal.FindStringSubmatch(script); m != nil {
		return errors.Join(os.Remove(g.place(m[1])), os.Remove(g.place(m[2])))
	}
	if m := quoted.FindStringSubmatch(script); m != nil {
		text, err := os.ReadFile(g.place(m[1]))
		if err != nil {
			return err
		}
		script = string(text)
	}
	return g.sh(ctx, call, strings.ReplaceAll(script, "\r\n", "\n"))
}

func (g *Guest) shutdown(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if strings.Contains(line, "/r") {
		g.boots++
	}
	if g.Shutdown != nil {
		g.Shutdown(line)
	}
}

// script returns what a call runs: a script in its line, on standard input or in
// a file, or else the line.
func (g *Guest) script(call *Call) (string, error) {
	m := sourced.FindStringSubmatch(call.Line)
	switch {
	case strings.Contains(call.Script, "FromBase64String(-join @($input))"):
		text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, call.Stdin))
		return string(text), err
	case call.Script != "":
		return call.Script, nil
	case m == nil:
		return call.Line, nil
	}
	vars, err := os.ReadFile(g.place(m[1]))
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(g.place(m[2]))
	return setting.ReplaceAllString(string(vars), "export $1$2='$3'") + "\n" + string(text), err
}

func (g *Guest) sh(ctx context.Context, call *Call, script string) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir, cmd.Env = g.Dir, append(os.Environ(), call.Env...)
	cmd.Stdout, cmd.Stderr = call.Stdout, call.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { // ends with the command's standard input
		_, _ = io.Copy(in, call.Stdin)
		_ = in.Close()
	}()
	return cmd.Wait()
}

// place returns where a path of the guest's is here.
func (g *Guest) place(name string) string {
	name = strings.ReplaceAll(strings.Trim(name, "'"), `\`, "/")
	return filepath.Join(g.Dir, filepath.Join("/", name))
}

// play does what a script of package winrm does.
func (g *Guest) play(what string, call *Call) error {
	name := ""
	if m := path.FindStringSubmatch(call.Script); m != nil {
		name = g.place(strings.ReplaceAll(m[1], "''", "'"))
	}
	switch what {
	case "ready":
		return nil
	case "boot":
		_, err := fmt.Fprintln(call.Stdout, g.boot())
		return err
	case "upload":
		return upload(name, call.Stdin)
	case "download":
		return download(name, call.Stdout)
	}
	return fmt.Errorf("no script %q", what)
}

func (g *Guest) boot() string {
	if g.BootID != nil {
		return g.BootID()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return fmt.Sprint("boot ", g.boots)
}

// upload reads the lines of an upload.
func upload(root string, from io.Reader) error {
	var name string
	var data []byte
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			return errors.New("an empty line")
		}
		rest, err := base64.StdEncoding.DecodeString(line[1:])
		switch line[0] {
		case '/':
			err = errors.Join(err, os.MkdirAll(filepath.Join(root, string(rest)), 0o755))
		case '>':
			name, data = filepath.Join(root, string(rest)), nil
		case '+':
			data = append(data, rest...)
		case '=':
			if got := fmt.Sprintf("%X", sha256.Sum256(data)); got != line[1:] {
				return errors.New("what arrived is not what was sent")
			}
			err = errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o755))
		default:
			err = fmt.Errorf("no line of an upload: %q", line)
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

// download prints the lines of a download.
func download(root string, to io.Writer) error {
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return downloadFile(root, "", to)
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		as, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if as == "." {
			as = ""
		}
		as = filepath.ToSlash(as)
		if d.IsDir() {
			_, err = fmt.Fprintf(to, "/%s\r\n", base64.StdEncoding.EncodeToString([]byte(as)))
			return err
		}
		return downloadFile(path, as, to)
	})
}

func downloadFile(name, as string, to io.Writer) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, ">%s\r\n", base64.StdEncoding.EncodeToString([]byte(as)))
	const piece = 48 << 10
	for rest := data; len(rest) > 0; {
		n := min(piece, len(rest))
		fmt.Fprintf(&b, "+%s\r\n", base64.StdEncoding.EncodeToString(rest[:n]))
		rest = rest[n:]
	}
	fmt.Fprintf(&b, "=%X\r\n", sha256.Sum256(data))
	for out := b.Bytes(); len(out) > 0; {
		n := min(32<<10, len(out))
		if _, err := to.Write(out[:n]); err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}
