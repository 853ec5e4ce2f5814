package imagebuild

import (
	"context"
	"hash/maphash"
	"image"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/vnc"
)

// eye looks at a machine's screen for all that wait for something there. A
// frame is read only if it differs from the two before it, which a cursor that
// blinks shows in turn, and only once.
type eye struct {
	conn *vnc.Conn
	vm   *qemu.VM
	ocr  screen.OCR // Build.OCR; may be nil

	mu     sync.Mutex
	reader screen.Reader
	seed   maphash.Seed // of tiles
	recent []*view      // the newest first
	reads  int          // how many frames were read
}

// view is a frame and what it says.
type view struct {
	tiles tiles
	frame image.Image  // nil when nobody will read it any more: frames are large
	text  *screen.Text // nil as long as nobody has asked
	ocr   *screen.Text // by OCR; nil as long as nobody has needed it
}

const (
	// betweenLooks is the least time between two looks of one wait.
	betweenLooks = 100 * time.Millisecond
	// restAfterRead is how many times longer than the reading of a frame the
	// pause after it is: reading costs a quarter of a core at most.
	restAfterRead = 3
	longestRest   = 2 * time.Second
)

// fresh returns what is on the screen at this moment, and the number to wait for
// the next frame with. QEMU sends the frames of a screen that has been still for
// a while only every three seconds: what was on it before the last keys must not
// be taken for what they have led to.
func (e *eye) fresh(ctx context.Context) (*view, uint64) {
	_ = e.conn.Fence(ctx) // frames that were under way are no news
	seq := e.conn.Seq()   // but one that comes during the dump is: it may be the last
	v, err := e.dump(ctx)
	if err != nil {
		return e.look()
	}
	_ = e.conn.Fence(ctx) // and what was dumped has been sent as well
	return v, seq
}

// dump returns what QEMU would show at this moment.
func (e *eye) dump(ctx context.Context) (*view, error) {
	d, err := e.vm.OpenScreendump(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	f, failed := dumped(d)
	v := e.keep(f)
	return v, *failed
}

// look returns the newest frame that QEMU has sent, and the number to wait for
// the next one with.
func (e *eye) look() (v *view, seq uint64) {
	e.conn.Look(func(img *image.RGBA, now uint64) { v, seq = e.keep(frameOf(img)), now })
	return v, seq
}

// keep returns the view of a frame, which may be an old one.
func (e *eye) keep(f frame) *view {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.recent == nil {
		e.seed = maphash.MakeSeed()
	}
	now := newTiles(e.seed, f)
	for i, v := range e.recent {
		if v.tiles.equal(now) {
			e.recent[0], e.recent[i] = v, e.recent[0]
			return v
		}
	}
	v := &view{tiles: now, frame: f.picture()}
	e.recent = append([]*view{v}, e.recent[:min(len(e.recent), 1)]...)
	return v
}

// read returns what a view says. The letters on the screen come first: to read
// them is quicker than to ask for the VGA's memory, and what they say was there
// at one moment.
func (e *eye) read(v *view) (*screen.Text, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v.text == nil {
		text, err := e.reader.Read(v.frame)
		if err != nil {
			return nil, err
		}
		if (text.Unknown() > 0 || len(text.Cells) == 0) && v == e.recent[0] {
			if more := e.fromMemory(v, text); more != nil {
				text = more
			}
		}
		v.text = text
		if e.ocr == nil || !unreadable(text) {
			v.frame = nil
		}
		e.reads++
	}
	return v.text, nil
}

// evidence returns the last frame and what it says, if that can be read. A
// reader that was not used before need not look for the rarer fonts, which takes
// a second.
func (e *eye) evidence() (image.Image, string) {
	img := e.conn.Screen()
	v := e.keep(frameOf(img))
	e.mu.Lock()
	if e.reads == 0 && e.reader.Fonts == nil {
		e.reader.Fonts = screen.SystemFonts()
	}
	e.mu.Unlock()
	text, err := e.read(v)
	if err != nil || text.Unknown() == len(text.Cells) {
		return img, ""
	}
	return img, text.String()
}

// watch calls see with what the screen says, now and whenever that may have
// changed, until it returns true.
func (e *eye) watch(ctx context.Context, see func(*screen.Text) bool) error {
	if _, err := e.conn.WaitUpdate(ctx, 0); err != nil {
		return ended(ctx, err)
	}
	var last *screen.Text
	for v, seq := e.fresh(ctx); ; v, seq = e.look() {
		began := time.Now()
		text, err := e.recognise(ctx, v)
		if err != nil {
			return err
		}
		if text != last && see(text) {
			return nil
		}
		last = text
		rest := min(restAfterRead*time.Since(began), longestRest)
		if err := pause(ctx, max(rest, betweenLooks)); err != nil {
			return err
		}
		if _, err := e.conn.WaitUpdate(ctx, seq); err != nil {
			return ended(ctx, err)
		}
	}
}

// largestCell is how many pixels a cell of text has at most in each direction.
const largestCell = 32

// differ tells whether two views show anything different. A cursor that blinks
// is no difference: a change within one cell that leaves the text as it was.
func (e *eye) differ(a, b *view) bool {
	if a == b {
		return false
	}
	changed := a.tiles.changed(b.tiles)
	if changed.Empty() || !small(changed) {
		return !changed.Empty()
	}
	before, err := e.read(a)
	if err != nil {
		return true
	}
	after, err := e.read(b)
	return err != nil || before.Columns == 0 || !before.Equal(after)
}

// pause returns when a time has passed, or with the context's cause.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ended returns the cause of a context that is done, or else err.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
