package template

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/winrm"
)

// generator is what the steps of a build know of it when they run.
type generator struct {
	build      *Build
	say        func(imagebuild.Event)
	breakpoint func(context.Context, string) error
	pty        bool
	idle       time.Duration
	port       int
	keyFile    string
	none       bool   // the communicator is none
	run        string // a number for this run: PackerRunUUID
}

// generated are the names that the function build knows.
var generated = []string{"ID", "Host", "Port", "User", "Password", "ConnType", "PackerRunUUID", "PackerHTTPIP", "PackerHTTPPort",
	"PackerHTTPAddr", "SSHPublicKey", "SSHPrivateKey", "SSHPrivateKeyFile", "SSHAgentAuth", "WinRMPassword"}

// mark is what the function build gives before the machine runs; fill puts the
// value in its place.
func mark(name string) (string, error) {
	if !slices.Contains(generated, name) {
		return "", fmt.Errorf("function build knows no %q; %s", name, meant(name, generated))
	}
	return "\x00build." + name + "\x00", nil
}

// fill replaces the marks in a text by what is known of the running machine.
func (g *generator) fill(ctx context.Context, guest *imagebuild.Guest, text string) (string, error) {
	for _, name := range generated {
		m, _ := mark(name)
		if !strings.Contains(text, m) {
			continue
		}
		v, err := g.value(ctx, guest, name)
		if err != nil {
			return "", err
		}
		text = strings.ReplaceAll(text, m, v)
	}
	return text, nil
}

func (g *generator) value(ctx context.Context, guest *imagebuild.Guest, name string) (string, error) {
	c := g.build.Image.SSH
	if g.winrm() {
		c = ssh.Config{User: g.build.Image.WinRM.User, Password: ssh.Secret(g.build.Image.WinRM.Password)}
	}
	switch name {
	case "ID":
		return guest.Name, nil
	case "User":
		return c.User, nil
	case "Password":
		return string(c.Password), nil
	case "ConnType":
		switch {
		case c.User == "":
			return "none", nil
		case g.winrm():
			return "winrm", nil
		}
		return "ssh", nil
	case "PackerRunUUID":
		return g.run, nil
	case "PackerHTTPIP":
		return guest.HTTPIP, nil
	case "PackerHTTPPort":
		return strconv.Itoa(guest.HTTPPort), nil
	case "PackerHTTPAddr":
		return strings.TrimPrefix(guest.URL, "http://"), nil
	case "SSHPublicKey":
		return guest.SSHPublicKey, nil
	case "SSHPrivateKeyFile":
		return g.keyFile, nil
	case "SSHAgentAuth":
		return strconv.FormatBool(c.UseAgent), nil
	case "WinRMPassword":
		return string(g.build.Image.WinRM.Password), nil
	case "Host", "Port":
		return g.address(ctx, guest, name)
	}
	return "", fmt.Errorf("build %s is not supported yet; leave it out", name)
}

func (g *generator) address(ctx context.Context, guest *imagebuild.Guest, name string) (string, error) {
	if host, port, ok := cutPort(g.build.Image.SSH.Addr); ok {
		if name == "Host" {
			return host, nil
		}
		return port, nil
	}
	find := guest.SSHAddr
	if g.winrm() {
		find = guest.WinRMAddr
	}
	addr, err := find(ctx)
	if err != nil {
		return "", err
	}
	host, port, _ := cutPort(addr)
	if name == "Host" {
		return host, nil
	}
	return port, nil
}

func cutPort(addr string) (host, port string, ok bool) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return "", "", false
	}
	return strings.Trim(addr[:i], "[]"), addr[i+1:], true
}

// environment are the variables that Packer sets for scripts.
func (g *generator) environment(guest *imagebuild.Guest) []string {
	env := []string{"PACKER_BUILD_NAME=" + g.build.Name, "PACKER_BUILDER_TYPE=" + g.build.Type}
	if guest.URL != "" {
		env = append(env, "PACKER_HTTP_ADDR="+strings.TrimPrefix(guest.URL, "http://"), "PACKER_HTTP_IP="+guest.HTTPIP, "PACKER_HTTP_PORT="+strconv.Itoa(guest.HTTPPort))
	}
	return env
}

// lines passes on what a command prints, line by line.
type lines struct {
	step   string
	stderr bool
	say    func(imagebuild.Event)
	rest   []byte
}

// Write takes any piece of the output.
func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < 64<<10 {
			return len(p), nil
		}
		if i < 0 {
			i = len(l.rest) - 1
		}
		l.emit(l.rest[:i])
		l.rest = l.rest[i+1:]
	}
}

func (l *lines) emit(line []byte) {
	text := strings.TrimRight(string(line), "\r")
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:] // of progress only the last
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	l.say(imagebuild.Output{Step: l.step, Line: text, Stderr: l.stderr})
}

func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.emit(l.rest)
		l.rest = nil
	}
}

// command runs a command line in the guest and passes on what it prints.
func (g *generator) command(ctx context.Context, client *ssh.Client, step, line string) error {
	stdout, stderr := &lines{step: step, say: g.say}, &lines{step: step, stderr: true, say: g.say}
	defer stdout.flush()
	defer stderr.flush()
	return client.Run(ctx, &ssh.Command{Line: line, Name: step, Stdout: stdout, Stderr: stderr, PTY: g.pty, IdleTimeout: g.idle})
}

// lost tells whether a command ended with its connection, or could not be begun
// since the guest was not there.
func lost(err error) bool {
	var l *ssh.LostError
	var w *winrm.LostError
	var d *winrm.DialError
	return errors.As(err, &l) || errors.As(err, &w) || errors.As(err, &d) && d.Reason < winrm.Auth
}
