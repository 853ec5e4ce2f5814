//go:build unix

package ssh_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/ssh"
)

// Names that are wrong are found before anything is dialled.
func TestAlgorithmNames(t *testing.T) {
	for want, change := range map[string]func(*ssh.Config){
		`Ciphers[1]: "aes256ctr" is not known; the nearest is "aes256-ctr", and there are aes128-gcm@openssh.com, `: func(c *ssh.Config) {
			c.Ciphers = []string{"aes128-ctr", "aes256ctr"}
		},
		`KeyExchanges[0]: "curve25519" is not known; the nearest is "curve25519-sha256"`: func(c *ssh.Config) {
			c.KeyExchanges = []string{"curve25519"}
		},
		`Ciphers[0]: "aes128-cbc" is insecure; set Legacy`: func(c *ssh.Config) {
			c.Ciphers = []string{"aes128-cbc"}
		},
		`KeyExchanges[0]: "diffie-hellman-group1-sha1" is insecure`: func(c *ssh.Config) {
			c.KeyExchanges = []string{"diffie-hellman-group1-sha1"}
		},
		`Ciphers[0]: "curve25519-sha256@libssh.org" is not known`: func(c *ssh.Config) {
			c.Ciphers = []string{"curve25519-sha256@libssh.org"}
		},
	} {
		c := &ssh.Config{Addr: "127.0.0.1:1", User: "root", Password: "x"}
		change(c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if c.Legacy = true; strings.Contains(want, "insecure") && c.Validate() != nil {
			t.Errorf("with Legacy: %v", c.Validate())
		}
	}
	good := &ssh.Config{Addr: "127.0.0.1:1", User: "root", Password: "x", Ciphers: ssh.Ciphers(false), KeyExchanges: ssh.KeyExchanges(false)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

// The real sshd gets what was asked for, and nothing else.
func TestOpenSSHAlgorithms(t *testing.T) {
	t.Parallel()
	config := openSSH(t, "internal-sftp", "Ciphers aes256-ctr,aes128-cbc", "KexAlgorithms ecdh-sha2-nistp384,curve25519-sha256@libssh.org")
	await(t, config) // the default has one of each
	for name, tt := range map[string]struct {
		change func(*ssh.Config)
		works  bool
	}{
		"its cipher":          {func(c *ssh.Config) { c.Ciphers = []string{"aes256-ctr"} }, true},
		"another cipher":      {func(c *ssh.Config) { c.Ciphers = []string{"aes128-ctr"} }, false},
		"an insecure cipher":  {func(c *ssh.Config) { c.Ciphers, c.Legacy = []string{"aes128-cbc"}, true }, true},
		"only what is listed": {func(c *ssh.Config) { c.Ciphers, c.Legacy = []string{"aes128-ctr"}, true }, false},
		"its exchange":        {func(c *ssh.Config) { c.KeyExchanges = []string{"ecdh-sha2-nistp384"} }, true},
		"by its old name":     {func(c *ssh.Config) { c.KeyExchanges = []string{"curve25519-sha256@libssh.org"} }, true},
		"another exchange":    {func(c *ssh.Config) { c.KeyExchanges = []string{"ecdh-sha2-nistp256"} }, false},
	} {
		c := *config
		c.AttemptTimeout = patience
		tt.change(&c)
		client, err := ssh.Dial(t.Context(), &c)
		if err == nil {
			client.Close()
		}
		var derr *ssh.DialError
		switch {
		case tt.works && err != nil:
			t.Errorf("%s: %v", name, err)
		case !tt.works && (!errors.As(err, &derr) || derr.Reason != ssh.KeyExchange || !strings.Contains(err.Error(), "aes") && !strings.Contains(err.Error(), "ecdh")):
			t.Errorf("%s: got %v, want an error of the key exchange with both lists", name, err)
		}
	}
}
