package template_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/template"
)

// TestRSADecrypt reads what was encrypted for a key, in each form that keys of RSA
// have, and names what is wrong without showing the key.
func TestRSADecrypt(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 the function is for what was encrypted in this way
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, &key.PublicKey, []byte("Windows' pässword"))
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := x509.MarshalECPrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	text, pkcs1 := base64.StdEncoding.EncodeToString(sealed), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	for name, tt := range map[string]struct{ text, key, want, err string }{
		"PKCS #1":    {text, pkcs1, "Windows' pässword", ""},
		"PKCS #8":    {text, block("PRIVATE KEY", pkcs8), "Windows' pässword", ""},
		"not base64": {"%", pkcs1, "", "illegal base64"},
		"no key":     {text, "none", "", "the key: "},
		"no RSA key": {text, block("EC PRIVATE KEY", ec), "", "the key is no RSA key"},
		"other text": {base64.StdEncoding.EncodeToString([]byte("x")), pkcs1, "", "decryption error"},
	} {
		in := fmt.Sprintf("rsadecrypt(%q, %q)", tt.text, tt.key)
		_, builds, err := parseHCL(t, hclTemplate("  cd_content = { a = "+in+" }\n", ""), &template.Config{Env: noEnv, Now: time.Unix(0, 0)})
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %q", name, err, tt.err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case builds[0].Image.Seed.Content["a"] != tt.want:
			t.Errorf("%s: %q", name, builds[0].Image.Seed.Content["a"])
		}
	}
}
