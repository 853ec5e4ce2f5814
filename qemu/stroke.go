package qemu

import "slices"

// Key is a key of the machine's keyboard that goes down or up.
type Key struct {
	// Code is the key's set-1 scan code, with 0x80 set where e0 comes first,
	// as QEMU's VNC extended key event takes it.
	Code uint16
	Down bool
}

// Stroke is what the guest must get whole: all makes and breaks of one
// character or key, in their order.
type Stroke []Key

// KeepsShift reports whether Shift can stay down from the end of s into next: both
// are characters that need it.
func (s Stroke) KeepsShift(next Stroke) bool {
	const least = 4 // events; fewer are no more than a Shift key itself
	if len(s) < least || len(next) < least {
		return false
	}
	return s[len(s)-1] == Key{codeLeftShift, false} && next[0] == Key{codeLeftShift, true}
}

// together returns strokes as they go in one write if Shift is kept.
func together(strokes []Stroke) []Stroke {
	all := slices.Clone(strokes)
	for i := 1; i < len(all); i++ {
		if strokes[i-1].KeepsShift(strokes[i]) {
			all[i-1] = all[i-1][:len(all[i-1])-1]
			all[i] = all[i][1:]
		}
	}
	return all
}

// Scan codes of keys that mean something here.
const (
	codeEsc        = 0x01
	codeBackspace  = 0x0e
	codeTab        = 0x0f
	codeEnter      = 0x1c
	codeLeftCtrl   = 0x1d
	codeLeftShift  = 0x2a
	codeRightShift = 0x36
	codeLeftAlt    = 0x38
	codeSpace      = 0x39
	codeCapsLock   = 0x3a
	codeF1         = 0x3b
	codeF10        = 0x44
	codeNumLock    = 0x45
	codeScrollLock = 0x46
	codeLast       = 0x58 // F12, the last key of a US keyboard without e0
	extended       = 0x80 // e0 comes first
)

// modifiers are the keys that change what others mean and are none themselves.
type modifiers struct{ shift, ctrl, alt, super uint8 } // a bit for left and right

// note follows a key, and reports whether it is a modifier.
func (m *modifiers) note(k Key) bool {
	field, bit := (*uint8)(nil), uint8(1)
	switch k.Code {
	case codeLeftShift:
		field = &m.shift
	case codeRightShift:
		field, bit = &m.shift, 2
	case codeLeftCtrl:
		field = &m.ctrl
	case codeLeftCtrl | extended:
		field, bit = &m.ctrl, 2
	case codeLeftAlt:
		field = &m.alt
	case codeLeftAlt | extended:
		field, bit = &m.alt, 2
	case 0xdb:
		field = &m.super
	case 0xdc:
		field, bit = &m.super, 2
	default:
		return false
	}
	if k.Down {
		*field |= bit
	} else {
		*field &^= bit
	}
	return true
}

// scanBytes returns what a PS/2 keyboard sends for a key in set 1, as a PC's
// controller translates it: make or break, behind e0 where there is one. It
// returns nil for keys whose bytes depend on more: Print, Pause, and those
// that some versions of QEMU lack.
func scanBytes(k Key) []byte {
	b := byte(k.Code)
	if !k.Down {
		b |= 0x80
	}
	switch {
	case k.Code > 0xff || k.Code == 0x54 || k.Code == 0xb7 || k.Code == 0xc6:
		return nil
	case k.Code >= extended:
		if !plainExtended[k.Code&0x7f] {
			return nil
		}
		if k.Down {
			b &= 0x7f
		}
		return []byte{0xe0, b}
	case k.Code == 0 || k.Code > codeLast:
		return nil
	}
	return []byte{b}
}

// plainExtended are the keys with e0 that every PC keyboard has: Enter, Ctrl,
// slash, Alt, the block of cursor keys, Windows and Menu.
var plainExtended = map[uint16]bool{
	0x1c: true, 0x1d: true, 0x35: true, 0x38: true, 0x47: true, 0x48: true, 0x49: true, 0x4b: true, 0x4d: true,
	0x4f: true, 0x50: true, 0x51: true, 0x52: true, 0x53: true, 0x5b: true, 0x5c: true, 0x5d: true,
}

// bytes returns the stroke as a PS/2 keyboard sends it, and false if that is
// not known for one of its keys.
func (s Stroke) bytes() ([]byte, bool) {
	var all []byte
	for _, k := range s {
		b := scanBytes(k)
		if b == nil {
			return nil, false
		}
		all = append(all, b...)
	}
	return all, true
}

// orders reports whether the stroke does more than write or erase a character: a
// boot loader may start a system by it, and read nothing of what follows.
func (s Stroke) orders() bool {
	for _, k := range s {
		switch {
		case !k.Down, k.Code == codeLeftShift, k.Code == codeRightShift, k.Code == codeTab, k.Code == codeBackspace:
		case int(k.Code) >= len(usKeys[0]), usKeys[0][k.Code] < ' ':
			return true
		}
	}
	return false
}

// codes returns how many places the stroke takes in the queue of a keyboard
// that counts one for a key event, and two for one with e0.
func (s Stroke) codes() int {
	n := 0
	for _, k := range s {
		n++
		if k.Code >= extended {
			n++
		}
	}
	return n
}
