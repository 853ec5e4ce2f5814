package vnctest

import (
	"fmt"
	"strings"
	"unicode"
)

// Typed returns what the key events type on a US keyboard, in the language
// of boot commands: text as it is, but "<lt>" for a less-than sign; other
// keys by their names, as in "<enter>" or "<f1>"; held modifiers as
// "<leftCtrlOn>" and "<leftCtrlOff>". Shift and CapsLock show in the letters
// alone. As in a real machine only the physical key counts where an event
// has one; otherwise the keysym is looked up on a US keyboard, so that a
// comma with Shift is "<lt>". A key that is not on it is "<keysym 0x…>" or
// "<code 0x…>".
func Typed(keys []Key) string {
	var out strings.Builder
	t := typist{held: make(map[string]bool)}
	for _, k := range keys {
		out.WriteString(t.key(k))
	}
	return out.String()
}

// typist is the state of the keyboard.
type typist struct {
	held map[string]bool // modifiers, by name
	caps bool
}

// key returns what an event adds to the text.
func (t *typist) key(k Key) string {
	plain, shifted, ok := character(k)
	if ok {
		if !k.Down {
			return ""
		}
		return t.character(plain, shifted)
	}
	name := keyName(k)
	switch {
	case strings.HasSuffix(name, "Shift"):
		t.held[name] = k.Down
		return ""
	case isModifier(name) && t.held[name] == k.Down:
		return ""
	case isModifier(name):
		t.held[name] = k.Down
		if k.Down {
			return "<" + name + "On>"
		}
		return "<" + name + "Off>"
	case !k.Down:
		return ""
	case name == "capsLock":
		t.caps = !t.caps
	}
	return "<" + name + ">"
}

func (t *typist) character(plain, shifted rune) string {
	shift := t.held["leftShift"] || t.held["rightShift"]
	if unicode.IsLetter(plain) && t.caps {
		shift = !shift
	}
	r := plain
	if shift {
		r = shifted
	}
	if r == '<' {
		return "<lt>"
	}
	return string(r)
}

func isModifier(name string) bool {
	return strings.HasPrefix(name, "left") && name != "left" || strings.HasPrefix(name, "right") && name != "right" || name == "altGr"
}

// The characters of a US keyboard by rows, each with its first scan code.
var rows = []struct {
	code           uint16
	plain, shifted string
}{
	{0x02, "1234567890-=", "!@#$%^&*()_+"},
	{0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
	{0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
	{0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
	{0x39, " ", " "},
	{0x56, "<", ">"}, // the key that US keyboards with 102 keys have
}

// character returns what a key types without and with Shift.
func character(k Key) (plain, shifted rune, ok bool) {
	for _, row := range rows {
		if k.Code != 0 {
			if i := int(k.Code) - int(row.code); i >= 0 && i < len(row.plain) {
				return rune(row.plain[i]), rune(row.shifted[i]), true
			}
			continue
		}
		if i := indexKeysym(row.plain, row.shifted, k.Keysym); i >= 0 {
			return rune(row.plain[i]), rune(row.shifted[i]), true
		}
	}
	if r := rune(k.Keysym); k.Code == 0 && r >= 0xa0 && r <= 0xff { // Latin-1
		return r, unicode.ToUpper(r), true
	}
	return 0, 0, false
}

func indexKeysym(plain, shifted string, keysym uint32) int {
	if keysym >= 0x80 {
		return -1
	}
	if i := strings.IndexByte(plain, byte(keysym)); i >= 0 {
		return i
	}
	return strings.IndexByte(shifted, byte(keysym))
}

// names are the other keys: keysym, QEMU's scan code, name.
var names = []struct {
	keysym uint32
	code   uint16
	name   string
}{
	{0xff08, 0x0e, "bs"}, {0xff09, 0x0f, "tab"}, {0xff0d, 0x1c, "enter"}, {0xff1b, 0x01, "esc"},
	{0xffff, 0xd3, "del"}, {0xff63, 0xd2, "insert"}, {0xff50, 0xc7, "home"}, {0xff57, 0xcf, "end"},
	{0xff55, 0xc9, "pageUp"}, {0xff56, 0xd1, "pageDown"}, {0xff52, 0xc8, "up"}, {0xff54, 0xd0, "down"},
	{0xff51, 0xcb, "left"}, {0xff53, 0xcd, "right"}, {0xff67, 0xdd, "menu"},
	{0xffbe, 0x3b, "f1"}, {0xffbf, 0x3c, "f2"}, {0xffc0, 0x3d, "f3"}, {0xffc1, 0x3e, "f4"},
	{0xffc2, 0x3f, "f5"}, {0xffc3, 0x40, "f6"}, {0xffc4, 0x41, "f7"}, {0xffc5, 0x42, "f8"},
	{0xffc6, 0x43, "f9"}, {0xffc7, 0x44, "f10"}, {0xffc8, 0x57, "f11"}, {0xffc9, 0x58, "f12"},
	{0xffe1, 0x2a, "leftShift"}, {0xffe2, 0x36, "rightShift"},
	{0xffe3, 0x1d, "leftCtrl"}, {0xffe4, 0x9d, "rightCtrl"},
	{0xffe9, 0x38, "leftAlt"}, {0xffea, 0xb8, "rightAlt"}, {0xfe03, 0xb8, "altGr"},
	{0xffe7, 0x38, "leftAlt"}, {0xffe8, 0xb8, "rightAlt"}, // Meta
	{0xffeb, 0xdb, "leftSuper"}, {0xffec, 0xdc, "rightSuper"},
	{0xffe5, 0x3a, "capsLock"}, {0xff7f, 0x45, "numLock"}, {0xff14, 0x46, "scrollLock"},
	{0xff61, 0x54, "printScreen"}, {0xff13, 0xc6, "pause"},
}

func keyName(k Key) string {
	for _, n := range names {
		if k.Code != 0 && k.Code == n.code || k.Code == 0 && k.Keysym == n.keysym {
			return n.name
		}
	}
	if k.Code != 0 {
		return fmt.Sprintf("code %#x", k.Code)
	}
	return fmt.Sprintf("keysym %#x", k.Keysym)
}
