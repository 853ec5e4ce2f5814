package view

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/bootscribe/bootscribe/vnc"
)

// input is what a viewer has done.
type input struct {
	Keys []struct {
		Code string `json:"code"` // as in KeyboardEvent.code
		Down bool   `json:"down"`
	} `json:"keys"`
	Pointer *struct {
		X       int   `json:"x"`
		Y       int   `json:"y"`
		Buttons uint8 `json:"buttons"`
	} `json:"pointer"`
}

// longestInput is more than a page sends at a time, in bytes.
const longestInput = 16 << 10

// serveInput passes on keys and the pointer. Only the page itself may: another
// site that the viewer has open neither knows the token nor has the origin.
func (l *Live) serveInput(w http.ResponseWriter, r *http.Request) {
	if !l.input {
		http.Error(w, "this page is only for looking; LiveConfig.Input would let viewers type", http.StatusForbidden)
		return
	}
	if err := l.cross.Check(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Token")), []byte(l.token)) != 1 {
		http.Error(w, "the token is not that of this page; load it again", http.StatusForbidden)
		return
	}
	var in input
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestInput)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	keys, err := in.events()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, _, _ := l.glass.now()
	if conn == nil {
		http.Error(w, "the machine does not run yet", http.StatusConflict)
		return
	}
	if err := in.send(conn, keys); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// events returns the keys, or an error for one that is not known.
func (in *input) events() ([]vnc.KeyEvent, error) {
	var list []vnc.KeyEvent
	for _, k := range in.Keys {
		code, ok := keyCodes[k.Code]
		if !ok {
			return nil, fmt.Errorf("the key %q is not known", cut(k.Code))
		}
		list = append(list, vnc.KeyEvent{Code: code, Down: k.Down})
	}
	return list, nil
}

func (in *input) send(conn *vnc.Conn, keys []vnc.KeyEvent) error {
	if len(keys) > 0 {
		if err := conn.Keys(keys...); err != nil {
			return err
		}
	}
	if in.Pointer == nil {
		return nil
	}
	width, height := conn.Size()
	x, y := min(max(in.Pointer.X, 0), max(width-1, 0)), min(max(in.Pointer.Y, 0), max(height-1, 0))
	return conn.Pointer(x, y, in.Pointer.Buttons&0x1f)
}

// keyCodes are the scan codes in set 1 of the keys that browsers name, with 0x80
// for those whose scan code begins with 0xe0 (W3C, UI Events KeyboardEvent code
// Values; the codes are those of the IBM PC's keyboard).
var keyCodes = func() map[string]uint16 {
	codes := map[string]uint16{
		"Space": 0x39, "Tab": 0x0f, "Enter": 0x1c, "Backspace": 0x0e, "Escape": 0x01,
		"Numpad0": 0x52, "Numpad1": 0x4f, "Numpad2": 0x50, "Numpad3": 0x51, "Numpad4": 0x4b,
		"Numpad5": 0x4c, "Numpad6": 0x4d, "Numpad7": 0x47, "Numpad8": 0x48, "Numpad9": 0x49,
		"NumpadDecimal": 0x53, "NumpadAdd": 0x4e, "NumpadSubtract": 0x4a, "NumpadMultiply": 0x37,
		"NumpadDivide": 0xb5, "NumpadEnter": 0x9c, "NumLock": 0x45, "ScrollLock": 0x46, "CapsLock": 0x3a,
		"ShiftLeft": 0x2a, "ShiftRight": 0x36, "ControlLeft": 0x1d, "ControlRight": 0x9d,
		"AltLeft": 0x38, "AltRight": 0xb8, "MetaLeft": 0xdb, "MetaRight": 0xdc, "ContextMenu": 0xdd,
		"ArrowUp": 0xc8, "ArrowDown": 0xd0, "ArrowLeft": 0xcb, "ArrowRight": 0xcd,
		"Home": 0xc7, "End": 0xcf, "PageUp": 0xc9, "PageDown": 0xd1, "Insert": 0xd2, "Delete": 0xd3,
		"PrintScreen": 0xb7, "Pause": 0xc6, "F11": 0x57, "F12": 0x58,
		"IntlBackslash": 0x56, "IntlRo": 0x73, "IntlYen": 0x7d,
	}
	for first, row := range map[uint16][]string{
		0x02: {"Digit1", "Digit2", "Digit3", "Digit4", "Digit5", "Digit6", "Digit7", "Digit8", "Digit9", "Digit0", "Minus", "Equal"},
		0x10: {"KeyQ", "KeyW", "KeyE", "KeyR", "KeyT", "KeyY", "KeyU", "KeyI", "KeyO", "KeyP", "BracketLeft", "BracketRight"},
		0x1e: {"KeyA", "KeyS", "KeyD", "KeyF", "KeyG", "KeyH", "KeyJ", "KeyK", "KeyL", "Semicolon", "Quote", "Backquote"},
		0x2b: {"Backslash", "KeyZ", "KeyX", "KeyC", "KeyV", "KeyB", "KeyN", "KeyM", "Comma", "Period", "Slash"},
		0x3b: {"F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10"},
	} {
		for i, name := range row {
			codes[name] = first + uint16(i)
		}
	}
	return codes
}()
