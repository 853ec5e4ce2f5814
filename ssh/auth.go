package ssh

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// credentials are the means of one login. Close them after it.
type credentials struct {
	methods []xssh.AuthMethod
	agent   io.Closer
}

func newCredentials(c *Config) *credentials {
	creds := new(credentials)
	if len(c.Keys) > 0 || c.UseAgent {
		creds.methods = append(creds.methods, xssh.PublicKeysCallback(func() ([]xssh.Signer, error) {
			return creds.signers(c)
		}))
	}
	if c.Password != "" {
		creds.methods = append(creds.methods,
			xssh.Password(string(c.Password)),
			xssh.KeyboardInteractive(answerPassword(string(c.Password))))
	}
	return creds
}

// signers returns the configured keys, and those of the agent if it is wanted.
func (creds *credentials) signers(c *Config) ([]xssh.Signer, error) {
	var signers []xssh.Signer
	for _, key := range c.Keys {
		signers = append(signers, key.signer)
	}
	if !c.UseAgent || creds.agent != nil {
		return signers, nil
	}
	conn, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil && len(signers) == 0 {
		return nil, fmt.Errorf("ssh agent at SSH_AUTH_SOCK: %w", err)
	}
	if err != nil {
		return signers, nil
	}
	creds.agent = conn
	held, err := agent.NewClient(conn).Signers()
	if err != nil && len(signers) == 0 {
		return nil, fmt.Errorf("ssh agent at SSH_AUTH_SOCK: %w", err)
	}
	return append(signers, held...), nil
}

func (creds *credentials) close() {
	if creds.agent != nil {
		creds.agent.Close()
	}
}

// answerPassword answers one hidden question with the password, once: a server
// that asks again, asks several things or shows what is typed wants something
// else (a new password, a code), and shall not get this.
func answerPassword(password string) xssh.KeyboardInteractiveChallenge {
	asked := false
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if len(questions) == 0 {
			return nil, nil
		}
		if len(questions) > 1 || echos[0] {
			return nil, fmt.Errorf("keyboard-interactive asks %q, which the password does not answer", questions)
		}
		if asked {
			return nil, errors.New("keyboard-interactive asks for the password again")
		}
		asked = true
		return []string{password}, nil
	}
}
