package iso

import (
	"io"
	"time"
)

// A body is the bytes of a download on their way to the part: hashed, counted,
// watched and reported.
type body struct {
	io.ReadCloser
	t     *try
	pace  pacer
	meter meter
}

func (t *try) newBody(rc io.ReadCloser) *body {
	return &body{ReadCloser: rc, t: t, pace: pacer{every: eventPace}, meter: meter{at: time.Now()}}
}

// Read reads from the network. The watchdog is awake only here, so that a slow
// disk is not taken for a silent server.
func (b *body) Read(p []byte) (int, error) {
	b.t.dog.arm()
	n, err := b.ReadCloser.Read(p)
	b.t.dog.disarm()
	if over := b.t.part.size + b.t.hashed + int64(n) - b.t.maxBytes; over > 0 {
		n -= int(min(over, int64(n)))
		err = b.t.tooBig(b.t.maxBytes + over)
	}
	b.t.pipe.Write(p[:n])
	b.t.hashed += int64(n)
	if err == io.EOF || b.pace.due() {
		b.report()
	}
	return n, err
}

func (b *body) report() {
	t := b.t
	b.t.observe(Progress{
		URL: t.name, Done: t.part.size + t.hashed, Total: t.part.meta.Total,
		Rate: b.meter.rate(t.hashed, time.Now()),
	})
}

// A meter smooths a rate over the last few seconds.
type meter struct {
	at    time.Time
	bytes int64
	value float64 // bytes a second
}

func (m *meter) rate(bytes int64, now time.Time) int64 {
	const memory = 2 * time.Second
	passed := now.Sub(m.at)
	if passed <= 0 {
		return int64(m.value)
	}
	current := float64(bytes-m.bytes) / passed.Seconds()
	weight := 1.0
	if m.bytes > 0 {
		weight = min(1, float64(passed)/float64(memory))
	}
	m.value += weight * (current - m.value)
	m.at, m.bytes = now, bytes
	return int64(m.value)
}
