package winrm

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Config says how to reach and log in to a guest. It is plain data, is never
// written to, and may be used for several clients at once. It must not be
// changed while it is in use.
type Config struct {
	// Addr is the host:port of the guest's WinRM service; ":5985", or ":5986"
	// with TLS, is added where no port is given. It is required unless Dial is
	// set, and only names the guest in errors and requests then.
	Addr string

	// Dial makes the connections; nil dials Addr over TCP, or through Proxy.
	Dial func(ctx context.Context) (net.Conn, error)

	// Proxy returns the HTTP proxy for a request, as
	// [http.ProxyFromEnvironment] does. Nil means none. It needs Addr.
	Proxy func(*http.Request) (*url.URL, error)

	// User is the name to log in as, with NTLM also DOMAIN\name. It is required.
	User string

	// Password is required.
	Password Secret

	// NTLM logs in by NTLM version 2, and encrypts what goes over HTTP. False
	// means basic authentication: over HTTP, whoever sees the packets sees
	// the password.
	NTLM bool

	// TLS speaks HTTPS. False means HTTP.
	TLS bool

	// Insecure accepts any certificate of the guest's, such as one that it has
	// made for itself. False means that it must come from Roots, and be for the
	// host in Addr.
	Insecure bool

	// Roots are the certificates that the guest's must come from. Nil means
	// those that this host trusts.
	Roots *x509.CertPool

	// AttemptTimeout limits one attempt of [Wait] and [Dial], from the first
	// packet until PowerShell has run. Zero means one minute: the first
	// PowerShell of a guest takes its time.
	AttemptTimeout time.Duration

	// RetryInterval is the pause of [Wait] between two attempts. Zero means one
	// second.
	RetryInterval time.Duration

	// RefusedInterval is the pause after a refused login, since Windows may lock
	// an account after some. Zero means 10 seconds.
	RefusedInterval time.Duration

	// MaxAuthFailures ends [Wait] when as many logins in a row were refused.
	// Zero means no limit: a guest that is still being set up refuses logins
	// for a while.
	MaxAuthFailures int

	// Observe is told of every attempt of [Dial], [Wait] and [Client.Restart],
	// one event at a time, on the goroutine that called them. Nil means nobody.
	Observe func(Event)
}

const (
	defaultAttemptTimeout  = time.Minute
	defaultRetryInterval   = time.Second
	defaultRefusedInterval = 10 * time.Second
	// portHTTP and portHTTPS are those of the service.
	portHTTP, portHTTPS = 5985, 5986
)

// Port returns the port that the guest's service has unless it was told another
// one: 5985, or 5986 with TLS.
func (c *Config) Port() int {
	if c.TLS {
		return portHTTPS
	}
	return portHTTP
}

// Validate reports everything that is wrong with the configuration at once,
// each with its field and what to do about it.
func (c *Config) Validate() error {
	if c == nil {
		return errors.New("winrm: Config: is nil; give at least Addr, User and Password")
	}
	var errs []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("winrm: Config."+format, args...))
		}
	}
	if c.Addr != "" {
		_, port, err := net.SplitHostPort(c.withPort())
		add(err != nil, "Addr: %q is not a host:port; write for instance 127.0.0.1:5985", c.Addr)
		number, perr := strconv.ParseUint(port, 10, 16)
		add(err == nil && (perr != nil || number == 0), "Addr: port %q is not a number from 1 to 65535", port)
	}
	add(c.Addr == "" && c.Dial == nil, "Addr: is empty; give the host:port of the guest's WinRM service, or set Dial")
	add(c.Proxy != nil && c.Dial != nil, "Proxy: is not used when Dial is set; leave one of them out")
	add(c.User == "", "User: is empty; give the name to log in as")
	add(c.Password == "", "Password: is empty, and Windows lets nobody in without one; give it")
	add(c.Insecure && !c.TLS, "Insecure: is about certificates, and there are none without TLS; set TLS, or leave it out")
	for _, f := range []struct {
		name string
		time.Duration
	}{{"AttemptTimeout", c.AttemptTimeout}, {"RetryInterval", c.RetryInterval}, {"RefusedInterval", c.RefusedInterval}} {
		add(f.Duration < 0, "%s: %v is negative; leave it zero for the default", f.name, f.Duration)
	}
	add(c.MaxAuthFailures < 0, "MaxAuthFailures: %d is negative; leave it zero for no limit", c.MaxAuthFailures)
	return errors.Join(errs...)
}

// withDefaults returns a copy in which every field says what is meant.
func (c *Config) withDefaults() *Config {
	d := *c
	d.Addr = c.withPort()
	for _, f := range []struct {
		field *time.Duration
		usual time.Duration
	}{{&d.AttemptTimeout, defaultAttemptTimeout}, {&d.RetryInterval, defaultRetryInterval}, {&d.RefusedInterval, defaultRefusedInterval}} {
		if *f.field == 0 {
			*f.field = f.usual
		}
	}
	return &d
}

// withPort is Addr with a port.
func (c *Config) withPort() string {
	if _, _, err := net.SplitHostPort(c.Addr); err == nil || c.Addr == "" {
		return c.Addr
	}
	joined := net.JoinHostPort(c.Addr, strconv.Itoa(c.Port()))
	if _, _, err := net.SplitHostPort(joined); err != nil {
		return c.Addr
	}
	return joined
}

// name is what errors call the guest.
func (c *Config) name() string {
	if c.Addr == "" {
		return "guest"
	}
	return c.Addr
}

// url is where requests go.
func (c *Config) url() string {
	scheme := "http"
	if c.TLS {
		scheme = "https"
	}
	return scheme + "://" + c.name() + "/wsman"
}

func (c *Config) observe(e Event) {
	if c.Observe != nil {
		c.Observe(e)
	}
}
