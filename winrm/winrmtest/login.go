package winrmtest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"

	"github.com/bootscribe/bootscribe/winrm/internal/ntlm"
)

type connKey struct{}

// conn is a connection of a client, on which requests follow each other.
type conn struct {
	login   *ntlm.Login   // under way
	session *ntlm.Session // once logged in by NTLM
}

// letIn looks at a request's login, and answers one that is not let in.
func (s *Server) letIn(c *conn, w http.ResponseWriter, r *http.Request) bool {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	ok := false
	switch {
	case s.config.NTLM && scheme == "Negotiate":
		var challenge string
		if ok, challenge = s.ntlm(c, rest); challenge != "" {
			w.Header().Set("WWW-Authenticate", "Negotiate "+challenge)
			w.WriteHeader(http.StatusUnauthorized)
			return false
		}
	case s.config.NTLM:
		ok = c.session != nil
	default:
		user, password, basic := r.BasicAuth()
		ok = basic && (s.config.User == "" || user == s.config.User) && (s.config.Password == "" || password == s.config.Password)
	}
	if ok && s.patient() {
		return true
	}
	c.session = nil
	if s.config.NTLM {
		w.Header().Add("WWW-Authenticate", "Negotiate")
		w.Header().Add("WWW-Authenticate", "Kerberos")
	} else {
		w.Header().Add("WWW-Authenticate", `Basic realm="WSMAN"`)
	}
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

// patient reports whether a right login is accepted by now.
func (s *Server) patient() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse > 0 {
		s.refuse--
		return false
	}
	s.logins++
	return true
}

// ntlm takes a message of a login, and returns the challenge to answer with.
func (s *Server) ntlm(c *conn, token string) (ok bool, challenge string) {
	m, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return false, ""
	}
	if c.login == nil {
		l, challenge, err := ntlm.Challenge(m, []byte(newID()))
		if err != nil {
			return false, ""
		}
		c.login = l
		return false, base64.StdEncoding.EncodeToString(challenge)
	}
	user := s.config.User
	if user == "" {
		user = "root"
	}
	c.session, err = c.login.Check(m, ntlm.Account{User: user, Password: s.config.Password})
	c.login = nil
	return err == nil, ""
}

const boundary = "--Encrypted Boundary"

// open decrypts a request.
func open(session *ntlm.Session, body []byte) ([]byte, error) {
	parts := bytes.SplitN(body, []byte(boundary+"\r\n"), 3)
	if len(parts) != 3 || !bytes.Contains(parts[1], []byte("OriginalContent: type=application/soap+xml;charset=UTF-8;Length=")) {
		return nil, fmt.Errorf("not encrypted: %q", body)
	}
	data, ok := bytes.CutPrefix(parts[2], []byte("\tContent-Type: application/octet-stream\r\n"))
	data, last := bytes.CutSuffix(data, []byte(boundary+"--\r\n"))
	if !ok || !last || len(data) < 20 || binary.LittleEndian.Uint32(data) != 16 {
		return nil, fmt.Errorf("not encrypted: %q", body)
	}
	return session.Open(data[4:20], data[20:])
}

// seal encrypts an answer.
func seal(session *ntlm.Session, body []byte) []byte {
	tag, data := session.Seal(body)
	head := fmt.Sprintf("%s\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n%s\r\n\tContent-Type: application/octet-stream\r\n",
		boundary, len(body), boundary)
	out := binary.LittleEndian.AppendUint32([]byte(head), uint32(len(tag)))
	return append(append(append(out, tag...), data...), boundary+"--\r\n"...)
}
