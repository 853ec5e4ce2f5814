// Package ntlm is NTLM version 2 as HTTP uses it (MS-NLMP): the three messages
// of a login, and the signing and sealing of what follows.
package ntlm

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 NTLM is made of it
)

const signature = "NTLMSSP\x00"

// The flags of a login that are asked for: Unicode, and keys of 128 bits that
// both sides agree on for this login alone.
const (
	unicode         = 1 << 0
	requestTarget   = 1 << 2
	sign            = 1 << 4
	seal            = 1 << 5
	isNTLM          = 1 << 9
	alwaysSign      = 1 << 15
	extendedSession = 1 << 19
	targetInfo      = 1 << 23
	key128          = 1 << 29
	keyExchange     = 1 << 30
	flags           = unicode | requestTarget | sign | seal | isNTLM | alwaysSign | extendedSession | targetInfo | key128 | keyExchange
)

// What a list of facts about the server may have in it.
const (
	avEnd       = 0
	avFlags     = 6
	avTimestamp = 7
	flagHasMIC  = 2
)

// Where things are in the messages.
const (
	atChallenge  = 24
	atTargetInfo = 40
	atLM         = 12
	atNT         = 20
	atDomain     = 28
	atUser       = 36
	atHost       = 44
	atKey        = 52
	atFlags      = 60
	atMIC        = 72
	atPayload    = 88
)

// Account is who logs in.
type Account struct {
	Domain   string // empty for an account of the guest's own
	User     string // the name
	Password string // the password
}

// NewAccount takes DOMAIN\user apart. A name such as user@domain stays whole.
func NewAccount(name, password string) Account {
	if domain, user, ok := strings.Cut(name, `\`); ok {
		return Account{domain, user, password}
	}
	return Account{"", name, password}
}

// Negotiate returns the client's first message.
func Negotiate() []byte {
	m := make([]byte, 40)
	copy(m, signature)
	m[8] = 1
	binary.LittleEndian.PutUint32(m[12:], flags)
	return m
}

// Authenticate answers a server's challenge, after the client's first message,
// and returns the session that the login makes.
func Authenticate(a Account, negotiate, challenge []byte) (message []byte, s *Session, err error) {
	var random [24]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, nil, err
	}
	server, info, err := readChallenge(challenge)
	if err != nil {
		return nil, nil, err
	}
	stamp, hasMIC := timestamp(info)
	if hasMIC {
		info = withMIC(info)
	}
	key := a.key()
	nt, base := respond(key, server, random[:8], stamp, info)
	lm := make([]byte, 24)
	if !hasMIC {
		lm = append(mac(key, server, random[:8]), random[:8]...)
	}
	exported := random[8:]
	m := a.message(lm, nt, rc4Once(base, exported))
	if hasMIC {
		copy(m[atMIC:], mac(exported, negotiate, challenge, m))
	}
	return m, newSession(exported, true), nil
}

// key is NTOWFv2 of MS-NLMP 3.3.2.
func (a Account) key() []byte {
	h := md4.New()
	h.Write(encode(a.Password))
	return mac(h.Sum(nil), encode(strings.ToUpper(a.User)+a.Domain))
}

// respond returns the answer to a challenge, and the key that follows from it.
func respond(key, server, client, stamp, info []byte) (answer, base []byte) {
	temp := bytes.Join([][]byte{{1, 1, 0, 0, 0, 0, 0, 0}, stamp, client, make([]byte, 4), info, make([]byte, 4)}, nil)
	proof := mac(key, server, temp)
	return append(proof, temp...), mac(key, proof)
}

// message is the client's second message.
func (a Account) message(lm, nt, sessionKey []byte) []byte {
	m := make([]byte, atPayload)
	copy(m, signature)
	m[8] = 3
	binary.LittleEndian.PutUint32(m[atFlags:], flags)
	for _, f := range []struct {
		at   int
		data []byte
	}{{atDomain, encode(a.Domain)}, {atUser, encode(a.User)}, {atHost, nil}, {atLM, lm}, {atNT, nt}, {atKey, sessionKey}} {
		putField(m[f.at:], len(m), len(f.data))
		m = append(m, f.data...)
	}
	return m
}

func putField(at []byte, offset, length int) {
	binary.LittleEndian.PutUint16(at, uint16(length))
	binary.LittleEndian.PutUint16(at[2:], uint16(length))
	binary.LittleEndian.PutUint32(at[4:], uint32(offset))
}

// field returns what a field of a message refers to, or nil where that is not
// in the message.
func field(m []byte, at int) []byte {
	if len(m) < at+8 {
		return nil
	}
	length := uint64(binary.LittleEndian.Uint16(m[at:]))
	offset := uint64(binary.LittleEndian.Uint32(m[at+4:])) // which an int need not hold
	if offset+length > uint64(len(m)) {
		return nil
	}
	return m[offset : offset+length]
}

// check looks that a message is of a type and long enough for its fields.
func check(m []byte, kind byte, length int) error {
	if !bytes.HasPrefix(m, []byte(signature)) || len(m) < length || m[8] != kind {
		return fmt.Errorf("no NTLM message of type %d", kind)
	}
	return nil
}

func readChallenge(m []byte) (server, info []byte, err error) {
	if err := check(m, 2, atTargetInfo+8); err != nil {
		return nil, nil, err
	}
	if binary.LittleEndian.Uint32(m[20:])&keyExchange == 0 {
		return nil, nil, errors.New("the server does not exchange keys; it is too old")
	}
	return m[atChallenge : atChallenge+8], field(m, atTargetInfo), nil
}

// facts calls f with each fact of a list, until it returns false.
func facts(info []byte, f func(id uint16, value []byte) bool) {
	for len(info) >= 4 {
		id, n := binary.LittleEndian.Uint16(info), int(binary.LittleEndian.Uint16(info[2:]))
		if id == avEnd || n > len(info)-4 || !f(id, info[4:4+n]) {
			return
		}
		info = info[4+n:]
	}
}

// timestamp returns the server's time, if it tells it: then it wants the login's
// messages signed. Else it is ours.
func timestamp(info []byte) (stamp []byte, told bool) {
	facts(info, func(id uint16, value []byte) bool {
		if id == avTimestamp && len(value) == 8 {
			stamp, told = value, true
		}
		return !told
	})
	if !told {
		const from1601 = 116444736000000000 // to 1970, in 100 ns
		stamp = binary.LittleEndian.AppendUint64(nil, uint64(time.Now().UnixNano()/100+from1601))
	}
	return stamp, told
}

// withMIC adds that the messages are signed.
func withMIC(info []byte) []byte {
	var out []byte
	add := func(id uint16, value []byte) bool {
		if id != avFlags {
			out = binary.LittleEndian.AppendUint16(out, id)
			out = binary.LittleEndian.AppendUint16(out, uint16(len(value)))
			out = append(out, value...)
		}
		return true
	}
	facts(info, add)
	return append(out, avFlags, 0, 4, 0, flagHasMIC, 0, 0, 0, avEnd, 0, 0, 0)
}

// mac is HMAC-MD5 of all parts.
func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// encode returns a text in UTF-16, little endian.
func encode(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func decode(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(units))
}
