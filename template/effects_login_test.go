package template_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
	"github.com/bootscribe/bootscribe/template"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// ownHost is this host, in words that are not those of a forwarded port.
const ownHost = "::ffff:127.0.0.1"

// keyPair is a key with its certificate, as files and as a server knows them.
type keyPair struct {
	private, certificate    string // paths
	pem                     string
	public, certificateLine string
	raw                     ed25519.PrivateKey
}

func newKeyPair(t *testing.T) *keyPair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := xssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	block, err := xssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := xssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert := &xssh.Certificate{Key: key, CertType: xssh.UserCert, ValidBefore: xssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, signer); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	k := &keyPair{
		private: filepath.Join(dir, "id"), certificate: filepath.Join(dir, "id-cert.pub"), pem: string(pem.EncodeToMemory(block)),
		public: string(xssh.MarshalAuthorizedKey(key)), certificateLine: string(xssh.MarshalAuthorizedKey(cert)), raw: private,
	}
	for path, text := range map[string]string{k.private: k.pem, k.certificate: k.certificateLine} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// sshServer starts a server for guests, in whose directory commands run.
func sshServer(t *testing.T, c *sshtest.Config) (s *sshtest.Server, port string) {
	t.Helper()
	home := t.TempDir()
	c.Dir = home
	if c.Exec == nil {
		c.Exec = sshtest.Shell(home)
	}
	s, err := sshtest.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	_, port, _ = net.SplitHostPort(s.Addr)
	return s, port
}

// logIn builds a template whose guest has an sshd of the test, and runs a command
// there.
func logIn(t *testing.T, port string, options map[string]any, command string) error {
	t.Helper()
	for name, v := range map[string]any{
		"iso_url": guest.CD(t, guest.Button), "output_directory": filepath.Join(t.TempDir(), "out"), "ssh_username": "root", "ssh_port": port, "skip_nat_mapping": true,
	} {
		if _, given := options[name]; !given {
			options[name] = v
		}
	}
	_, _, err := run(t, options, map[string]any{"provisioners": []any{map[string]any{"type": "shell", "remote_path": "./s.sh", "inline": []string{command}}}}, &template.Config{})
	return err
}

// TestKeys logs in with keys and certificates that the template names.
func TestKeys(t *testing.T) {
	t.Parallel()
	k := newKeyPair(t)
	for name, tt := range map[string]struct {
		authorized []string
		options    map[string]any
	}{
		"ssh_private_key_file": {[]string{k.public}, map[string]any{"ssh_private_key_file": k.private}},
		"ssh_certificate_file": {[]string{k.certificateLine}, map[string]any{"ssh_private_key_file": k.private, "ssh_certificate_file": k.certificate}},
		"ssh_private_key":      {[]string{k.public}, map[string]any{"ssh_private_key": k.pem}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, port := sshServer(t, &sshtest.Config{AuthorizedKeys: tt.authorized})
			if err := logIn(t, port, tt.options, "true"); err != nil {
				t.Fatal(err)
			}
			if server.Logins() == 0 {
				t.Error("nobody logged in")
			}
		})
	}
}

// TestTemporaryKey logs in with a key that is made for the build alone, and is
// taken out of the guest again.
func TestTemporaryKey(t *testing.T) {
	t.Parallel()
	var c template.Config
	server, port := sshServer(t, &sshtest.Config{}) // which lets everybody in
	look(t, &c, func(_ context.Context, g *imagebuild.Guest) error {
		if !strings.HasPrefix(g.SSHPublicKey, "ssh-ed25519 ") {
			t.Errorf("the key is %q", g.SSHPublicKey)
		}
		return nil
	})
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Button), "output_directory": filepath.Join(t.TempDir(), "out"), "ssh_username": "root", "ssh_port": port, "skip_nat_mapping": true,
		"temporary_key_pair_type": "rsa", "temporary_key_pair_bits": 4096, "ssh_clear_authorized_keys": false,
	}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(server.Commands(), func(line string) bool { return strings.Contains(line, "authorized_keys") }) {
		t.Errorf("the key stays in the guest: %q", server.Commands())
	}
}

