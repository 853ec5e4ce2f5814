// Package guest holds the smallest of guests: boot sectors of 512 bytes that a
// PC BIOS starts within a tenth of a second, each of which does one thing that
// a test waits for.
//
//	disk := guest.Disk(t, guest.PowerOff)
//	cmd := exec.Command("qemu-system-x86_64", "-drive", "format=raw,file="+disk)
//
// Their sources are the .S files beside this one. `go generate` assembles them
// anew, and the tests do so too and compare, where binutils are.
package guest

//go:generate go test -run=TestAssembled -update

import (
	_ "embed"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Boot sectors that need no tuning. They are not to be changed.
var (
	// Exit ends QEMU with status 85, given
	// -device isa-debug-exit,iobase=0x501,iosize=1.
	//
	//go:embed exit.bin
	Exit []byte

	// PowerOff powers the machine off by ACPI at once (pc and q35, SeaBIOS).
	//
	//go:embed poweroff.bin
	PowerOff []byte

	// Button says "R" on COM1, waits for the power button and powers off.
	//
	//go:embed button.bin
	Button []byte

	// Reset resets the machine, again and again.
	//
	//go:embed reset.bin
	Reset []byte

	// Echo says "R" on COM1 and then each key that is typed, as ASCII.
	//
	//go:embed echo.bin
	Echo []byte

	// Install says "R" on COM1 and then each key that is typed, as ASCII. At
	// Enter it writes what was typed to the first sector of the first disk,
	// says "W" ("E" if it cannot), waits for the power button and powers off.
	// At Escape it powers off at once.
	//
	//go:embed install.bin
	Install []byte

	// Talk says [TalkDots] dots on COM1 without looking whether the line is
	// free, and powers off.
	//
	//go:embed talk.bin
	Talk []byte
)

// TalkDots is how much [Talk] says.
const TalkDots = 30000

//go:embed keyread.bin
var keyRead []byte

//go:embed fill.bin
var fill []byte

//go:embed show.bin
var show []byte

// What the guests that end QEMU make it exit with.
const (
	ExitStatus       = 85 // of Exit
	FillDoneStatus   = 35 // of Fill, when all was written
	FillFailedStatus = 69 // of Fill, when a write failed
)

// Where in its memory [KeyRead] keeps what was typed.
const (
	KeyReadCount  = 0x7e00 // a 16-bit word: how many keys
	KeyReadBuffer = 0x8000 // a byte of ASCII for each
)

// Where the sources leave room for a test's wishes.
const (
	patchWords = 0x1f0
	patchText  = 0x080
	maxText    = 510 - patchText - 1
)

// KeyRead returns a guest that reads keys into its memory, at [KeyReadBuffer].
// After each key it reads an I/O port delay times, to be slow, and prints the
// key if echo is set.
func KeyRead(delay uint16, echo bool) []byte {
	b := slices.Clone(keyRead)
	binary.LittleEndian.PutUint16(b[patchWords:], delay)
	if echo {
		b[patchWords+2] = 1
	}
	return b
}

// Fill returns a guest that writes the second disk from its start up to the
// given sector, 64 sectors at a time, and then ends QEMU as [Exit] does, with
// [FillDoneStatus] or [FillFailedStatus].
func Fill(sectors uint32) []byte {
	b := slices.Clone(fill)
	binary.LittleEndian.PutUint32(b[patchWords:], sectors)
	return b
}

// Show returns a guest that prints text on the screen and on COM1 and halts.
// Lines end with "\n". The text is code page 437, at most 381 bytes with a
// byte more for each line; what is beyond is not shown.
func Show(text string) []byte {
	b := slices.Clone(show)
	text = strings.ReplaceAll(text, "\n", "\r\n")
	copy(b[patchText:patchText+maxText], text)
	return b
}

// Disk writes a boot sector to a raw disk image of 1 MiB in the test's
// temporary directory and returns its path.
func Disk(t testing.TB, sector []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "guest.img")
	image := make([]byte, 1<<20)
	copy(image, sector)
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
