package template

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// socks dials through a SOCKS5 proxy (RFC 1928), with a user name and password
// (RFC 1929) where there is a user.
type socks struct {
	proxy          string // host:port
	user, password string
	addr           string // where to
}

// dial connects to the proxy and asks it for a connection to the address.
func (s socks) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.proxy)
	if err != nil {
		return nil, fmt.Errorf("ssh_proxy_host: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err = s.ask(conn)
	if !stop() {
		err = errors.Join(err, context.Cause(ctx))
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ssh_proxy_host %s: %w", s.proxy, err)
	}
	return conn, nil
}

func (s socks) ask(conn net.Conn) error {
	methods := []byte{5, 1, 0} // version 5, one method: none
	if s.user != "" {
		methods = []byte{5, 2, 0, 2} // or a password
	}
	answer, err := talk(conn, methods, 2)
	if err != nil {
		return err
	}
	switch {
	case answer[0] != 5:
		return errors.New("it does not speak SOCKS5")
	case answer[1] == 2 && s.user != "":
		if err := s.login(conn); err != nil {
			return err
		}
	case answer[1] != 0:
		return errors.New("it wants a login of another kind; give ssh_proxy_username and ssh_proxy_password")
	}
	return s.connect(conn)
}

func (s socks) login(conn net.Conn) error {
	if len(s.user) > 255 || len(s.password) > 255 {
		return errors.New("the user name or the password has more than 255 bytes")
	}
	text := append([]byte{1, byte(len(s.user))}, s.user...)
	text = append(append(text, byte(len(s.password))), s.password...)
	answer, err := talk(conn, text, 2)
	if err == nil && answer[1] != 0 {
		err = errors.New("it refuses the login")
	}
	return err
}

// connect asks for the connection, by name, so that the proxy looks it up.
func (s socks) connect(conn net.Conn) error {
	host, service, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || len(host) > 255 {
		return fmt.Errorf("%q is no address", s.addr)
	}
	text := append([]byte{5, 1, 0, 3, byte(len(host))}, host...)
	answer, err := talk(conn, append(text, byte(port>>8), byte(port)), 5)
	if err != nil {
		return err
	}
	if answer[1] != 0 {
		return fmt.Errorf("it cannot connect to %s: reason %d", s.addr, answer[1])
	}
	// The rest of the answer is the address that it connects from.
	rest := 0
	switch answer[3] {
	case 1:
		rest = 4 + 2 - 1
	case 3:
		rest = int(answer[4]) + 2
	case 4:
		rest = 16 + 2 - 1
	default:
		return errors.New("it does not speak SOCKS5")
	}
	_, err = io.ReadFull(conn, make([]byte, rest))
	return err
}

// talk writes a message and reads an answer of so many bytes.
func talk(conn net.Conn, message []byte, n int) ([]byte, error) {
	if _, err := conn.Write(message); err != nil {
		return nil, err
	}
	answer := make([]byte, n)
	_, err := io.ReadFull(conn, answer)
	return answer, err
}
