package keyseq

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// named is a key of the language. Keysyms are those of X11's keysymdef.h;
// codes are set-1 scan codes as QEMU's VNC extended key event takes them (e0
// xx is 0x80|xx), read off QEMU's own keymaps.
type named struct {
	name   string
	keysym uint32
	code   uint16
	rune   rune // typed by the layout, in place of keysym and code
	own    bool // not in Packer's language, which types it as text
}

// namedKeys is the language's list of keys, in the order of the package
// documentation. Names have no case.
var namedKeys = []named{
	{name: "bs", keysym: 0xFF08, code: 0x0E},
	{name: "del", keysym: 0xFFFF, code: 0xD3},
	{name: "enter", keysym: 0xFF0D, code: 0x1C},
	{name: "return", keysym: 0xFF0D, code: 0x1C},
	{name: "esc", keysym: 0xFF1B, code: 0x01},
	{name: "tab", keysym: 0xFF09, code: 0x0F},
	{name: "spacebar", keysym: 0x20, code: 0x39},
	{name: "insert", keysym: 0xFF63, code: 0xD2},
	{name: "home", keysym: 0xFF50, code: 0xC7},
	{name: "end", keysym: 0xFF57, code: 0xCF},
	{name: "pageUp", keysym: 0xFF55, code: 0xC9},
	{name: "pageDown", keysym: 0xFF56, code: 0xD1},
	{name: "up", keysym: 0xFF52, code: 0xC8},
	{name: "down", keysym: 0xFF54, code: 0xD0},
	{name: "left", keysym: 0xFF51, code: 0xCB},
	{name: "right", keysym: 0xFF53, code: 0xCD},
	{name: "menu", keysym: 0xFF67, code: 0xDD},
	{name: "f1", keysym: 0xFFBE, code: 0x3B},
	{name: "f2", keysym: 0xFFBF, code: 0x3C},
	{name: "f3", keysym: 0xFFC0, code: 0x3D},
	{name: "f4", keysym: 0xFFC1, code: 0x3E},
	{name: "f5", keysym: 0xFFC2, code: 0x3F},
	{name: "f6", keysym: 0xFFC3, code: 0x40},
	{name: "f7", keysym: 0xFFC4, code: 0x41},
	{name: "f8", keysym: 0xFFC5, code: 0x42},
	{name: "f9", keysym: 0xFFC6, code: 0x43},
	{name: "f10", keysym: 0xFFC7, code: 0x44},
	{name: "f11", keysym: 0xFFC8, code: 0x57},
	{name: "f12", keysym: 0xFFC9, code: 0x58},
	{name: "leftShift", keysym: keysymShift, code: codeShift},
	{name: "rightShift", keysym: 0xFFE2, code: 0x36},
	{name: "leftCtrl", keysym: 0xFFE3, code: 0x1D},
	{name: "rightCtrl", keysym: 0xFFE4, code: 0x9D},
	{name: "leftAlt", keysym: 0xFFE9, code: 0x38},
	{name: "rightAlt", keysym: 0xFFEA, code: 0xB8},
	{name: "leftSuper", keysym: 0xFFEB, code: 0xDB},
	{name: "rightSuper", keysym: 0xFFEC, code: 0xDC},
	// Over VNC Packer's Command is Alt and its Option is Meta, which QEMU
	// puts on the Alt keys too.
	{name: "leftCommand", keysym: 0xFFE9, code: 0x38},
	{name: "rightCommand", keysym: 0xFFEA, code: 0xB8},
	{name: "leftOption", keysym: 0xFFE7, code: 0x38},
	{name: "rightOption", keysym: 0xFFE8, code: 0xB8},

	{name: "lt", rune: '<', own: true},
	{name: "gt", rune: '>', own: true},
	{name: "altGr", keysym: keysymAltGr, code: codeAltGr, own: true},
	{name: "capsLock", keysym: 0xFFE5, code: 0x3A, own: true},
	{name: "numLock", keysym: 0xFF7F, code: 0x45, own: true},
	{name: "scrollLock", keysym: 0xFF14, code: 0x46, own: true},
	{name: "printScreen", keysym: 0xFF61, code: 0x54, own: true},
	{name: "pause", keysym: 0xFF13, code: 0xC6, own: true},
	{name: "f13", keysym: 0xFFCA, code: 0x5D, own: true},
	{name: "f14", keysym: 0xFFCB, code: 0x5E, own: true},
	{name: "f15", keysym: 0xFFCC, code: 0x5F, own: true},
	{name: "f16", keysym: 0xFFCD, code: 0x55, own: true},
	{name: "f17", keysym: 0xFFCE, code: 0x83, own: true},
	{name: "f18", keysym: 0xFFCF, code: 0xF7, own: true},
	{name: "f19", keysym: 0xFFD0, code: 0x84, own: true},
	{name: "f20", keysym: 0xFFD1, code: 0x5A, own: true},
	{name: "f21", keysym: 0xFFD2, code: 0x74, own: true},
	{name: "f22", keysym: 0xFFD3, code: 0xF9, own: true},
	{name: "f23", keysym: 0xFFD4, code: 0x6D, own: true},
	{name: "f24", keysym: 0xFFD5, code: 0x6F, own: true},
}

const (
	keysymShift = 0xFFE1 // XK_Shift_L
	keysymAltGr = 0xFE03 // XK_ISO_Level3_Shift
	codeShift   = 0x2A
	codeAltGr   = 0xB8
)

var nameIndex = func() map[string]*named {
	m := make(map[string]*named, len(namedKeys))
	for i := range namedKeys {
		m[strings.ToLower(namedKeys[i].name)] = &namedKeys[i]
	}
	return m
}()

// maxToken is longer in bytes than every token but a wait.
const maxToken = 64

// lookup returns the key of that name in any case, or nil.
func lookup(name string) *named {
	var buf [maxToken]byte
	return nameIndex[string(lower(buf[:0], name))]
}

// lower appends s in lower case to buf, character by character as Packer's
// parser compares: so the Kelvin sign is a k. A character that is not ASCII
// even then can be in no name; it becomes a zero byte.
func lower(buf []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			buf = append(buf, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r = unicode.ToLower(r); r >= utf8.RuneSelf {
			r = 0
		}
		buf = append(buf, byte(r))
		i += size
	}
	return buf
}
