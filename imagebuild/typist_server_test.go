package imagebuild_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/vnc"
)

// A QEMU that others have started, with a TCP port and its own delay of 10 ms
// between keys, is typed on by its VNC server alone.
func TestTypistServer(t *testing.T) {
	t.Parallel()
	k := readKeys(t, guest.KeyRead(0, true), func(c *qemu.Config) {
		c.Args = []qemu.ArgEdit{{Op: qemu.ArgReplace, Option: "-vnc", Value: "127.0.0.1:0,to=999"}}
	})
	var server struct{ Service string }
	if err := k.VM.QMP().Execute(t.Context(), "query-vnc", nil, &server); err != nil {
		t.Fatal(err)
	}
	conn, err := vnc.Dial(t.Context(), "tcp", "127.0.0.1:"+server.Service, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	alone := imagebuild.Typist{VNC: conn, Observe: k.observe}
	text := printable(40)
	if err := alone.Play(t.Context(), typing(text), &imagebuild.TypeOptions{Mode: imagebuild.ModeEcho}); err != nil {
		t.Fatal(err)
	}
	if got := k.text(len(text)); got != text || len(k.modes) != 1 {
		t.Errorf("arrived: %q, modes %+v", got, k.modes)
	}
}

// A QEMU that was started with -k reads keysyms as of that layout. Where the
// guest's is another, that is seen with the first character that differs.
func TestTypistServerLayout(t *testing.T) {
	t.Parallel()
	program := need.Tool(t, "qemu-system-x86_64")
	for _, tt := range []struct {
		layout, text string
		ok           bool
	}{
		{"en-us", "Lazy (zebra) & yak?", true},
		{"de", "quick brown fox", true},
		{"de", "a crazed dog", false},
	} {
		t.Run(tt.layout+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			socket := filepath.Join(t.TempDir(), "vnc")
			ctx, cancel := context.WithCancel(context.Background())
			cmd := exec.CommandContext(ctx, program, "-accel", "tcg", "-m", "32", "-nodefaults", "-vga", "std", "-display", "none",
				"-drive", "format=raw,file="+guest.Disk(t, guest.KeyRead(0, true)), "-vnc", "unix:"+socket, "-k", tt.layout)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cancel()
			k := &seen{}
			k.Typist = &imagebuild.Typist{VNC: dialled(t, socket), Observe: k.observe}
			waitText(t, k.VNC, "Booting from Hard Disk...")
			err := k.Play(t.Context(), typing(tt.text), &imagebuild.TypeOptions{Mode: imagebuild.ModeEcho})
			if tt.ok && err != nil {
				t.Fatal(err)
			}
			if !tt.ok && (!errors.Is(err, qemu.ErrForeignKeys) || !strings.Contains(fmt.Sprint(err), "'z' was typed and the screen shows 'y'")) {
				t.Errorf("%v", err)
			}
		})
	}
}

// The screen is read with the fonts that the typist is given: with one whose y
// looks like everybody's z, a z is not seen.
func TestTypistFonts(t *testing.T) {
	t.Parallel()
	k := readKeys(t, guest.KeyRead(0, true), nil)
	fonts := screen.SystemFonts()
	for _, f := range fonts {
		f.Glyphs = slices.Clone(f.Glyphs)
		for i, g := range f.Glyphs {
			switch g.Rune {
			case 'y':
				f.Glyphs[i].Rune = 'z'
			case 'z':
				f.Glyphs[i].Rune = 'y'
			}
		}
	}
	alone := imagebuild.Typist{VNC: k.VNC, Fonts: fonts}
	err := alone.Play(t.Context(), typing("abcz"), &imagebuild.TypeOptions{Mode: imagebuild.ModeEcho})
	if !errors.Is(err, qemu.ErrForeignKeys) || !strings.Contains(fmt.Sprint(err), "'z' was typed and the screen shows 'y'") {
		t.Errorf("%v", err)
	}
}

// dialled connects to a socket that may not be there yet.
func dialled(t *testing.T, socket string) *vnc.Conn {
	t.Helper()
	for try := 0; ; try++ {
		conn, err := vnc.Dial(t.Context(), "unix", socket, nil)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if try == 600 {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// waitText waits until the screen says something.
func waitText(t *testing.T, conn *vnc.Conn, want string) {
	t.Helper()
	var reader screen.Reader
	for range 600 {
		text, err := reader.Read(conn.Screen())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the screen does not say %q", want)
}
