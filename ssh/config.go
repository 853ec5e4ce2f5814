package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Config says how to reach and log in to a guest. It is plain data, is never
// written to, and may be used for several connections at once. It must not be
// changed while it is in use.
type Config struct {
	// Addr is the host:port of the guest's sshd; ":22" is added where no
	// port is given. It is required unless Dial is set, and only names the
	// guest in errors then.
	Addr string

	// Dial makes the connection that SSH runs on; nil dials Addr over TCP,
	// through Bastion where there is one. Its connection's Close must end
	// a Read or Write in progress, as that of every net.Conn should.
	Dial func(ctx context.Context) (net.Conn, error)

	// User is the name to log in as. It is required.
	User string

	// Password answers password authentication, and keyboard-interactive
	// authentication when that asks for one thing and hides what is typed.
	// Empty means that neither is tried.
	Password Secret

	// Keys are the private keys to log in with, tried in order.
	Keys []*Key

	// UseAgent also tries the keys of the agent at SSH_AUTH_SOCK. False
	// means that the variable is not even read. The agent is never
	// forwarded to the guest.
	UseAgent bool

	// HostKeys are the keys that the guest may identify itself with. With
	// nil, the first one that a connection sees is accepted, and
	// [Client.Reconnect] then demands the same.
	HostKeys *HostKeys

	// Bastion is the host to reach Addr through, with a login of its own
	// (only its connection and login fields count). Nil means directly.
	Bastion *Config

	// Ciphers are those to offer, by their names in SSH and the preferred
	// first; see [Ciphers] for those that there are. Nil means those that
	// golang.org/x/crypto/ssh prefers. Insecure ones need Legacy.
	Ciphers []string

	// KeyExchanges are the key exchange algorithms to offer; see [KeyExchanges]
	// for those that there are. It is as Ciphers otherwise.
	KeyExchanges []string

	// Legacy also offers the algorithms that golang.org/x/crypto/ssh leaves
	// out as insecure, for guests too old to know better ones. Of the kinds
	// that have a list above, only those in it.
	Legacy bool

	// LocalTunnels carry TCP connections from here to where the guest can
	// reach, as ssh -L does, and RemoteTunnels from the guest to where we can
	// reach, as ssh -R does. They are open from the login until the client is
	// closed, and again after a [Client.Reconnect]. That one cannot be opened
	// is a [*TunnelError], which no further attempt is made after. Nil means
	// none.
	LocalTunnels, RemoteTunnels []Tunnel

	// AttemptTimeout limits one attempt from dial to login, bastion
	// included. Zero means 10 seconds.
	AttemptTimeout time.Duration

	// RetryInterval is the pause of [Wait] between two attempts. Zero means
	// one second.
	RetryInterval time.Duration

	// KeepAlive is the time between keepalive requests; the connection is
	// lost when the guest has sent nothing at all for three of them. Zero
	// means 15 seconds, negative means no keepalive.
	KeepAlive time.Duration

	// MaxAuthFailures ends [Wait] when as many logins in a row were
	// refused, with [ErrLoginRefused]. Zero means no limit: a guest that is
	// still being set up refuses logins for a while.
	MaxAuthFailures int

	// AuthPatience ends [Wait] when logins have been refused, and nothing
	// else happened, for so long, with [ErrLoginRefused]. Zero means no limit.
	AuthPatience time.Duration

	// Expect is asked by [Wait] and [Client.Reconnect] after each login,
	// whether this is the system waited for: an installer may run an sshd
	// of its own. An error means not yet; the connection is closed and Wait
	// tries again. Nil means that any system will do. A typical one runs a
	// command on the client that only the installed system knows. It gets
	// ten seconds, or AttemptTimeout where that is more.
	Expect func(ctx context.Context, c *Client) error

	// Observe is told of every attempt of [Dial], [Wait] and
	// [Client.Reconnect], one event at a time, on the goroutine that called
	// them. Nil means nobody.
	Observe func(Event)
}

const (
	defaultAttemptTimeout = 10 * time.Second
	defaultRetryInterval  = time.Second
	defaultKeepAlive      = 15 * time.Second
	missedKeepAlives      = 3
)

// Validate reports everything that is wrong with the configuration at once,
// each with its field and what to do about it.
func (c *Config) Validate() error {
	if c == nil {
		return errors.New("ssh: Config: is nil; give at least Addr, User and a Password or Keys")
	}
	var errs []error
	for _, problem := range c.problems() {
		errs = append(errs, fmt.Errorf("ssh: Config.%s", problem))
	}
	return errors.Join(errs...)
}

func (c *Config) problems() []string {
	var problems []string
	add := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, problem)
		}
	}
	if c.Addr != "" {
		_, port, err := net.SplitHostPort(withPort(c.Addr))
		add(err != nil, fmt.Sprintf("Addr: %q is not a host:port; write for instance 127.0.0.1:2222", c.Addr))
		number, perr := strconv.ParseUint(port, 10, 16)
		add(err == nil && (perr != nil || number == 0), fmt.Sprintf("Addr: port %q is not a number from 1 to 65535", port))
	}
	add(c.Addr == "" && c.Dial == nil, "Addr: is empty; give the host:port of the guest's sshd, or set Dial")
	add(c.User == "", "User: is empty; give the name to log in as")
	add(c.Password == "" && len(c.Keys) == 0 && !c.UseAgent,
		"Password, Keys: there is nothing to log in with; give a password or a key, or set UseAgent")
	for i, key := range c.Keys {
		add(key == nil || key.signer == nil, fmt.Sprintf("Keys[%d]: is empty; make keys with NewKey or ParseKey", i))
	}
	add(c.Dial != nil && c.Bastion != nil, "Bastion: is not used when Dial is set; leave one of them out")
	add(c.AttemptTimeout < 0, fmt.Sprintf("AttemptTimeout: %v is negative; leave it zero for %v", c.AttemptTimeout, defaultAttemptTimeout))
	add(c.RetryInterval < 0, fmt.Sprintf("RetryInterval: %v is negative; leave it zero for %v", c.RetryInterval, defaultRetryInterval))
	add(c.MaxAuthFailures < 0, fmt.Sprintf("MaxAuthFailures: %d is negative; leave it zero for no limit", c.MaxAuthFailures))
	add(c.AuthPatience < 0, fmt.Sprintf("AuthPatience: %v is negative; leave it zero for no limit", c.AuthPatience))
	problems = append(problems, c.algorithmProblems()...)
	problems = append(problems, c.tunnelProblems()...)
	if c.Bastion != nil {
		for _, problem := range c.Bastion.problems() {
			problems = append(problems, "Bastion."+problem)
		}
	}
	return problems
}

// withDefaults returns a copy in which every field says what is meant. Each
// connection without HostKeys gets its own, so that it pins for its own life.
func (c *Config) withDefaults() *Config {
	d := *c
	if d.Addr != "" {
		d.Addr = withPort(d.Addr)
	}
	if d.HostKeys == nil {
		d.HostKeys = new(HostKeys)
	}
	if d.AttemptTimeout == 0 {
		d.AttemptTimeout = defaultAttemptTimeout
	}
	if d.RetryInterval == 0 {
		d.RetryInterval = defaultRetryInterval
	}
	if d.KeepAlive == 0 {
		d.KeepAlive = defaultKeepAlive
	}
	if d.Bastion != nil {
		d.Bastion = d.Bastion.withDefaults()
	}
	return &d
}

// withPort adds the port of SSH to an address that has none.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	joined := net.JoinHostPort(addr, "22")
	if _, _, err := net.SplitHostPort(joined); err != nil {
		return addr
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
