package imagebuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/ssh"
)

// What is wrong is found before anything starts, with its field.
func TestValidate(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	user := ssh.Config{User: "root"}
	for name, tt := range map[string]struct {
		set  func(b *Build)
		want []string // in the only line of the error; nil if all is well
	}{
		"good":                 {func(b *Build) {}, nil},
		"a file name as name":  {func(b *Build) { b.Output = filepath.Join(filepath.Dir(b.Output), "my image (2).qcow2") }, nil},
		"output empty":         {func(b *Build) { b.Output = "" }, []string{"imagebuild: Output: is empty", "give"}},
		"output exists":        {func(b *Build) { b.Output = there }, []string{"Output", "exists", "Overwrite"}},
		"output no directory":  {func(b *Build) { b.Output = "/nowhere/x.qcow2" }, []string{"Output", `no directory "/nowhere"`, "make it"}},
		"output in a file":     {func(b *Build) { b.Output = there + "/x" }, []string{"Output", "not a directory"}},
		"output not regular":   {func(b *Build) { b.Output, b.Overwrite = "/dev/null", true }, []string{"Output", "not a regular file"}},
		"output is the medium": {func(b *Build) { b.Output, b.Overwrite = b.Media.URLs[0], true }, []string{"Output", "file itself"}},
		"manifest exists":      {func(b *Build) { b.Manifest = there }, []string{"Manifest", "exists"}},
		"manifest is output":   {func(b *Build) { b.Manifest = b.Output }, []string{"Manifest", "same file"}},
		"name":                 {func(b *Build) { b.Name = "a b" }, []string{"imagebuild: Name:", `"a b"`}},
		"format":               {func(b *Build) { b.Format = "vmkd" }, []string{"Format", "vmdk"}},
		"compression":          {func(b *Build) { b.Format, b.Compress = qemuimg.Raw, qemuimg.Zstd }, []string{"Compress"}},
		"disk small":           {func(b *Build) { b.Disk.Size = 511 }, []string{"Disk.Size", "511"}},
		"output is the image": {func(b *Build) {
			b.Output, b.Overwrite, b.Disk.Image, b.Media = b.Media.URLs[0], true, b.Media, iso.Source{}
		}, []string{"Output", "Disk.Image.URLs[0]"}},
		"image missing":        {func(b *Build) { b.Disk.Image = iso.Source{URLs: []string{there + "x"}, Checksum: "none"} }, []string{"Disk.Image.URLs", "no file"}},
		"image unchecked":      {func(b *Build) { b.Disk.Image = iso.Source{URLs: []string{there}} }, []string{"Disk.Image", "Checksum"}},
		"image in place":       {func(b *Build) { b.Media, b.Disk.Image, b.Disk.Size = iso.Source{}, b.Media, 0 }, nil},
		"no size of a card":    {func(b *Build) { b.Disk.Bus, b.Disk.Size = qemu.SD, 0 }, []string{"Disk.Size", "power of two", "32<<30"}},
		"overlay of nothing":   {func(b *Build) { b.Disk.Overlay = true }, []string{"Disk.Image", "Overlay"}},
		"overlay of raw":       {func(b *Build) { b.Disk.Image, b.Disk.Overlay, b.Format = b.Media, true, qemuimg.Raw }, []string{"Disk.Overlay", "raw", "qcow2"}},
		"create arguments":     {func(b *Build) { b.ImgArgs.Create = []string{"-b", "x"} }, []string{"ImgArgs.Create", `"-b"`, "Backing"}},
		"convert arguments":    {func(b *Build) { b.ImgArgs.Convert = []string{"-c"} }, []string{"ImgArgs.Convert", "Compress"}},
		"resize arguments":     {func(b *Build) { b.ImgArgs.Resize = []string{"10G"} }, []string{"ImgArgs.Resize", `"10G"`}},
		"cd on nvme":           {func(b *Build) { b.CDBus = qemu.NVMe }, []string{"CDBus", "nvme", "usb"}},
		"cd on ide of q35":     {func(b *Build) { b.CDBus, b.VM.Machine = qemu.IDE, "q35" }, []string{"CDBus", "no IDE"}},
		"disk absurd":          {func(b *Build) { b.Disk.Size = 1 << 60 }, []string{"Disk.Size", "TiB", "20<<30"}},
		"disk bus":             {func(b *Build) { b.Disk.Bus = "scsi" }, []string{"imagebuild: Disk.Bus", `"scsi"`, "virtio-scsi"}},
		"vm disk bus":          {func(b *Build) { b.VM.Disks = []qemu.Disk{{Path: there, Bus: "scsi"}} }, []string{"imagebuild: VM.Disks[0].Bus"}},
		"vm disk missing":      {func(b *Build) { b.VM.Disks = []qemu.Disk{{Path: there + "x"}} }, []string{"imagebuild: VM.Disks[0].Path", "not exist"}},
		"vm cd missing":        {func(b *Build) { b.VM.CDROMs = []qemu.CDROM{{Path: there + "x"}} }, []string{"imagebuild: VM.CDROMs[0].Path", "not exist"}},
		"binary":               {func(b *Build) { b.VM.Binary = "qemu-system-none" }, []string{"VM.Binary", "not found", "install"}},
		"machine":              {func(b *Build) { b.VM.Machine = "pcc" }, []string{"VM.Machine", `"pcc"`}},
		"no medium":            {func(b *Build) { b.Media.URLs = nil }, []string{"Source.URLs", "is empty"}},
		"medium missing":       {func(b *Build) { b.Media.URLs = []string{there + "x"} }, []string{"Media.URLs", "there is no file", there + "x", "check"}},
		"medium missing URL":   {func(b *Build) { b.Media.URLs = []string{"file:///no%20where"} }, []string{"Media.URLs", `"/no where"`}},
		"second medium":        {func(b *Build) { b.Media.URLs = append([]string{there + "x"}, b.Media.URLs...) }, nil},
		"checksum missing":     {func(b *Build) { b.Media.Checksum = "" }, []string{"Source.Checksum", "is empty"}},
		"checksum short":       {func(b *Build) { b.Media.Checksum = "sha256:abc" }, []string{"Source.Checksum", "64"}},
		"fetcher":              {func(b *Build) { b.Fetcher.Tries = -1 }, []string{"Tries"}},
		"seed":                 {func(b *Build) { b.Seed = &iso.Volume{Label: strings.Repeat("x", 33)} }, []string{"Label"}},
		"floppy twice":         {func(b *Build) { b.Floppy, b.VM.Floppy = &iso.Volume{}, there }, []string{"Floppy", "one floppy drive"}},
		"template":             {func(b *Build) { b.Templates = httpserve.Text{"a": "{{.Url}}"} }, []string{"Url"}},
		"files twice":          {func(b *Build) { b.Templates, b.Files = httpserve.Text{"a": ""}, fstest.MapFS{"a": {}} }, []string{`"a"`}},
		"ssh key in template":  {func(b *Build) { b.SSH, b.Templates = user, httpserve.Text{"a": "{{.SSHPublicKey}} {{.URL}}"} }, nil},
		"ssh without network":  {func(b *Build) { b.SSH, b.VM.NICs = user, []qemu.NIC{} }, []string{"SSH.Addr", "no network card"}},
		"ssh port":             {func(b *Build) { b.SSH, b.SSHPort = user, 70000 }, []string{"SSHPort", "70000"}},
		"http port":            {func(b *Build) { b.HTTP.PortMin = 70000 }, []string{"HTTP.PortMin", "70000"}},
		"http ports":           {func(b *Build) { b.HTTP.PortMin, b.HTTP.PortMax = 9, 8 }, []string{"HTTP.PortMax", "8 is below PortMin, 9"}},
		"http first port":      {func(b *Build) { b.HTTP.PortMax = 8 }, []string{"HTTP.PortMin", "is 0"}},
		"http address":         {func(b *Build) { b.HTTP.Addr, b.Files = "localhost:80", fstest.MapFS{} }, []string{"HTTP.Addr", `"localhost:80"`, "without a port"}},
		"http interface":       {func(b *Build) { b.HTTP.Interface, b.Files = "nowhere0", fstest.MapFS{} }, []string{"HTTP.Interface", `"nowhere0"`, "ip link"}},
		"http twice":           {func(b *Build) { b.HTTP = HTTP{Addr: "::1", Interface: "lo"} }, []string{"HTTP.Interface", "beside Addr"}},
		"shutdown without ssh": {func(b *Build) { b.Shutdown.Command = "poweroff" }, []string{"Shutdown.Command", "SSH.User is empty"}},
		"boot command":         {func(b *Build) { b.Steps = []Step{Type("ab<wait99999999h>")} }, []string{"Steps[0]", "type the boot command", "1:3"}},
		"boot command layout":  {func(b *Build) { b.Steps = []Step{Type("漢")} }, []string{"Steps[0]", "漢"}},
		"no screen":            {func(b *Build) { b.VM.VGA, b.Steps = "none", []Step{Type("a")} }, []string{"Steps[0]", "VM.VGA"}},
		"still":                {func(b *Build) { b.Steps = []Step{WaitStill(0)} }, []string{"Steps[0]", "not positive"}},
		"pattern":              {func(b *Build) { b.Steps = []Step{WaitSerial("(")} }, []string{"Steps[0]", "missing closing )"}},
		"fetch nothing":        {func(b *Build) { b.Steps = []Step{WaitFetch("/a")} }, []string{"Steps[0]", "no Files"}},
		"fetch another":        {func(b *Build) { b.Steps, b.Files = []Step{WaitFetch("/a")}, fstest.MapFS{"b": {}} }, []string{"Steps[0]", `"a"`}},
		"fetch":                {func(b *Build) { b.Steps, b.Files = []Step{WaitFetch("/d/a")}, fstest.MapFS{"d/a": {}} }, nil},
		"shell without ssh":    {func(b *Build) { b.Steps = []Step{Shell("true")} }, []string{"Steps[0]", "SSH.User"}},
		"upload missing":       {func(b *Build) { b.SSH, b.Steps = user, []Step{Upload(there+"x", "/x")} }, []string{"Steps[0]", there + "x", "check"}},
		"download exists":      {func(b *Build) { b.SSH, b.Steps = user, []Step{Download("/x", there)} }, []string{"Steps[0]", "exists"}},
		"step without Do":      {func(b *Build) { b.Steps = []Step{{Name: "think"}} }, []string{"Steps[0].Do", "think"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := newBuild(t, guest.Button)
			tt.set(b)
			err := b.Validate(soon(t))
			if (err == nil) != (tt.want == nil) {
				t.Fatal(err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %q", w, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one error:\n%v", err)
			}
		})
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}

// Everything that is wrong is said at once, by Run too, which then does nothing.
func TestValidateAll(t *testing.T) {
	b, r := newBuild(t, guest.Button, Type("<wait99999999h>"), Shell("true"))
	b.Output = filepath.Join(filepath.Dir(b.Output), "canary")
	b.Disk.Size, b.VM.Binary, b.Media.Checksum = 1, "qemu-system-none", "md5:1"
	t.Setenv("PATH", "")
	_, err := b.Run(soon(t))
	for _, w := range []string{"Output: ", "Disk.Size: ", "VM.Binary: ", "qemu-img", "Checksum: ", "Steps[0]", "Steps[1]"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
	var config *ConfigError
	if !errors.As(err, &config) {
		t.Error("no ConfigError")
	}
	if diff := cmp.Diff([]Event{PhaseStarted{PhaseCheck}}, r.list()); diff != "" {
		t.Error(diff)
	}
	if got := names(t, filepath.Dir(b.Output)); !cmp.Equal(got, []string{"canary"}) {
		t.Error(got)
	}
}

func TestValidateCanceled(t *testing.T) {
	b, _ := newBuild(t, guest.Button)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
