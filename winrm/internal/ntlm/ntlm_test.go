package ntlm

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The values of MS-NLMP 4.2.
func TestVectors(t *testing.T) {
	a := Account{Domain: "Domain", User: "User", Password: "Password"}
	equal(t, "NTOWFv2", a.key(), "0c868a403bfd7a93a3001ef22ef02e3f")
	server, client := unhex(t, "0123456789abcdef"), unhex(t, "aaaaaaaaaaaaaaaa")
	info := unhex(t, "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000")
	nt, base := respond(a.key(), server, client, make([]byte, 8), info[:36])
	equal(t, "NTProofStr", nt[:16], "68cd0ab851e51c96aabc927bebef6a1c")
	equal(t, "SessionBaseKey", base, "8de40ccadbc14a82f15cb0ad0de95ca3")
	equal(t, "LMv2", mac(a.key(), server, client), "86c35097ac9cec102554764a57cccc19")
	exported := unhex(t, "55555555555555555555555555555555")
	equal(t, "EncryptedRandomSessionKey", rc4Once(base, exported), "c5dad2544fc9799094ce1ce90bc9d03e")
	s := newSession(exported, true)
	equal(t, "the signing key", s.out.key, "4788dc861b4782f35d43fd98fe1a2d39")
	tag, sealed := s.Seal(encode("Plaintext"))
	equal(t, "sealed", sealed, "54e50165bf1936dc996020c1811b0f06fb5f")
	equal(t, "the signature", tag, "010000007fb38ec5c55d497600000000")
}

// Both sides agree, message by message, and notice what was changed.
func TestLogin(t *testing.T) {
	for _, tt := range []struct{ name, password, problem string }{
		{`GUEST\root`, "secret", ""},
		{"root", "secret", ""},
		{"root", "wrong", "the password is wrong"},
		{"other", "secret", "no account other"},
	} {
		l, challenge, err := Challenge(Negotiate(), unhex(t, "0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		m, client, err := Authenticate(NewAccount(tt.name, tt.password), Negotiate(), challenge)
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Check(m, Account{User: "root", Password: "secret"})
		if err != nil || tt.problem != "" {
			if err == nil || err.Error() != tt.problem {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.problem)
			}
			continue
		}
		for _, text := range []string{"first", "second"} {
			tag, sealed := client.Seal([]byte(text))
			if got, err := server.Open(tag, sealed); string(got) != text || err != nil {
				t.Errorf("%s: %q: %v", text, got, err)
			}
		}
		tag, sealed := server.Seal([]byte("answer"))
		sealed[0] ^= 1
		if got, err := client.Open(tag, sealed); err == nil {
			t.Errorf("%q was changed on the way", got)
		}
		m[len(m)-1] ^= 1 // the session's key
		if _, err := l.Check(m, Account{User: "root", Password: "secret"}); err == nil {
			t.Error("a message was changed on the way")
		}
	}
}

// A challenge that is none is an error, and one whose fields lead out of it has
// nothing there.
func TestBadChallenge(t *testing.T) {
	_, good, err := Challenge(Negotiate(), make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m []byte) []byte{
		"short":           func(m []byte) []byte { return m[:atTargetInfo] },
		"another message": func(m []byte) []byte { m[8] = 3; return m },
		"no NTLM":         func(m []byte) []byte { m[0] = 'n'; return m },
		"no key exchange": func(m []byte) []byte { m[23] &^= keyExchange >> 24; return m },
	} {
		if _, _, err := Authenticate(Account{User: "root"}, Negotiate(), change(bytes.Clone(good))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, at := range []struct{ offset, length int64 }{{1 << 31, 4}, {1<<32 - 1, 1}, {int64(len(good)) - 3, 4}, {int64(len(good)) + 1, 0}} {
		m := bytes.Clone(good)
		putField(m[atTargetInfo:], int(at.offset), int(at.length))
		if got := field(m, atTargetInfo); got != nil {
			t.Errorf("%d bytes at %d: %x", at.length, at.offset, got)
		}
		if _, _, err := Authenticate(Account{User: "root"}, Negotiate(), m); err != nil {
			t.Errorf("%d bytes at %d: %v", at.length, at.offset, err)
		}
	}
	long := []byte{avTimestamp, 0, 8, 0, 1, 2} // which says that it is longer
	if _, told := timestamp(long); told {
		t.Error("a time that is cut off was read")
	}
}

// What a hostile server sends is an error.
func FuzzAuthenticate(f *testing.F) {
	_, challenge, err := Challenge(Negotiate(), make([]byte, 8))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(challenge)
	f.Fuzz(func(_ *testing.T, challenge []byte) {
		_, _, _ = Authenticate(Account{User: "root"}, Negotiate(), challenge)
	})
}

func equal(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != want {
		t.Errorf("%s is %x, want %s", what, got, want)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