// TestAgent logs in by the keys of an agent, to the guest and to a bastion in front
// of it.
func TestAgent(t *testing.T) {
	k := newKeyPair(t)
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: k.raw}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = agent.ServeAgent(keys, conn)
			}()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", path)
	server, port := sshServer(t, &sshtest.Config{AuthorizedKeys: []string{k.public}})
	bastion, front := sshServer(t, &sshtest.Config{AuthorizedKeys: []string{k.public}, Forward: true})
	if err := logIn(t, port, map[string]any{
		"ssh_agent_auth": true, "ssh_host": ownHost,
		"ssh_bastion_host": "127.0.0.1", "ssh_bastion_port": front, "ssh_bastion_username": "jump", "ssh_bastion_agent_auth": true,
	}, "true"); err != nil {
		t.Fatal(err)
	}
	if server.Logins() == 0 || bastion.Logins() == 0 {
		t.Errorf("%d logins, and %d on the bastion", server.Logins(), bastion.Logins())
	}
}

// TestBastion goes through another host, by a password, by a key of its own, by a
// certificate, and by the guest's key where none is given.
func TestBastion(t *testing.T) {
	t.Parallel()
	k, own := newKeyPair(t), newKeyPair(t)
	for name, tt := range map[string]struct {
		bastion sshtest.Config
		options map[string]any
	}{
		"password":        {sshtest.Config{User: "jump", Password: "hop"}, map[string]any{"ssh_bastion_password": "hop"}},
		"interactive":     {sshtest.Config{User: "jump", Password: "hop", KeyboardInteractive: true}, map[string]any{"ssh_bastion_password": "hop", "ssh_bastion_interactive": true}},
		"key":             {sshtest.Config{AuthorizedKeys: []string{own.public}}, map[string]any{"ssh_bastion_private_key_file": own.private}},
		"certificate":     {sshtest.Config{AuthorizedKeys: []string{own.certificateLine}}, map[string]any{"ssh_bastion_private_key_file": own.private, "ssh_bastion_certificate_file": own.certificate}},
		"the guest's key": {sshtest.Config{AuthorizedKeys: []string{k.public}}, map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.bastion.Forward = true
			bastion, front := sshServer(t, &tt.bastion)
			_, port := sshServer(t, &sshtest.Config{AuthorizedKeys: []string{k.public}})
			tt.options["ssh_bastion_host"], tt.options["ssh_bastion_port"], tt.options["ssh_bastion_username"] = "127.0.0.1", front, "jump"
			tt.options["ssh_host"], tt.options["ssh_private_key_file"] = ownHost, k.private
			if err := logIn(t, port, tt.options, "true"); err != nil {
				t.Fatal(err)
			}
			if bastion.Logins() == 0 {
				t.Error("nobody went through the bastion")
			}
		})
	}
}

// socksServer is a SOCKS5 proxy (RFC 1928) that wants a login (RFC 1929).
func socksServer(t *testing.T, user, password string) (port string, passed func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	n := 0
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				to := socksRequest(conn, user, password)
				if to == nil {
					return
				}
				defer to.Close()
				mu.Lock()
				n++
				mu.Unlock()
				go func() {
					_, _ = io.Copy(to, conn)
					to.Close()
				}()
				_, _ = io.Copy(conn, to)
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// socksRequest answers a client, and returns the connection that it asked for; nil
// where there is none.
func socksRequest(conn net.Conn, user, password string) net.Conn {
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(conn, b)
		return b
	}
	read(int(read(2)[1]))
	_, _ = conn.Write([]byte{5, 2})
	name := string(read(int(read(2)[1])))
	if secret := string(read(int(read(1)[0]))); name != user || secret != password {
		_, _ = conn.Write([]byte{1, 1})
		return nil
	}
	_, _ = conn.Write([]byte{1, 0})
	var host string
	switch read(4)[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		host = string(read(int(read(1)[0])))
	case 4:
		host = net.IP(read(16)).String()
	}
	to, err := (&net.Dialer{}).Dial("tcp", net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(read(2))))))
	if err != nil {
		_, _ = conn.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return nil
	}
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return to
}

// TestSSHProxy goes through a SOCKS5 proxy.
func TestSSHProxy(t *testing.T) {
	t.Parallel()
	proxy, passed := socksServer(t, "me", "secret")
	_, port := sshServer(t, &sshtest.Config{Password: "guest"})
	if err := logIn(t, port, map[string]any{
		"ssh_password": "guest", "ssh_host": ownHost, "ssh_proxy_host": "127.0.0.1", "ssh_proxy_port": proxy, "ssh_proxy_username": "me", "ssh_proxy_password": "secret",
	}, "true"); err != nil {
		t.Fatal(err)
	}
	if passed() == 0 {
		t.Error("nothing went through the proxy")
	}
}

