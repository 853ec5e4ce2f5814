package imagebuild_test

import (
	"image"
	"sync"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

// terminal is a machine behind a VNC server that shows what is typed on a
// screen of 40x10 cells, in the letters of Linux's console.
type terminal struct {
	// fate says what becomes of the nth character; 0 is nothing. Nil shows it.
	fate func(n int, r rune) rune
	// fold begins a new row after so many characters of a line, wherever that
	// begins, as ISOLINUX does. 0 does not.
	fold int
	// menu is a character that brings another screen.
	menu rune
	// strange has letters that nobody knows.
	strange bool
	// dark has no light for Num Lock.
	dark bool

	font  map[rune][]uint32
	mu    sync.Mutex
	cells [termColumns * termRows]rune
	at    int
	n     int    // characters typed
	line  int    // of these, on the line
	text  string // all that has arrived
	leds  uint8
	shown *image.RGBA
}

const termColumns, termRows = 40, 10

// attach starts a server with the terminal and returns a Typist that has
// nothing but a connection to it.
func (m *terminal) attach(t *testing.T, c vnctest.Config) (*seen, *vnctest.Server) {
	t.Helper()
	m.font = map[rune][]uint32{}
	for _, f := range screen.Learned() {
		if f.Height != 16 {
			continue
		}
		for _, g := range f.Glyphs {
			m.font[g.Rune] = g.Rows
		}
	}
	m.shown = image.NewRGBA(image.Rect(0, 0, 8*termColumns, 16*termRows))
	for _, r := range "The quick brown fox jumps over the lazy dog, 0123456789 times." {
		m.put(r)
	}
	for range 7 {
		m.enter()
	}
	m.put('$')
	m.put(' ')
	c.Screen, c.OnKey = m.shown, m.key
	srv, err := vnctest.NewServer(&c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	conn, err := vnc.Dial(t.Context(), srv.Network(), srv.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &seen{}
	s.Typist = &imagebuild.Typist{VNC: conn, Observe: s.observe}
	return s, srv
}

// arrived returns the printable characters that were typed.
func (m *terminal) arrived() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text
}

func (m *terminal) key(srv *vnctest.Server, k vnctest.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !k.Down:
		return
	case k.Keysym == 0xff7f && !m.dark:
		m.leds ^= uint8(vnc.NumLock)
		srv.SetLEDs(m.leds)
	case k.Keysym == 0xff0d:
		m.enter()
		m.put('$')
		m.put(' ')
		srv.SetScreen(m.shown)
	case k.Keysym >= ' ' && k.Keysym <= '~':
		m.typed(rune(k.Keysym))
		srv.SetScreen(m.shown)
	}
}

func (m *terminal) typed(r rune) {
	m.text += string(r)
	n := m.n
	m.n++
	if m.fate != nil {
		if r = m.fate(n, r); r == 0 {
			return
		}
	}
	m.put(r)
	if r == m.menu {
		for range termRows {
			m.scroll()
		}
		m.at = 5 * termColumns
		m.put('>')
		m.put(' ')
	}
	if m.line++; m.line == m.fold {
		m.enter()
	}
}

func (m *terminal) enter() {
	m.line = 0
	m.at += termColumns - m.at%termColumns
	for m.at >= len(m.cells) {
		m.scroll()
	}
}

// scroll moves all up by a row.
func (m *terminal) scroll() {
	last := len(m.cells) - termColumns
	copy(m.cells[:], m.cells[termColumns:])
	clear(m.cells[last:])
	copy(m.shown.Pix, m.shown.Pix[16*m.shown.Stride:])
	for i := range termColumns {
		m.draw(last+i, 0)
	}
	m.at -= termColumns
}

func (m *terminal) put(r rune) {
	if m.at == len(m.cells) {
		m.scroll()
	}
	m.cells[m.at] = r
	m.draw(m.at, r)
	m.at++
}

func (m *terminal) draw(i int, r rune) {
	rows := m.font[r]
	for y := range 16 {
		at := m.shown.PixOffset(i%termColumns*8, i/termColumns*16+y)
		for x := range 8 {
			grey := uint8(0)
			if rows != nil && rows[y]>>(7-x)&1 != 0 != (m.strange && (x+y)%3 == 0) {
				grey = 0xaa
			}
			copy(m.shown.Pix[at+4*x:], []uint8{grey, grey, grey, 0xff})
		}
	}
}

// seen is a Typist and what it tells.
type seen struct {
	*imagebuild.Typist
	modes []imagebuild.Typing
}

func (s *seen) observe(e imagebuild.Event) {
	if e, ok := e.(imagebuild.Typing); ok {
		s.modes = append(s.modes, e)
	}
}

// used returns the modes, joined by spaces.
func (s *seen) used() string {
	var all string
	for _, m := range s.modes {
		all += string(m.Mode) + " "
	}
	return all
}
