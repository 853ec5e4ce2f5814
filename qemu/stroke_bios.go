package qemu

// A word of the BIOS's keyboard ring is a scan code in its high byte and an
// ASCII character in its low one.
const anyWord = 0 // the key makes a word, but which depends on more than is known here

// usKeys are the characters of a US keyboard by scan code, which is what every
// PC BIOS has built in: without Shift and with it.
var usKeys = [2][0x3a]byte{
	usRow("\x00\x1b1234567890-=\x08\tqwertyuiop[]\r\x00asdfghjkl;'`\x00\\zxcvbnm,./\x00*\x00 "),
	usRow("\x00\x1b!@#$%^&*()_+\x08\x00QWERTYUIOP{}\r\x00ASDFGHJKL:\"~\x00|ZXCVBNM<>?\x00*\x00 "),
}

func usRow(s string) (row [0x3a]byte) {
	copy(row[:], s)
	return row
}

// ringStroke is a stroke as a BIOS sees it.
type ringStroke struct {
	words []uint16 // what it puts into the ring, in order
	bytes int      // what the keyboard sends for it
	after int      // how many of those come after the one that makes the last word
	sure  bool     // whether all of that is known
}

// ringStroke works out what a BIOS makes of a stroke. m is what is held, and
// follows the stroke; caps says that Caps Lock is on.
func (m *modifiers) ringStroke(s Stroke, caps bool) ringStroke {
	r := ringStroke{sure: true}
	for _, k := range s {
		b := scanBytes(k)
		if b == nil || k.Code&0x7f == codeNumLock || k.Code == codeCapsLock || k.Code == codeScrollLock {
			r.sure = false
		}
		r.bytes += max(len(b), 1)
		r.after += max(len(b), 1)
		if m.note(k) || !k.Down || !r.sure {
			continue
		}
		word, sure := m.word(k.Code, caps)
		r.sure = r.sure && sure
		r.words = append(r.words, word)
		r.after = 0
	}
	return r
}

// word returns what the BIOS puts into its ring for a key, and false if that
// is not even known to be one word.
func (m *modifiers) word(code uint16, caps bool) (word uint16, sure bool) {
	switch {
	case m.alt != 0:
		return anyWord, false
	case code >= extended || code >= codeF1 && code <= codeF10 || code == 0x57 || code == 0x58:
		return anyWord, m.ctrl == 0
	case code >= uint16(len(usKeys[0])):
		return anyWord, false // the keypad, as Num Lock will have it
	}
	plain := usKeys[0][code]
	letter := plain >= 'a' && plain <= 'z'
	if m.ctrl != 0 {
		return code<<8 | uint16(plain&0x1f), letter
	}
	shift := 0
	if (m.shift != 0) != (letter && caps) {
		shift = 1
	}
	return code<<8 | uint16(usKeys[shift][code]), plain != 0
}
