package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
)

// tagSize is how long the signature of a message is.
const tagSize = 16

// Session signs and seals messages in the order in which they are sent. It is for
// one goroutine at a time.
type Session struct{ out, in stream }

// stream is one direction.
type stream struct {
	key    []byte
	cipher *rc4.Cipher
	number uint32
}

func newSession(exported []byte, client bool) *Session {
	up, down := newStream(exported, "client-to-server"), newStream(exported, "server-to-client")
	if client {
		return &Session{out: up, in: down}
	}
	return &Session{out: down, in: up}
}

func newStream(exported []byte, direction string) stream {
	key := func(kind string) []byte {
		sum := md5.Sum([]byte(string(exported) + "session key to " + direction + " " + kind + " key magic constant\x00"))
		return sum[:]
	}
	return stream{key: key("signing"), cipher: newRC4(key("sealing"))}
}

// Seal encrypts a message and returns its signature with it.
func (s *Session) Seal(message []byte) (tag, sealed []byte) {
	sealed = make([]byte, len(message))
	s.out.cipher.XORKeyStream(sealed, message)
	return s.out.tag(message), sealed
}

// Open decrypts a message and checks its signature.
func (s *Session) Open(tag, sealed []byte) ([]byte, error) {
	message := make([]byte, len(sealed))
	s.in.cipher.XORKeyStream(message, sealed)
	if !hmac.Equal(tag, s.in.tag(message)) {
		return nil, errors.New("the signature of an encrypted message is wrong")
	}
	return message, nil
}

// tag returns the signature of the next message.
func (s *stream) tag(message []byte) []byte {
	number := binary.LittleEndian.AppendUint32(nil, s.number)
	s.number++
	tag := make([]byte, tagSize)
	tag[0] = 1
	s.cipher.XORKeyStream(tag[4:12], mac(s.key, number, message)[:8])
	copy(tag[12:], number)
	return tag
}

func newRC4(key []byte) *rc4.Cipher {
	c, _ := rc4.NewCipher(key) // only the length of a key can be wrong, and these are MD5's
	return c
}

func rc4Once(key, data []byte) []byte {
	out := make([]byte, len(data))
	newRC4(key).XORKeyStream(out, data)
	return out
}
