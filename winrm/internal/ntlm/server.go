package ntlm

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"time"
)

// Login is a server's side of one login, for tests.
type Login struct{ negotiate, challenge []byte }

// Challenge answers a client's first message.
func Challenge(negotiate, random []byte) (*Login, []byte, error) {
	if err := check(negotiate, 1, 16); err != nil {
		return nil, nil, err
	}
	now := binary.LittleEndian.AppendUint64(nil, uint64(time.Now().UnixNano()/100+116444736000000000))
	info := append([]byte{avTimestamp, 0, 8, 0}, now...)
	info = append(info, avEnd, 0, 0, 0)
	const payload = atTargetInfo + 16
	m := make([]byte, payload)
	copy(m, signature)
	m[8] = 2
	putField(m[12:], payload, 0)
	binary.LittleEndian.PutUint32(m[20:], flags)
	copy(m[atChallenge:], random[:8])
	putField(m[atTargetInfo:], payload, len(info))
	m = append(m, info...)
	return &Login{negotiate, m}, m, nil
}

// Check looks whether the client's second message is that of an account, and
// returns the session that the login makes.
func (l *Login) Check(m []byte, a Account) (*Session, error) {
	if err := check(m, 3, atPayload); err != nil {
		return nil, err
	}
	if u := decode(field(m, atUser)); u != a.User {
		return nil, errors.New("no account " + u)
	}
	a.Domain = decode(field(m, atDomain))
	nt := field(m, atNT)
	if len(nt) < 16 {
		return nil, errors.New("the answer is too short")
	}
	key := a.key()
	if !hmac.Equal(nt[:16], mac(key, l.challenge[atChallenge:atChallenge+8], nt[16:])) {
		return nil, errors.New("the password is wrong")
	}
	exported := rc4Once(mac(key, nt[:16]), field(m, atKey))
	unsigned := bytes.Clone(m)
	clear(unsigned[atMIC:atPayload])
	if !hmac.Equal(m[atMIC:atPayload], mac(exported, l.negotiate, l.challenge, unsigned)) {
		return nil, errors.New("the messages of the login have been changed")
	}
	return newSession(exported, false), nil
}
