package imagebuild

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
)

// A shell on the serial port is typed to as on a keyboard: text, keys that edit
// it, what is not echoed, and waits for what it says.
func TestTypeSerial(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`The quick brown fox <"jumps"> over $1,234.56 & {lazy} dogs~ `, 5)
	b, r := linux(t,
		TypeSerialFunc(func(v Vars) string {
			return `<wait "` + typeguest.LinuxPrompt + `">cat >/tmp.txt<enter>` + keyseq.Quote(text) + v.Name + "<enter><leftCtrlOn>d<leftCtrlOff>"
		}),
		TypeSerial(`<wait "typeguest# ">cat /tmp.txt | sed 's/^/it says /'<enter>`),
		WaitSerial("\r\nit says "+regexp.QuoteMeta(text)+"out\r\n"),
		// Editing: the wrong word goes, and the line is run again by the arrow.
		TypeSerial(`<wait "# ">echo no<bs*2>y$((40+2))s<left>e<home><del><wait still 300ms>e<enter>`),
		WaitSerial("\r\ny42es\r\n"),
		TypeSerial(`<wait "# "><up><enter>`),
		WaitSerial("\r\ny42es\r\n"),
		// A key that ends a program, and a line that does not echo.
		TypeSerial(`sleep 10000<enter><wait still 300ms><leftCtrlOn>c<leftCtrlOff><wait "\^C(?s:.*)# ">`),
		TypeSerial(`read -s -p 'Pass''word: ' p; echo "it was $p"<enter><wait "Password: ">hunter2<enter><wait "it was hunter2\r\n">`),
		TypeSerial("poweroff -f<enter>"),
		WaitShutdown())
	if _, err := b.Run(later(t)); err != nil {
		t.Fatal(err)
	}
	modes := map[qemu.Mode]bool{}
	for _, e := range only[Typing](r) {
		modes[e.Mode] = true
	}
	if !modes[ModeEcho] || !modes[qemu.ModeInterval] {
		t.Errorf("typed in the modes %v, want both by the echo and, where nothing echoes, without", modes)
	}
	typed := only[Typed](r)
	if last := typed[len(typed)-1].Progress; last.Index != last.Total || last.Total != len("poweroff -f")+1 {
		t.Errorf("typed: %+v", last)
	}
}

// What cannot be typed on a serial port is found before the machine starts.
func TestTypeSerialValidate(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button,
		TypeSerial("<leftSuper>"), TypeSerial(`<wait "x" row=0>`), TypeSerial(`<wait fetch "/none">`), TypeSerial("<bs*0>"))
	b.Files = httpserve.Text{"there": "x"}
	b.VM.NoSerial = true
	err := b.Validate(soon(t))
	for _, want := range []string{
		`Steps[0] "type on the serial port": keyseq: check 1:1: <leftSuper> has no bytes on a line`,
		"Steps[1]", "a line has no rows", "Steps[2]", `hold "none"`, "Steps[3]", "NoSerial is set",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
