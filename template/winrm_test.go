package template_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/template"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// TestWinRM runs the provisioners for Windows on a machine whose WinRM is a server
// of the test, where scripts are sh's.
func TestWinRM(t *testing.T) {
	t.Parallel()
	home, dir := t.TempDir(), t.TempDir()
	var raw []byte // the batch file as it arrived
	g := &winrmtest.Guest{Dir: home, Shutdown: func(string) {
		raw, _ = os.ReadFile(filepath.Join(home, "c:/Windows/Temp/script.bat"))
	}}
	var asked []string // for keys of the registry, of which there is one at first
	server, err := winrmtest.Start(&winrmtest.Config{User: "Administrator", Password: "s3cret", NTLM: true, Exec: func(ctx context.Context, call *winrmtest.Call) int {
		if !strings.HasPrefix(call.Script, "foreach") {
			return g.Exec(ctx, call)
		}
		if asked = append(asked, call.Script); len(asked) == 1 {
			return 1
		}
		return 0
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	_, port, _ := strings.Cut(server.Addr, ":")
	for name, text := range map[string]string{"file": "from the host\n", "tree/a": "A"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var said []string
	c := template.Config{Observe: func(_ string, e imagebuild.Event) {
		mu.Lock()
		defer mu.Unlock()
		if o, ok := e.(imagebuild.Output); ok {
			said = append(said, o.Step+": "+o.Line)
		}
	}}
	_, _, err = run(t, map[string]any{
		"name": "win", "iso_url": guest.CD(t, guest.Button), "output_directory": filepath.Join(dir, "out"),
		"communicator": "winrm", "winrm_username": "Administrator", "winrm_password": "s3cret", "winrm_use_ntlm": true, "winrm_port": port, "skip_nat_mapping": true,
		"winrm_no_proxy": true, "winrm_timeout": "2m",
	}, map[string]any{
		"provisioners": []any{
			map[string]any{"type": "file", "source": filepath.Join(dir, "file"), "destination": `C:\a\`},
			map[string]any{"type": "file", "source": filepath.Join(dir, "tree"), "destination": "C:/t"},
			map[string]any{"type": "file", "content": "for {{build `User`}} by {{build `ConnType`}}\n", "destination": `C:\content`},
			map[string]any{"type": "powershell", "inline": []string{"echo $WORD from $PACKER_BUILD_NAME with {{build `WinRMPassword`}}", "exit 3"},
				"env": map[string]string{"WORD": "it is"}, "valid_exit_codes": []int{3}},
			map[string]any{"type": "powershell", "name": "elevated", "inline": []string{"echo $USERNAME and $WORD; exit 4"}, "environment_vars": []string{"WORD=more"},
				"elevated_user": "SYSTEM", "valid_exit_codes": []int{4}},
			map[string]any{"type": "powershell", "name": "fails", "inline": []string{"exit 9"}, "environment_vars": []string{"TOKEN=secret"}, "continue_on_error": true},
			map[string]any{"type": "windows-shell", "inline": []string{"echo batch $OTHER", "cat C:/a/file"}, "environment_vars": []string{"OTHER=words"}},
			map[string]any{"type": "windows-restart", "restart_check_command": "echo try >> tries; test $(wc -l < tries) = 2", "check_registry": true, "registry_keys": []string{"none"}},
			map[string]any{"type": "file", "direction": "download", "source": `C:\content`, "destination": dir + "/back/"},
			map[string]any{"type": "shell-local", "inline": []string{"echo at port {{build `Port`}}"}},
		},
	}, &c)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"C:/a/file": "from the host\n", "C:/t/tree/a": "A", "C:/content": "for Administrator by winrm\n", "tries": "try\ntry\n"} {
		if got, err := os.ReadFile(filepath.Join(home, name)); string(got) != want {
			t.Errorf("%s in the guest: %q, %v", name, got, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "back", "content")); string(got) != "for Administrator by winrm\n" {
		t.Errorf("downloaded: %q, %v", got, err)
	}
	if want := "echo batch $OTHER\r\ncat C:/a/file\r\n"; string(raw) != want {
		t.Errorf("the batch file is %q, want %q", raw, want)
	}
	if left := entries(t, filepath.Join(home, "c:/Windows/Temp")); len(left) != 1 {
		t.Errorf("in the guest's directory for temporary files are %v", left)
	}
	if len(asked) != 2 || !strings.Contains(asked[0], "'none'") {
		t.Errorf("asked for the registry: %q", asked)
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{"powershell: it is from win with s3cret", "elevated: SYSTEM and more", "windows-shell: batch words", "windows-shell: from the host", "shell-local: at port " + port} {
		if !strings.Contains(text, want) {
			t.Errorf("nobody said %q:\n%s", want, text)
		}
	}
}

// TestWinRMOptions looks at what becomes of the options.
func TestWinRMOptions(t *testing.T) {
	t.Parallel()
	type saw struct {
		Addr, User, Password string
		TLS, Insecure, NTLM  bool
		Proxy                bool
		Port                 int
		Timeout              time.Duration
		Forwards             []qemu.Forward
	}
	for name, tt := range map[string]struct {
		options string
		want    saw
	}{
		"the least": {``, saw{Port: 5985, Timeout: 30 * time.Minute}},
		"all": {`"winrm_host":"win.example","winrm_port":15986,"winrm_timeout":"1h","winrm_use_ssl":true,"winrm_insecure":true,"winrm_use_ntlm":true,`,
			saw{Addr: "win.example:15986", TLS: true, Insecure: true, NTLM: true, Proxy: true, Port: 15986, Timeout: time.Hour}},
		"no proxy":         {`"winrm_host":"win.example","winrm_no_proxy":true,`, saw{Addr: "win.example:5985", Port: 5985, Timeout: 30 * time.Minute}},
		"SSL":              {`"winrm_use_ssl":true,`, saw{TLS: true, Port: 5986, Timeout: 30 * time.Minute}},
		"a port":           {`"host_port_min":4000,"host_port_max":4000,`, saw{Port: 5985, Timeout: 30 * time.Minute, Forwards: []qemu.Forward{{HostPort: 4000, GuestPort: 5985}}}},
		"skip_nat_mapping": {`"skip_nat_mapping":true,`, saw{Addr: "127.0.0.1:5985", Proxy: true, Port: 5985, Timeout: 30 * time.Minute}},
		"a bridge":         {`"net_bridge":"br0","winrm_port":80,`, saw{Port: 80, Timeout: 30 * time.Minute}},
	} {
		tt.want.User, tt.want.Password = "Administrator", "s3cret"
		b := parse(t, `{"builders":[{"type":"qemu","iso_url":"a.iso","iso_checksum":"none","headless":true,`+tt.options+
			`"communicator":"winrm","winrm_username":"Administrator","winrm_password":"s3cret"}]}`, &template.Config{Env: noEnv})[0]
		w := b.Image.WinRM
		got := saw{w.Addr, w.User, string(w.Password), w.TLS, w.Insecure, w.NTLM, w.Proxy != nil, b.Image.WinRMPort, b.Image.Steps[0].Timeout, b.Image.VM.NICs[0].Forwards}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
