package winrmtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// script is a client by other people.
const script = `
import sys, winrm
s = winrm.Session('http://%s/wsman' % sys.argv[1], auth=('root', 'secret'), transport=sys.argv[2])
r = s.run_cmd('echo out; echo err >&2; exit 3')
print(r.status_code, r.std_out, r.std_err)
r = s.run_ps('echo äöü; exit 4')
print(r.status_code, r.std_out.decode())
`

// legacy lets OpenSSL calculate the MD4 that NTLM is made of.
const legacy = `openssl_conf = begin
[begin]
providers = providers
[providers]
default = on
legacy = on
[on]
activate = 1
`

// The server speaks the protocol as others understand it: pywinrm, with which
// Windows is administered from Linux.
func TestPywinrm(t *testing.T) {
	python := need.Tool(t, "/usr/bin/python3") // which has Debian's packages
	if err := exec.Command(python, "-c", "import winrm").Run(); err != nil {
		need.Skip(t, "needs pywinrm; `make deps` installs it")
	}
	config := filepath.Join(t.TempDir(), "openssl.cnf")
	if err := os.WriteFile(config, []byte(legacy), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []string{"basic", "ntlm"} {
		server, err := winrmtest.Start(&winrmtest.Config{Password: "secret", NTLM: transport == "ntlm", Exec: (&winrmtest.Guest{Dir: t.TempDir()}).Exec})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		cmd := exec.Command(python, "-c", script, server.Addr, transport)
		cmd.Env = append(os.Environ(), "OPENSSL_CONF="+config)
		out, err := cmd.CombinedOutput()
		if want := "3 b'out\\n' b'err\\n'\n4 äöü\n\n"; string(out) != want || err != nil {
			t.Errorf("%s: %v: %s\nwant %s", transport, err, out, want)
		}
	}
}
