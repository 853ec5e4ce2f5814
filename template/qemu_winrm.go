package template

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/winrm"
)

// winrmPort is the port of the guest's WinRM service.
func (q *qemuBuilder) winrmPort() int {
	if p := q.port("winrm_port"); p != 0 {
		return p
	}
	return (&winrm.Config{TLS: q.yes("winrm_use_ssl")}).Port()
}

// winrm reads how to log in to Windows.
func (q *qemuBuilder) winrm() {
	c := &q.b.Image.WinRM
	c.User, c.Password = q.str("winrm_username"), winrm.Secret(q.str("winrm_password"))
	for _, option := range []string{"winrm_username", "winrm_password"} {
		if !q.given(option) {
			q.fail("", "option "+option+" is missing", `give it, or write "communicator": "none"`)
		}
	}
	c.TLS, c.NTLM = q.yes("winrm_use_ssl"), q.yes("winrm_use_ntlm")
	c.Insecure = c.TLS && q.yes("winrm_insecure")
	q.b.Image.WinRMPort = q.winrmPort()
	host := q.str("winrm_host")
	switch {
	case q.yes("skip_nat_mapping"):
		host = cmp.Or(host, "127.0.0.1")
	case host == "127.0.0.1" || host == "localhost":
		host = "" // which is where ports are forwarded to
	}
	if host != "" {
		c.Addr = net.JoinHostPort(host, strconv.Itoa(q.winrmPort()))
		if !q.yes("winrm_no_proxy") {
			c.Proxy = http.ProxyFromEnvironment
		}
	}
	q.is("WinRM", "winrm_username")
	q.is("WinRM.Addr", "winrm_host")
	q.is("WinRMPort", "winrm_port")
}

// connectWinRM are the steps that wait for WinRM, as long as Packer would.
func (q *qemuBuilder) connectWinRM() []imagebuild.Step {
	wait := imagebuild.WaitWinRM()
	wait.Timeout = 30 * time.Minute
	if d := q.duration("winrm_timeout"); d != 0 {
		wait.Timeout = d
	}
	return q.pausing(wait, wait)
}

// winrm tells whether provisioners reach the guest by WinRM.
func (g *generator) winrm() bool {
	return g.build.Image.SSH.User == "" && g.build.Image.WinRM.User != ""
}
