package template

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

var vagrantOptions = []option{
	{name: "output", def: "packer_{{.BuildName}}_{{.Provider}}_{{.Architecture}}.box", late: true, status: differs, here: "must not exist, unless -force is given"},
	{name: "compression_level", kind: isInt, def: "-1"},
	{name: "include", kind: isList, def: "none"},
	{name: "vagrantfile_template", def: "none"},
	{name: "vagrantfile_template_generated", kind: isBool, def: "false"},
	{name: "provider_override", def: "as the builder is", status: differs, here: "libvirt, which is what images of QEMU are for"},
	{name: "architecture", def: "that of the host", status: differs, here: "unset: that of the guest"},
	{name: "override", kind: isAny, def: "none", status: differs, here: "what it has for libvirt counts"},
}

const vagrantOutput = "packer_{{.BuildName}}_{{.Provider}}_{{.Architecture}}.box"

// vagrant makes a box for vagrant-libvirt: a tar archive with the disks, what
// they are, and a Vagrantfile.
func (p *post) vagrant() func(context.Context, *Artifact) (*Artifact, error) {
	p.oneOf("provider_override", "libvirt")
	level := gzip.DefaultCompression
	if p.has("compression_level") {
		if level = p.int("compression_level"); level < -1 || level > 9 {
			p.fail("compression_level", fmt.Sprintf("%d is no level", level), "levels go from -1 to 9")
		}
	}
	if f := cmp.Or(p.build.Image.Format, qemuimg.Qcow2); f != qemuimg.Qcow2 {
		p.fail("", fmt.Sprintf("a box of libvirt has qcow2 images, and the builder's format is %s", f), `write "format": "qcow2" in the builder`)
	}
	p.hostFiles("include", p.list("include")...)
	if path := p.str("vagrantfile_template"); !p.yes("vagrantfile_template_generated") && path != "" {
		p.hostFiles("vagrantfile_template", path)
	}
	data := map[string]any{"Provider": "libvirt", "Architecture": p.or("architecture", vagrantArch(&p.build.Image.VM))}
	p.tryOutput("output", data)
	return func(ctx context.Context, a *Artifact) (*Artifact, error) {
		path, err := p.output("output", vagrantOutput, data)
		if err != nil {
			return a, err
		}
		if a.Image == nil {
			return a, errors.New("a box is made of a build's own image; let it be the first of its chain")
		}
		if err := p.free(path); err != nil {
			return a, err
		}
		err = written(path, func(f *os.File) error { return p.box(ctx, f, level, a, data["Architecture"].(string)) })
		if err != nil {
			return a, err
		}
		return &Artifact{Build: a.Build, Type: "vagrant", Files: []string{path}}, nil
	}
}

// vagrantArch is what Vagrant calls the guest's processor.
func vagrantArch(vm *qemu.Config) string {
	arch := strings.TrimPrefix(filepath.Base(cmp.Or(vm.Binary, "qemu-system-x86_64")), "qemu-system-")
	if name := map[string]string{"x86_64": "amd64", "aarch64": "arm64", "i386": "i386"}[arch]; name != "" {
		return name
	}
	return arch
}

// hostFiles reports files that are not on this host.
func (p *post) hostFiles(option string, paths ...string) {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			p.build.host = append(p.build.host, p.place(option).error(p.field(option), err.Error(), "check the path"))
		}
	}
}

// boxDisk is a disk as a box with several describes it.
type boxDisk struct {
	Path string `json:"path"`
}

// boxInfo is a box's metadata.json. Disks is for boxes with several, and the
// two before it for those with one.
type boxInfo struct {
	Provider     string    `json:"provider"`
	Architecture string    `json:"architecture,omitempty"`
	Format       string    `json:"format,omitempty"`
	VirtualSize  int64     `json:"virtual_size,omitempty"` // in GiB
	Disks        []boxDisk `json:"disks,omitempty"`
}

func (p *post) box(ctx context.Context, w io.Writer, level int, a *Artifact, arch string) error {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return err
	}
	box := tar.NewWriter(z)
	info := boxInfo{Provider: "libvirt", Architecture: arch}
	disks := a.disks()
	if len(disks) == 1 {
		const gib = 1 << 30
		info.Format, info.VirtualSize = string(a.Image.Format), (a.Image.VirtualSize+gib-1)/gib
	} else {
		for i := range disks {
			info.Disks = append(info.Disks, boxDisk{fmt.Sprintf("disk%d.img", i+1)})
		}
	}
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	vagrantfile, err := p.vagrantfile(a)
	if err != nil {
		return err
	}
	if err := errors.Join(putText(box, "metadata.json", text), putText(box, "Vagrantfile", vagrantfile)); err != nil {
		return err
	}
	for _, path := range p.list("include") {
		if err := putFile(ctx, box, filepath.Base(path), path); err != nil {
			return err
		}
	}
	for i, path := range disks {
		name := "box.img"
		if len(disks) > 1 {
			name = info.Disks[i].Path
		}
		if err := putFile(ctx, box, name, path); err != nil {
			return err
		}
	}
	return errors.Join(box.Close(), z.Close())
}

// disks are the images among an artifact's files.
func (a *Artifact) disks() []string {
	disks := a.Files[:1:1]
	for _, f := range a.Files[1:] {
		if f == fmt.Sprintf("%s-%d", a.Files[0], len(disks)) {
			disks = append(disks, f)
		}
	}
	return disks
}

// vagrantfile returns what Vagrant does with the box unless its user's own file
// says otherwise.
func (p *post) vagrantfile(a *Artifact) ([]byte, error) {
	driver := "kvm"
	if a.Image.Accel == qemu.TCG {
		driver = "qemu"
	}
	text := fmt.Sprintf("Vagrant.configure(\"2\") do |config|\n  config.vm.provider :libvirt do |libvirt|\n    libvirt.driver = %q\n  end\nend\n", driver)
	path := p.str("vagrantfile_template")
	if path == "" {
		return []byte(text), nil
	}
	own, err := os.ReadFile(path)
	return []byte(text + "\n" + string(own)), err
}

func putText(w *tar.Writer, name string, text []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Now().Truncate(time.Second)}); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}

func putFile(ctx context.Context, w *tar.Writer, name, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	return readInto(ctx, w, path)
}
