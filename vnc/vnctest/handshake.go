package vnctest

import (
	"bytes"
	"crypto/des"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"image"
	"math/bits"
)

// handshake opens the session, RFC 6143 sections 7.1 to 7.3.
func (c *client) handshake() error {
	if _, err := c.nc.Write([]byte("RFB 003.008\n")); err != nil {
		return err
	}
	if b, err := c.take(12); err != nil || !bytes.Equal(b, []byte("RFB 003.008\n")) {
		return errors.Join(err, errors.New("vnctest: the client does not speak RFB 3.8"))
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	if _, err := c.take(1); err != nil { // ClientInit; all sessions are shared
		return err
	}
	return c.sendInit()
}

func (c *client) authenticate() error {
	security := byte(1)
	if c.s.cfg.Password != "" {
		security = 2
	}
	if _, err := c.nc.Write([]byte{1, security}); err != nil {
		return err
	}
	if b, err := c.take(1); err != nil || b[0] != security {
		return errors.Join(err, errors.New("vnctest: the client chose a security type that was not offered"))
	}
	if security == 2 && !c.passwordIsRight() {
		c.s.update(func() { c.s.refused++ })
		reason := "Authentication failed"
		b := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 1}, uint32(len(reason)))
		c.nc.Write(append(b, reason...))
		return errors.New("vnctest: wrong password")
	}
	_, err := c.nc.Write(make([]byte, 4))
	return err
}

// passwordIsRight asks the client to encrypt a challenge with the password.
func (c *client) passwordIsRight() bool {
	challenge := make([]byte, 16)
	rand.Read(challenge) // never fails
	if _, err := c.nc.Write(challenge); err != nil {
		return false
	}
	answer, err := c.take(16)
	return err == nil && bytes.Equal(answer, encrypt(c.s.cfg.Password, challenge))
}

// encrypt is VNC authentication, RFC 6143 section 7.2.2: DES with the bits
// of each byte of the key reversed.
func encrypt(password string, challenge []byte) []byte {
	key := make([]byte, 8)
	copy(key, password)
	for i, b := range key {
		key[i] = bits.Reverse8(b)
	}
	block, err := des.NewCipher(key)
	if err != nil {
		panic(err) // the key has 8 bytes
	}
	out := make([]byte, 16)
	block.Encrypt(out, challenge)
	block.Encrypt(out[8:], challenge[8:])
	return out
}

// sendInit tells the size and the name.
func (c *client) sendInit() error {
	var b []byte
	c.s.update(func() {
		c.size = c.s.screen.Rect.Size()
		b = appendSize(nil, image.Rectangle{Max: c.size})
	})
	b = append(b[4:], native.bytes()...) // without the origin
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.s.cfg.Name)))
	_, err := c.nc.Write(append(b, c.s.cfg.Name...))
	return err
}
