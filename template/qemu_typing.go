package template

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/keyseq"
)

// typing makes steps of boot_wait, and of boot_command or boot_steps.
func (q *qemuBuilder) typing() {
	q.exclusive("boot_command", "boot_steps")
	for _, option := range []string{"boot_command", "boot_steps"} {
		if q.given(option) && q.yes("disable_vnc") {
			q.fail(option, "cannot be typed with disable_vnc", "remove disable_vnc, under which nothing listens either")
		}
	}
	layout, err := keyseq.LayoutByName(q.str("keyboard_layout"))
	if err != nil {
		q.fail("keyboard_layout", err.Error(), "")
		return
	}
	wait := 10 * time.Second
	if q.given("boot_wait") {
		wait = q.duration("boot_wait")
	}
	var commands []Command
	if v := q.values["boot_command"]; v != nil && !empty(v) {
		commands = []Command{{Text: strings.Join(v.texts(), "")}}
	}
	if v := q.values["boot_steps"]; v != nil {
		for _, e := range v.list {
			c := Command{Text: e.list[0].text}
			if len(e.list) > 1 {
				c.Description = e.list[1].text
			}
			if len(e.list) > 2 {
				q.failAt(e.at, "boot_steps", fmt.Sprintf("a step of %d strings", len(e.list)), "a step is a command and a description")
			}
			commands = append(commands, c)
		}
	}
	serial := q.given("boot_serial")
	if (len(commands) > 0 || serial) && wait > 0 {
		q.steps = append(q.steps, q.bootWait(wait))
	}
	for i, c := range commands {
		q.command(i, c, layout)
	}
	if serial {
		q.serial(q.values["boot_serial"])
	}
	switch q.or("communicator", "ssh") {
	case "ssh":
		q.steps = append(q.steps, q.connect()...)
	case "winrm":
		q.steps = append(q.steps, q.connectWinRM()...)
	}
}

// bootWait is the pause before the first key. Where the caller is eager it ends
// as soon as the screen stands still.
func (q *qemuBuilder) bootWait(d time.Duration) imagebuild.Step {
	if !q.eager {
		return imagebuild.Pause(d)
	}
	return imagebuild.Step{Name: fmt.Sprintf("wait until the screen is still, for at most %v", d), Do: func(ctx context.Context, g *imagebuild.Guest) error {
		inner, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		err := g.WaitStill(inner, min(time.Second, d/2+1))
		if inner.Err() != nil && ctx.Err() == nil {
			return nil // it did not come to rest: as good as boot_wait
		}
		return err
	}}
}

// command adds the step that types a boot command, and looks at it beforehand.
func (q *qemuBuilder) command(i int, c Command, layout *keyseq.Layout) {
	option := "boot_command"
	if q.given("boot_steps") {
		option = fmt.Sprintf("boot_steps[%d]", i)
	}
	var at place
	if v := q.values["boot_command"]; v != nil {
		at = v.at
	} else {
		at = q.values["boot_steps"].list[i].at
	}
	render := q.renderer(c.Text)
	text, err := render(exampleVars(q))
	if err != nil {
		q.failAt(at, option, err.Error(), "")
		return
	}
	c.Text = text
	q.b.Commands = append(q.b.Commands, c)
	q.look(at, option, c.Text, layout)
	name := "type the boot command"
	if c.Description != "" {
		name = "type " + c.Description
	}
	o := &imagebuild.TypeOptions{Layout: layout, Interval: max(0, q.duration("boot_key_interval"))}
	q.steps = append(q.steps, imagebuild.Step{Name: name, Do: func(ctx context.Context, g *imagebuild.Guest) error {
		text, err := render(g.Vars)
		if err != nil {
			return err
		}
		return g.Type(ctx, text, o)
	}})
}

// serial adds the step that types on the serial port.
func (q *qemuBuilder) serial(v *value) {
	render := q.renderer(strings.Join(v.texts(), ""))
	text, err := render(exampleVars(q))
	if err != nil {
		q.failAt(v.at, "boot_serial", err.Error(), "")
		return
	}
	q.b.Serial = text
	seq, err := keyseq.Parse(text)
	if err == nil {
		err = seq.CheckLine()
	}
	if err != nil {
		for _, err := range flatten(err) {
			q.failAt(v.at, "boot_serial", strings.TrimPrefix(err.Error(), "keyseq: "), "")
		}
		return
	}
	o := &imagebuild.SerialOptions{Interval: max(0, q.duration("boot_key_interval"))}
	q.steps = append(q.steps, imagebuild.Step{Name: "type on the serial port", Do: func(ctx context.Context, g *imagebuild.Guest) error {
		text, err := render(g.Vars)
		if err != nil {
			return err
		}
		return g.TypeSerial(ctx, text, o)
	}})
}

