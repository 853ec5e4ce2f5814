package ssh_test

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// TestSecret prints a configuration in all ways, and looks for the password.
func TestSecret(t *testing.T) {
	const password = "s3cr3t-pa55"
	key := ssh.Secret(password)
	config := ssh.Config{User: "root", Password: password, Bastion: &ssh.Config{Password: password}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", key, "in", struct{ P ssh.Secret }{password})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", key, "config", *config.Bastion)
	text, err := json.Marshal(map[string]any{"p": key, string(key[:0]): struct{ P ssh.Secret }{password}})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{
		fmt.Sprint(key), fmt.Sprintf("%s %v %q %x %X %d", key, key, key, key, key, key),
		fmt.Sprintf("%+v %#v %v", config, config, *config.Bastion), fmt.Sprintf("%#v", key), string(text), log.String(),
	} {
		if strings.Contains(got, password) || strings.Contains(got, fmt.Sprintf("%x", password)) {
			t.Errorf("the secret is in %s", got)
		}
		if !strings.Contains(got, "[redacted]") {
			t.Errorf("nothing shows that there is a secret in %s", got)
		}
	}
	if got := fmt.Sprint(ssh.Secret("")); got != "" {
		t.Errorf("no secret prints as %q", got)
	}
}

func TestKey(t *testing.T) {
	key, err := ssh.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if line := key.AuthorizedKey(); !strings.HasPrefix(line, "ssh-ed25519 ") || !strings.HasSuffix(line, " bootscribe") || strings.Contains(line, "\n") {
		t.Errorf("authorized key %q", line)
	}
	block, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ssh.ParseKey(block, "")
	if err != nil || again.Fingerprint() != key.Fingerprint() {
		t.Errorf("parsed %v, %v", again, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, key); got != "ssh-ed25519 "+key.Fingerprint() {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if _, err := ssh.ParseKey([]byte("no key"), ""); err == nil {
		t.Error("no error for no key")
	}
}

func TestKeyPassphrase(t *testing.T) {
	dir := t.TempDir()
	keygen := need.Tool(t, "ssh-keygen")
	if out, err := exec.Command(keygen, "-q", "-t", "rsa", "-b", "2048", "-a", "1", "-N", "words", "-f", dir+"/key").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	block := readFile(t, dir+"/key")
	if _, err := ssh.ParseKey(block, ""); err == nil || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("without the passphrase: %v", err)
	}
	key, err := ssh.ParseKey(block, "words")
	if err != nil {
		t.Fatal(err)
	}
	public := string(readFile(t, dir+"/key.pub"))
	if !strings.HasPrefix(public, key.AuthorizedKey()) {
		t.Errorf("public key %q, want %q", key.AuthorizedKey(), public)
	}
	server := start(t, &sshtest.Config{AuthorizedKeys: []string{public}})
	config := login(server)
	config.Password, config.Keys = "", []*ssh.Key{key}
	connect(t, config)
}

// TestKeyCertificate makes a certificate, and takes a key for none.
func TestKeyCertificate(t *testing.T) {
	key, authority := newKey(t), newKey(t)
	cert := &xssh.Certificate{Key: key.Signer().PublicKey(), CertType: xssh.UserCert, ValidBefore: xssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority.Signer()); err != nil {
		t.Fatal(err)
	}
	certified, err := key.WithCertificate(xssh.MarshalAuthorizedKey(cert))
	if err != nil || !strings.HasPrefix(certified.AuthorizedKey(), "ssh-ed25519-cert-v01@openssh.com ") {
		t.Errorf("got %v, %v", certified, err)
	}
	if _, err := key.WithCertificate([]byte(key.AuthorizedKey())); err == nil {
		t.Error("no error for a plain key")
	}
	if _, err := authority.WithCertificate(xssh.MarshalAuthorizedKey(cert)); err == nil {
		t.Error("no error for the certificate of another key")
	}
}

func TestKeyPEMIsOpenSSH(t *testing.T) {
	text, err := newKey(t).MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(text); block == nil || block.Type != "OPENSSH PRIVATE KEY" {
		t.Errorf("got %s", text)
	}
}
