package iso

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A permanentError will not go away by trying again.
type permanentError struct{ error }

func permanent(err error) error        { return permanentError{err} }
func (e permanentError) Unwrap() error { return e.error }

// isPermanent reports whether it is no use to try the same URL again: the
// server has answered so, a certificate is bad, the host does not exist, a
// file could not be written.
func isPermanent(err error) bool {
	var (
		marked permanentError
		status *statusError
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		x1     x509.UnknownAuthorityError
		x2     x509.CertificateInvalidError
		x3     x509.HostnameError
		dns    *net.DNSError
		file   *fs.PathError
	)
	if errors.As(err, &status) {
		return !status.transient()
	}
	return errors.As(err, &marked) || errors.As(err, &cert) || errors.As(err, &record) ||
		errors.As(err, &x1) || errors.As(err, &x2) || errors.As(err, &x3) ||
		errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &file)
}

// A statusError is an answer that does not bring the file.
type statusError struct {
	code       int
	excerpt    string
	retryAfter time.Duration
}

// newStatusError reads the beginning of the answer.
func newStatusError(resp *http.Response) *statusError {
	const most = 200
	text, _ := io.ReadAll(io.LimitReader(resp.Body, most))
	return &statusError{
		code:       resp.StatusCode,
		excerpt:    printable(string(text)),
		retryAfter: parseRetryAfter(resp.Header.Get("Retry-After"), time.Now()),
	}
}

// Error tells the status and how the answer begins.
func (e *statusError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("the server answered %d %s", e.code, http.StatusText(e.code)))
	if e.excerpt == "" {
		return text
	}
	return fmt.Sprintf("%s: %q", text, e.excerpt)
}

func (e *statusError) transient() bool {
	switch e.code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return e.code >= 500
}

// printable makes a server's text fit for a terminal and one line.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// parseRetryAfter reads the header (RFC 9110 §10.2.3): seconds or a date.
func parseRetryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// bareError takes off the *url.Error of net/http, which repeats the URL with
// its query.
func bareError(err error) error {
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// The longest times between two tries: by our own choice, and because the
// server asked for it.
const (
	maxDelay      = 30 * time.Second
	maxRetryAfter = 2 * time.Minute
)

// delay is how long to wait before the next try, after so many failed: twice
// as long each time, half of it by chance so that many clients spread.
func delay(first time.Duration, failed int, err error) time.Duration {
	d := min(first<<min(failed-1, 16), maxDelay)
	d = d/2 + rand.N(d/2+1)
	var status *statusError
	if errors.As(err, &status) && status.retryAfter > 0 {
		return max(d, min(status.retryAfter, maxRetryAfter))
	}
	return d
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