// exampleVars are variables as a build will have them.
func exampleVars(q *qemuBuilder) imagebuild.Vars {
	v := imagebuild.Vars{Name: q.vmName, HTTPIP: q.hostAddress()}
	if q.given("http_directory") || q.given("http_content") {
		v.HTTPPort = 8000
		if q.given("http_port_min") {
			v.HTTPPort = q.int("http_port_min")
		}
	}
	return v
}

// hostAddress is where the guest finds this host, as far as the template says
// it: on a bridge that is known when the machine starts.
func (q *qemuBuilder) hostAddress() string {
	switch h := q.b.Image.HTTP; {
	case h.Addr != "" && h.Addr != "0.0.0.0" && h.Addr != "::" && h.Addr != "127.0.0.1" && h.Addr != "::1":
		return h.Addr
	case h.IPv6 || h.Addr == "::1":
		return "fec0::2"
	}
	return "10.0.2.2"
}

// renderer returns the function that renders a boot command. Line ends and
// other control characters, which no key types, are left out as in Packer.
func (q *qemuBuilder) renderer(text string) func(imagebuild.Vars) (string, error) {
	e, name, host := q.engine, q.vmName, q.hostAddress()
	return func(v imagebuild.Vars) (string, error) {
		ip := v.HTTPIP
		if ip == "" {
			ip = host
		}
		out, err := e.render(text, map[string]any{"HTTPIP": ip, "HTTPPort": v.HTTPPort, "Name": name, "SSHPublicKey": v.SSHPublicKey})
		return strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, out), err
	}
}

// look reports what is wrong with a rendered boot command, and what is odd.
func (q *qemuBuilder) look(at place, option, text string, layout *keyseq.Layout) {
	seq, err := keyseq.Parse(text)
	if err == nil {
		err = seq.Check(layout)
	}
	if err != nil {
		for _, err := range flatten(err) {
			at, remedy := at, ""
			var syntax *keyseq.SyntaxError
			var untypable *keyseq.LayoutError
			if errors.As(err, &syntax) {
				at = q.element(at, option, syntax.Token)
			}
			if errors.As(err, &untypable) && len(untypable.Untyped) > 0 {
				at = q.element(at, option, string(untypable.Untyped[0].Rune))
				remedy = "leave the characters out, or say with keyboard_layout which keyboard the guest has then"
			}
			q.failAt(at, option, strings.TrimPrefix(err.Error(), "keyseq: "), remedy)
		}
		return
	}
	for _, f := range keyseq.Lint(text, layout) {
		if f.Severity == keyseq.SeverityWarning {
			remedy := ""
			if f.Suggestion != "" {
				remedy = "write " + f.Suggestion
			}
			q.warnings = append(q.warnings, at.error(q.field(option), f.Msg, remedy))
		}
	}
	if v := q.values[option]; v != nil {
		for _, e := range v.list {
			if strings.ContainsAny(e.text, "\n\t") {
				q.warnings = append(q.warnings, e.at.error(q.field(option), "has line ends or tabs, which no key types", "write <enter> or <tab>"))
			}
		}
	}
}

// element finds the string of boot_command that a token is in.
func (q *qemuBuilder) element(at place, option, token string) place {
	if v := q.values[option]; v != nil && token != "" {
		for _, e := range v.list {
			if strings.Contains(e.text, token) {
				return e.at
			}
		}
	}
	return at
}

// content serves http_content: rendered with the user's variables now, and with
// those of the machine by the server.
func (q *qemuBuilder) content() {
	marks := map[string]any{"HTTPIP": "\x00HTTPIP\x00", "HTTPPort": "\x00HTTPPort\x00", "Name": q.vmName, "SSHPublicKey": "\x00SSHPublicKey\x00"}
	files := httpserve.Text{}
	for _, m := range q.values["http_content"].members {
		option := fmt.Sprintf("http_content[%q]", m.name)
		if !strings.HasPrefix(m.name, "/") {
			q.failAt(m.at, option, "a path without a slash at its beginning", fmt.Sprintf("write %q", "/"+m.name))
			continue
		}
		text, err := q.engine.render(m.text, marks)
		if err != nil {
			q.failAt(m.value.at, option, err.Error(), "")
			continue
		}
		text = strings.ReplaceAll(text, "{{", `{{"{{"}}`)
		for name := range marks {
			text = strings.ReplaceAll(text, "\x00"+name+"\x00", "{{."+name+"}}")
		}
		files[strings.TrimLeft(m.name, "/")] = text
	}
	q.b.Image.Templates = files
}