// TestSSHSession looks at what else a login may have: a terminal, a pause between
// two logins, a kind of copying files that is not asked for, and a command that
// switches the guest off.
func TestSSHSession(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var terminal, off bool
	var machine *imagebuild.Guest
	var c template.Config
	look(t, &c, func(_ context.Context, g *imagebuild.Guest) error {
		mu.Lock()
		defer mu.Unlock()
		machine = g
		return nil
	})
	home := t.TempDir()
	server, port := sshServer(t, &sshtest.Config{Password: "secret", Exec: func(ctx context.Context, call *sshtest.Call) int {
		mu.Lock()
		terminal = terminal || call.PTY
		if call.Line == "switch off" {
			off = true
			defer machine.VM.Powerdown(ctx)
		}
		mu.Unlock()
		return sshtest.Shell(home)(ctx, &sshtest.Call{Line: "true", Stdin: call.Stdin, Stdout: call.Stdout, Stderr: call.Stderr})
	}})
	begin := time.Now()
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Button), "output_directory": filepath.Join(t.TempDir(), "out"),
		"ssh_username": "root", "ssh_password": "secret", "ssh_host": ownHost, "ssh_port": port, "ssh_pty": true, "pause_before_connecting": "1s",
		"ssh_file_transfer_method": "scp", "ssh_keep_alive_interval": "1s", "ssh_timeout": "2m", "shutdown_command": "switch off", "shutdown_timeout": "2m",
	}, map[string]any{"provisioners": []any{
		map[string]any{"type": "look"},
		map[string]any{"type": "shell", "remote_path": "./s.sh", "inline": []string{"true"}},
	}}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if !terminal || !off || server.Logins() < 2 || time.Since(begin) < time.Second {
		t.Errorf("terminal %v, switched off by the command %v, %d logins in %v", terminal, off, server.Logins(), time.Since(begin))
	}
}

// silent is a guest whose scripts neither say anything nor end.
func silent(ctx context.Context, call *sshtest.Call) int {
	if strings.Contains(call.Line, "./s.sh") {
		<-ctx.Done()
	}
	return 0
}

// TestSSHLimits gives up a login that is refused or not answered, and a command
// that says nothing, when the template's limits are reached.
func TestSSHLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server  sshtest.Config
		options map[string]any
		command string
		want    string
	}{
		"ssh_handshake_attempts": {sshtest.Config{Password: "other"}, map[string]any{"ssh_handshake_attempts": 2}, "true", "login refused 2 times in a row"},
		"ssh_timeout":            {sshtest.Config{Password: "secret", Fault: sshtest.Silent}, map[string]any{"ssh_timeout": "2s"}, "true", "after 2s"},
		"ssh_read_write_timeout": {sshtest.Config{Password: "secret", Exec: silent}, map[string]any{"ssh_read_write_timeout": "2s"}, "true", "no output for 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, port := sshServer(t, &tt.server)
			tt.options["ssh_password"] = "secret"
			if err := logIn(t, port, tt.options, tt.command); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestWinRMTLS logs in by HTTPS, where the guest has a certificate of its own.
func TestWinRMTLS(t *testing.T) {
	t.Parallel()
	server, err := winrmtest.Start(&winrmtest.Config{User: "Administrator", Password: "s3cret", TLS: true, Exec: (&winrmtest.Guest{Dir: t.TempDir()}).Exec})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	_, port, _ := net.SplitHostPort(server.Addr)
	for name, tt := range map[string]struct {
		insecure bool
		want     string // empty for no error
	}{"winrm_insecure": {true, ""}, "a certificate that nobody knows": {false, "certificate"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c template.Config
			look(t, &c, func(context.Context, *imagebuild.Guest) error { return nil })
			_, _, err := run(t, map[string]any{
				"iso_url": guest.CD(t, guest.Button), "output_directory": filepath.Join(t.TempDir(), "out"), "communicator": "winrm",
				"winrm_username": "Administrator", "winrm_password": "s3cret", "winrm_host": ownHost, "winrm_port": port, "winrm_no_proxy": true,
				"winrm_use_ssl": true, "winrm_insecure": tt.insecure, "winrm_timeout": map[bool]string{true: "2m", false: "5s"}[tt.insecure],
			}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
