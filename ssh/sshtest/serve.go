package sshtest

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"

	xssh "golang.org/x/crypto/ssh"
)

// serve speaks with one client until it has gone.
func (s *Server) serve(c *conn, fault Fault) {
	if s.introduce(c, fault) {
		return
	}
	sshConn, channels, requests, err := xssh.NewServerConn(c, s.sshConfig())
	if err != nil {
		return
	}
	defer sshConn.Close()
	if fault == BlackHole {
		c.freeze()
	}
	ctx, cancel := context.WithCancel(s.ctx)
	var served sync.WaitGroup
	defer served.Wait()
	defer cancel()
	served.Go(func() { answer(requests) })
	for channel := range channels {
		served.Go(func() { s.channel(ctx, c, sshConn.User(), channel, fault) })
	}
}

// answer answers global requests: keepalives, and nothing that we can do.
func answer(requests <-chan *xssh.Request) {
	for request := range requests {
		if request.WantReply {
			request.Reply(request.Type == "keepalive@openssh.com", nil)
		}
	}
}

func (s *Server) sshConfig() *xssh.ServerConfig {
	config := &xssh.ServerConfig{ServerVersion: s.version(), MaxAuthTries: -1, AuthLogCallback: s.count}
	if s.config.Banner != "" {
		config.BannerCallback = func(xssh.ConnMetadata) string { return s.config.Banner }
	}
	switch {
	case s.config.Password != "" && s.config.KeyboardInteractive:
		config.KeyboardInteractiveCallback = s.askPassword
	case s.config.Password != "":
		config.PasswordCallback = s.checkPassword
	case len(s.authorized) == 0:
		config.NoClientAuth = true
	}
	if len(s.authorized) > 0 {
		config.PublicKeyCallback = s.checkKey
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	config.AddHostKey(s.hostKey)
	return config
}

// count counts a login before the client is told of it, so that [Server.Logins]
// has it when the client's call returns.
func (s *Server) count(_ xssh.ConnMetadata, _ string, err error) {
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins++
}

var errRefused = errors.New("sshtest: refused")

// admit decides on a login whose proof was right or wrong.
func (s *Server) admit(user string, right bool) (*xssh.Permissions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse > 0 {
		s.refuse--
		return nil, errRefused
	}
	if !right || s.config.User != "" && user != s.config.User {
		return nil, errRefused
	}
	return nil, nil
}

func (s *Server) checkPassword(meta xssh.ConnMetadata, password []byte) (*xssh.Permissions, error) {
	return s.admit(meta.User(), subtle.ConstantTimeCompare(password, []byte(s.config.Password)) == 1)
}

func (s *Server) askPassword(meta xssh.ConnMetadata, ask xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
	answers, err := ask("", "", []string{"Password: "}, []bool{false})
	if err != nil {
		return nil, err
	}
	return s.checkPassword(meta, []byte(answers[0]))
}

func (s *Server) checkKey(meta xssh.ConnMetadata, key xssh.PublicKey) (*xssh.Permissions, error) {
	return s.admit(meta.User(), s.authorized[string(key.Marshal())])
}

func (s *Server) channel(ctx context.Context, c *conn, user string, channel xssh.NewChannel, fault Fault) {
	switch {
	case channel.ChannelType() == "session" && fault != NoSession:
		ch, requests, err := channel.Accept()
		if err == nil {
			s.session(ctx, c, user, ch, requests, fault)
		}
	case channel.ChannelType() == "direct-tcpip" && s.config.Forward:
		s.forward(ctx, channel)
	default:
		channel.Reject(xssh.Prohibited, "sshtest does not do that")
	}
}

// forward connects a client onwards (RFC 4254 §7.2).
func (s *Server) forward(ctx context.Context, channel xssh.NewChannel) {
	var target struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := xssh.Unmarshal(channel.ExtraData(), &target); err != nil {
		channel.Reject(xssh.ConnectionFailed, "malformed request")
		return
	}
	addr := net.JoinHostPort(target.Host, strconv.FormatUint(uint64(target.Port), 10))
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		channel.Reject(xssh.ConnectionFailed, err.Error())
		return
	}
	ch, requests, err := channel.Accept()
	if err != nil {
		conn.Close()
		return
	}
	go xssh.DiscardRequests(requests)
	var copied sync.WaitGroup
	for _, pair := range [][2]io.ReadWriteCloser{{ch, conn}, {conn, ch}} {
		copied.Go(func() {
			io.Copy(pair[0], pair[1])
			pair[0].Close()
			pair[1].Close()
		})
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	copied.Wait()
}
