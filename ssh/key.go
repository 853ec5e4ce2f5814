package ssh

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	xssh "golang.org/x/crypto/ssh"
)

// Key is a private key in memory. Make one with [NewKey] or [ParseKey]. It
// never prints the private part; only [Key.MarshalPEM] gives it away.
type Key struct {
	private crypto.PrivateKey
	signer  xssh.Signer
	comment string
}

// NewKey makes a temporary Ed25519 key that exists only in memory. Its comment
// is "bootscribe", so that the line can be found again in a guest's
// authorized_keys.
func NewKey() (*Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("ssh: new key: %w", err)
	}
	signer, err := xssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("ssh: new key: %w", err)
	}
	return &Key{private: private, signer: signer, comment: "bootscribe"}, nil
}

// ParseKey reads a private key in PEM: OpenSSH's own format, PKCS#1, PKCS#8 or
// SEC 1. The passphrase is "" for a key that is not encrypted.
func ParseKey(pemBytes []byte, passphrase Secret) (*Key, error) {
	private, err := parsePrivate(pemBytes, passphrase)
	if err != nil {
		return nil, fmt.Errorf("ssh: parse key: %w", err)
	}
	signer, err := xssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("ssh: parse key: %w", err)
	}
	return &Key{private: private, signer: signer}, nil
}

func parsePrivate(pemBytes []byte, passphrase Secret) (crypto.PrivateKey, error) {
	if passphrase != "" {
		return xssh.ParseRawPrivateKeyWithPassphrase(pemBytes, []byte(passphrase))
	}
	private, err := xssh.ParseRawPrivateKey(pemBytes)
	var missing *xssh.PassphraseMissingError
	if errors.As(err, &missing) {
		return nil, errors.New("the key is encrypted; give its passphrase")
	}
	return private, err
}

// WithCertificate returns a copy of the key that logs in with an OpenSSH user
// certificate, given as the one line that ssh-keygen -s writes to *-cert.pub.
func (k *Key) WithCertificate(line []byte) (*Key, error) {
	public, comment, _, _, err := xssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, fmt.Errorf("ssh: parse certificate: %w", err)
	}
	cert, ok := public.(*xssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("ssh: parse certificate: a plain %s key; give the line of the -cert.pub file", public.Type())
	}
	signer, err := xssh.NewCertSigner(cert, k.signer)
	if err != nil {
		return nil, fmt.Errorf("ssh: parse certificate: %w", err)
	}
	return &Key{private: k.private, signer: signer, comment: comment}, nil
}

// AuthorizedKey returns the public key as a line of authorized_keys, with its
// comment and without a newline.
func (k *Key) AuthorizedKey() string {
	line := publicLine(k.signer.PublicKey())
	if k.comment != "" {
		line += " " + k.comment
	}
	return line
}

// Fingerprint returns the public key's "SHA256:…" as ssh-keygen -l shows it.
func (k *Key) Fingerprint() string { return xssh.FingerprintSHA256(k.signer.PublicKey()) }

// Signer returns the key as the type that golang.org/x/crypto/ssh works with,
// for programs that use that package themselves.
func (k *Key) Signer() xssh.Signer { return k.signer }

// MarshalPEM returns the private key, not encrypted, in OpenSSH's format: for
// handing a host key to a guest, or for a person who wants to log in while a
// build is being debugged. Write it with mode 0600.
func (k *Key) MarshalPEM() ([]byte, error) {
	block, err := xssh.MarshalPrivateKey(k.private, k.comment)
	if err != nil {
		return nil, fmt.Errorf("ssh: marshal key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// String returns the key's type and fingerprint.
func (k *Key) String() string { return k.signer.PublicKey().Type() + " " + k.Fingerprint() }

// GoString returns what [Key.String] does, so that %#v shows no private part.
func (k *Key) GoString() string { return k.String() }

func publicLine(key xssh.PublicKey) string {
	return strings.TrimSpace(string(xssh.MarshalAuthorizedKey(key)))
}
