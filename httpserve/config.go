package httpserve

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Defaults of the limits in [Config].
const (
	defaultMaxConns      = 64
	defaultMaxFiles      = 10_000
	defaultHeaderTimeout = 10 * time.Second
	defaultStallTimeout  = 60 * time.Second

	// maxHeaderBytes is far above what installers send: the longest known
	// request is cloud-init's with a few hundred bytes.
	maxHeaderBytes = 16 << 10
)

// Config says what a [Server] serves. Its zero value serves nothing, and still
// records what is asked for. Serve and Start copy it and never write into it.
type Config struct {
	// Files is what to serve, by name: "preseed.cfg" is fetched as
	// /preseed.cfg. Nil means no files. Only regular files are served, names
	// that begin with a dot among them. Symbolic links are followed only in
	// what [Dir] returned, which guarantees that they stay inside; in another
	// FS, os.DirFS for one, they are left out.
	Files fs.FS

	// Templates holds files in the language of text/template, rendered with
	// Data when the server starts and served under their own names. Nil means
	// none. A field or key that Data does not have is an error, and so is a
	// name that Files has too.
	Templates fs.FS

	// Data is what the templates see as dot. Nil is fine for templates that
	// do not use it.
	Data any

	// Observe is called after each request, one call at a time and in the
	// order of [Server.Requests], on the goroutine that answered. Nil means
	// nobody is told. It may call every method of the server but Close, which
	// waits for it. If it panics it is not called again, and Close panics
	// with the same value once everything is released.
	Observe func(Request)

	// Prefix is put before every path, as a secret shared with the guest:
	// with "k7" the file preseed.cfg is at /k7/preseed.cfg and nothing is at
	// /preseed.cfg. It is one path element of letters, digits, '-', '_', '.'
	// and '~'. Empty means none.
	Prefix string

	// AllowRoutable permits a listener that other machines can reach. Without
	// it Serve refuses every address but loopback and Unix sockets.
	AllowRoutable bool

	// MaxConns is how many connections are served at a time; more wait in the
	// kernel's queue. Zero means 64.
	MaxConns int

	// MaxFiles is how many files may be served: a guard against serving a
	// whole disk by mistake. Zero means 10000.
	MaxFiles int

	// HeaderTimeout is how long a client may take to send its request. Zero
	// means 10 seconds.
	HeaderTimeout time.Duration

	// StallTimeout is how long a client may take to accept a block of at most
	// 32 KiB; one that takes longer is disconnected. An idle connection is
	// kept as long. Zero means 60 seconds.
	StallTimeout time.Duration
}

// Validate reports everything in c that Serve would refuse and that can be
// told without reading Files and Templates, joined in one error. A nil c is
// valid.
func (c *Config) Validate() error {
	if c == nil {
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("httpserve: config: "+format, args...))
	}
	if !validPrefix(c.Prefix) {
		bad("Prefix %q: must be one path element of letters, digits and -_.~; crypto/rand.Text makes one", c.Prefix)
	}
	if c.Templates == nil && c.Data != nil {
		bad("Data: is set but Templates is nil; set Templates or remove Data")
	}
	for _, field := range []struct {
		name string
		fsys fs.FS
	}{{"Files", c.Files}, {"Templates", c.Templates}} {
		if text, ok := field.fsys.(Text); ok {
			for _, problem := range text.problems() {
				bad("%s: %s", field.name, problem)
			}
		}
	}
	for _, n := range []struct {
		field string
		value int64
	}{
		{"MaxConns", int64(c.MaxConns)},
		{"MaxFiles", int64(c.MaxFiles)},
		{"HeaderTimeout", int64(c.HeaderTimeout)},
		{"StallTimeout", int64(c.StallTimeout)},
	} {
		if n.value < 0 {
			bad("%s: is negative; use 0 for the default", n.field)
		}
	}
	return errors.Join(errs...)
}

// Check reports everything in c that Serve would refuse: what Validate finds, or
// else the files that cannot be read and the templates that cannot be rendered.
// A nil c is valid.
func (c *Config) Check() error {
	if err := c.Validate(); err != nil {
		return err
	}
	d := c.withDefaults()
	_, err := take(&d)
	return err
}

// withDefaults returns a copy of c whose limits are all set.
func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	setZero(&d.MaxConns, defaultMaxConns)
	setZero(&d.MaxFiles, defaultMaxFiles)
	setZero(&d.HeaderTimeout, defaultHeaderTimeout)
	setZero(&d.StallTimeout, defaultStallTimeout)
	return d
}

func setZero[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// validPrefix allows the unreserved characters of RFC 3986 §2.3, which no
// client escapes.
func validPrefix(s string) bool {
	if s == "." || s == ".." || len(s) > 128 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
			strings.ContainsRune("-_.~", r))
	}) < 0
}
