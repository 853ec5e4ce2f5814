package winrm

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bootscribe/bootscribe/winrm/internal/ntlm"
)

// lane is one connection to the service, on which requests follow each other.
// NTLM is a login of a connection, so what goes on at the same time needs lanes
// of its own.
type lane struct {
	c         *Config
	http      *http.Transport
	connected atomic.Bool   // whether there has been a connection
	session   *ntlm.Session // nil before the login, and without NTLM
}

func newLane(c *Config) *lane {
	l := &lane{c: c}
	l.http = &http.Transport{
		DialContext:        l.dial,
		MaxConnsPerHost:    1,
		DisableCompression: true,
		Proxy:              c.Proxy,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: c.Insecure, RootCAs: c.Roots},
	}
	return l
}

func (l *lane) close() { l.http.CloseIdleConnections() }

func (l *lane) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	if l.c.Dial != nil {
		conn, err = l.c.Dial(ctx)
	} else {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, addr)
	}
	if err == nil {
		l.connected.Store(true)
	}
	return conn, err
}

// answerTime is how long a service may take to answer a request without a login,
// which needs nothing but its web server. A port forward of QEMU that was connected
// to before the guest was there takes long to try again.
const answerTime = 10 * time.Second

// knock looks whether anybody answers.
func (l *lane) knock(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := l.send(limited, "", nil)
	if err != nil && limited.Err() != nil {
		return context.Cause(limited)
	}
	return err
}

// call sends a message and returns what the service answers.
func (l *lane) call(ctx context.Context, m *message) (*reply, error) {
	body := m.encode(l.c.url())
	limited, cancel := context.WithTimeoutCause(ctx, requestTime, fmt.Errorf("no answer for %v: %w", requestTime, context.DeadlineExceeded))
	defer cancel()
	r, err := l.post(limited, body)
	if err != nil && limited.Err() != nil {
		return nil, context.Cause(limited)
	}
	return r, err
}

func (l *lane) post(ctx context.Context, body []byte) (*reply, error) {
	var a *answer
	var err error
	switch {
	case !l.c.NTLM:
		a, err = l.send(ctx, "Basic "+base64.StdEncoding.EncodeToString([]byte(l.c.User+":"+string(l.c.Password))), body)
	case l.session == nil:
		a, err = l.login(ctx, body)
	default:
		a, err = l.send(ctx, "", body)
		if err == nil && a.status == http.StatusUnauthorized { // the connection is another one
			a, err = l.login(ctx, body)
		}
	}
	if err != nil {
		return nil, err
	}
	return l.read(a)
}

// login sends a message with a login by NTLM in front of it.
func (l *lane) login(ctx context.Context, body []byte) (*answer, error) {
	l.session = nil
	negotiate := ntlm.Negotiate()
	scheme := "Negotiate"
	a, err := l.send(ctx, token(scheme, negotiate), nil)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusUnauthorized && !a.offers(scheme) && a.offers("NTLM") {
		scheme = "NTLM"
		if a, err = l.send(ctx, token(scheme, negotiate), nil); err != nil {
			return nil, err
		}
	}
	challenge := a.challenge(scheme)
	if challenge == nil {
		return a, nil // which read has something to say about
	}
	account := ntlm.NewAccount(l.c.User, string(l.c.Password))
	m, session, err := ntlm.Authenticate(account, negotiate, challenge)
	if err != nil {
		return nil, &notWinRM{err.Error()}
	}
	l.session = session
	if a, err = l.send(ctx, token(scheme, m), body); err == nil && a.status == http.StatusUnauthorized {
		l.session = nil
	}
	return a, err
}

func token(scheme string, message []byte) string {
	return scheme + " " + base64.StdEncoding.EncodeToString(message)
}

// answer is an answer of HTTP.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	session *ntlm.Session // that the request was sent in
}

// send sends one request of HTTP. Its body is encrypted in a session.
func (l *lane) send(ctx context.Context, authorization string, body []byte) (*answer, error) {
	kind := "application/soap+xml;charset=UTF-8"
	session := l.session
	if l.c.TLS || body == nil {
		session = nil
	}
	if session != nil {
		kind, body = contentType, sealed(session, body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.c.url(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := l.http.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	if err == nil && len(reply) > maxReply {
		err = &notWinRM{fmt.Sprintf("the answer has more than %d bytes", maxReply)}
	}
	return &answer{res.StatusCode, res.Header, reply, session}, err
}

// read returns what an answer says.
func (l *lane) read(a *answer) (*reply, error) {
	switch a.status {
	case http.StatusOK, http.StatusInternalServerError:
	case http.StatusUnauthorized:
		return nil, l.refused(a)
	default:
		return nil, &notWinRM{fmt.Sprintf("it answers with HTTP status %d", a.status)}
	}
	body := a.body
	if a.session != nil && len(body) > 0 {
		var err error
		if body, err = opened(a.session, a.header.Get("Content-Type"), body); err != nil {
			return nil, &notWinRM{err.Error()}
		}
	}
	if len(body) == 0 && a.status == http.StatusInternalServerError {
		return nil, &FaultError{Message: "HTTP status 500, without a reason"}
	}
	return decode(body)
}

// refused says why a login was refused, as far as that can be known.
func (l *lane) refused(a *answer) error {
	r := &refusal{why: "wrong name or password, or the user may not log in from afar"}
	for _, h := range a.header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(h, " ")
		r.offered = append(r.offered, scheme)
	}
	switch {
	case !l.c.NTLM && len(r.offered) > 0 && !a.offers("Basic"):
		r.why = "it does not offer basic authentication; set NTLM, or allow basic authentication in the guest"
	case l.c.NTLM && !a.offers("Negotiate") && !a.offers("NTLM"):
		r.why = "it does not offer NTLM; set NTLM to false, or allow Negotiate in the guest"
	}
	return r
}

// offers tells whether a way of logging in is offered.
func (a *answer) offers(scheme string) bool {
	for _, h := range a.header.Values("WWW-Authenticate") {
		if first, _, _ := strings.Cut(h, " "); strings.EqualFold(first, scheme) {
			return true
		}
	}
	return false
}

// challenge returns the token that comes with a scheme, or nil.
func (a *answer) challenge(scheme string) []byte {
	for _, h := range a.header.Values("WWW-Authenticate") {
		first, rest, _ := strings.Cut(h, " ")
		if strings.EqualFold(first, scheme) && rest != "" {
			if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
				return b
			}
		}
	}
	return nil
}

// isFault reports whether the service said no, and with what code; zero stands
// for any.
func isFault(err error, code uint32) bool {
	var f *FaultError
	return errors.As(err, &f) && (code == 0 || f.Code == code)
}
