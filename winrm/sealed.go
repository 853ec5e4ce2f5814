package winrm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/bootscribe/bootscribe/winrm/internal/ntlm"
)

// An encrypted message (MS-WSMV 2.2.9.1.1) looks like MIME, and is not: there are
// no blank lines, and none before the last boundary.
const (
	protocol    = "application/HTTP-SPNEGO-session-encrypted"
	contentType = `multipart/encrypted;protocol="` + protocol + `";boundary="Encrypted Boundary"`
	boundary    = "--Encrypted Boundary"
	dataHead    = "\tContent-Type: application/octet-stream\r\n"
)

var errNotSealed = errors.New("the answer is not encrypted as it should be")

func sealed(s *ntlm.Session, message []byte) []byte {
	tag, data := s.Seal(message)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\r\n\tContent-Type: %s\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n%s\r\n%s",
		boundary, protocol, len(message), boundary, dataHead)
	_ = binary.Write(&b, binary.LittleEndian, uint32(len(tag)))
	b.Write(tag)
	b.Write(data)
	b.WriteString(boundary + "--\r\n")
	return b.Bytes()
}

// opened decrypts an answer.
func opened(s *ntlm.Session, kind string, body []byte) ([]byte, error) {
	if !strings.HasPrefix(strings.ToLower(kind), "multipart/encrypted") {
		return nil, errNotSealed
	}
	_, data, ok := bytes.Cut(body, []byte("octet-stream\r\n"))
	data, last := bytes.CutSuffix(bytes.TrimRight(data, "\r\n"), []byte(boundary+"--"))
	if !ok || !last || len(data) < 4 {
		return nil, errNotSealed
	}
	n := binary.LittleEndian.Uint32(data)
	data = data[4:]
	if uint64(n) > uint64(len(data)) {
		return nil, errNotSealed
	}
	return s.Open(data[:n], data[n:])
}
