//go:build unix

package ssh_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/bootscribe/bootscribe/ssh"
)

func TestParseTunnel(t *testing.T) {
	for text, want := range map[string]ssh.Tunnel{
		"8080:localhost:80":           {Listen: "127.0.0.1:8080", To: "localhost:80"},
		"0.0.0.0:8080:db.example:80":  {Listen: "0.0.0.0:8080", To: "db.example:80"},
		"[::1]:8080:[2001:db8::1]:80": {Listen: "[::1]:8080", To: "[2001:db8::1]:80"},
		"0:[::1]:80":                  {Listen: "127.0.0.1:0", To: "[::1]:80"},
	} {
		if got, err := ssh.ParseTunnel(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "80", "80:80", "x:localhost:80", "8080:localhost:0", "8080::80", "65536:localhost:80", "8080:::1:80", "a:b:c:d:e", "8080:[::1:80"} {
		if got, err := ssh.ParseTunnel(text); err == nil || !strings.Contains(err.Error(), `"`) {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

// echo serves connections by sending back what comes, until the end of the test
// or until it is closed.
func echo(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	return l
}

// through sends much through a tunnel, says that this was all, and wants it back.
func through(t *testing.T, addr net.Addr) {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	text := strings.Repeat("tunnel ", 1<<17)
	go func() {
		io.WriteString(conn, text)
		conn.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(conn); err != nil || string(got) != text {
		t.Errorf("%d of %d bytes came back: %v", len(got), len(text), err)
	}
}

func TestOpenSSHTunnels(t *testing.T) {
	config := openSSH(t, "internal-sftp")
	listener := echo(t)
	target := listener.Addr().String()
	config.LocalTunnels = []ssh.Tunnel{{Listen: freeAddr(t), To: target}, {Listen: ":0", To: freeAddr(t)}}
	config.RemoteTunnels = []ssh.Tunnel{{Listen: ":0", To: target}, {Listen: freeAddr(t), To: target}}
	client := await(t, config)
	var used []net.Addr
	for range 2 {
		local, remote := client.Tunnels()
		if len(local) != 2 || len(remote) != 2 || local[0].String() != config.LocalTunnels[0].Listen {
			t.Fatal(local, remote)
		}
		used = append(used, local...)
		used = append(used, remote...)
		for _, addr := range []net.Addr{local[0], remote[0], remote[1], local[0]} {
			through(t, addr)
		}
		// Where nobody listens, the connection ends.
		conn, err := net.Dial("tcp", local[1].String())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); len(got) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %q, %v", got, err)
		}
		conn.Close()
		// They are there again after another login.
		if client, err = client.Reconnect(within(t, patience)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
	}
	// A connection that is open ends with the client.
	local, _ := client.Tunnels()
	conn, err := net.Dial("tcp", local[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "x")
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	client.Close()
	ends(t, func() { io.ReadAll(conn) })
	listener.Close()
	noLeaks(t)
	for _, addr := range used {
		if conn, err := net.Dial("tcp", addr.String()); err == nil {
			conn.Close()
			t.Errorf("%s still listens", addr)
		}
	}
}

// A tunnel that cannot be opened ends a wait at once, and leaves nothing.
func TestOpenSSHTunnelErrors(t *testing.T) {
	busy := echo(t).Addr().String()
	config := openSSH(t, "internal-sftp", "AllowTcpForwarding no")
	await(t, config)
	for want, change := range map[string]func(*ssh.Config){
		"local tunnel from " + busy + " to x:1: listen": func(c *ssh.Config) {
			c.LocalTunnels = []ssh.Tunnel{{Listen: busy, To: "x:1"}}
		},
		"remote tunnel from 127.0.0.1:0 to x:1: ssh: tcpip-forward request denied by peer: the port is in use there, or the guest's sshd forbids it": func(c *ssh.Config) {
			c.LocalTunnels, c.RemoteTunnels = []ssh.Tunnel{{Listen: ":0", To: "x:1"}}, []ssh.Tunnel{{Listen: ":0", To: "x:1"}}
		},
	} {
		c := *config
		change(&c)
		for name, login := range map[string]func(context.Context, *ssh.Config) (*ssh.Client, error){"Wait": ssh.Wait, "Dial": ssh.Dial} {
			client, err := login(within(t, patience), &c)
			if client != nil {
				client.Close()
			}
			var terr *ssh.TunnelError
			if !errors.As(err, &terr) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
		}
	}
	c := &ssh.Config{Addr: "127.0.0.1:1", User: "root", Password: "x", LocalTunnels: []ssh.Tunnel{{Listen: "8080", To: "x:1"}}, RemoteTunnels: []ssh.Tunnel{{Listen: ":1", To: ":2"}}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "LocalTunnels[0].Listen: ") || !strings.Contains(err.Error(), "RemoteTunnels[0].To: ") {
		t.Error(err)
	}
}
