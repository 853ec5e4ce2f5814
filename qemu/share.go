package qemu

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ShareType is how a guest reaches a directory of the host.
type ShareType string

// The ways. The empty type is NineP.
const (
	// NineP is 9p over virtio, which QEMU serves itself, on every host, to
	// guests with Linux:
	//
	//	mount -t 9p -o trans=virtio,version=9p2000.L TAG /mnt
	NineP ShareType = "9p"

	// VirtioFS is what the program virtiofsd serves, one for each share, on
	// hosts with Linux: faster, and more like a file system of the guest's own.
	// It is started before QEMU and ends with it; that it has ended before is a
	// [ShareEnded]. The guest's memory is then shared with it.
	//
	//	mount -t virtiofs TAG /mnt
	//
	// The virtiofsd that came with QEMU until version 7.2 must be run by root.
	VirtioFS ShareType = "virtiofs"
)

// Share is a directory of the host that the guest can mount. By 9p, the guest
// acts with the rights of QEMU's user, and what it makes belongs to that one; by
// virtiofs, with those of virtiofsd's user, and if that is root, the guest's users
// are the host's. It cannot leave the directory.
type Share struct {
	Tag  string    // by which the guest knows it, up to 31 letters, digits, dots, dashes and underscores
	Path string    // the directory; it must exist
	Type ShareType `json:",omitempty"` // empty means 9p

	// Writable is whether the guest may change what is in it. Not every
	// virtiofsd can keep it from that, and then it must be set.
	Writable bool `json:",omitempty"`
}

// maxTag is the length of a tag, of which Linux takes no longer one
// (Documentation/filesystems/9p.rst; QEMU takes 32 bytes with the final NUL).
const maxTag = 31

func (c *Config) checkShares(f *findings) {
	seen := map[string]bool{}
	for i, s := range c.Shares {
		field := fmt.Sprintf("Shares[%d]", i)
		f.path(field+".Path", s.Path, true)
		oneOf(f, field+".Type", s.Type, NineP, VirtioFS)
		switch {
		case len(s.Tag) > maxTag || !wordRE.MatchString(s.Tag):
			f.add(field+".Tag", fmt.Sprintf("use 1 to %d letters, digits, dots, dashes and underscores", maxTag), "%q is not a tag", s.Tag)
		case seen[s.Tag]:
			f.add(field+".Tag", "give each share its own", "%q is given twice", s.Tag)
		}
		seen[s.Tag] = true
		if s.Type == VirtioFS && strings.ContainsAny(s.Path, `,\`) {
			f.add(field+".Path", "rename it, or leave Type empty for 9p", "not every virtiofsd takes a path with a comma or a backslash, such as %q", s.Path)
		}
	}
}

// checkShared finds shares that are no directories.
func (c *Config) checkShared(f *findings) {
	for i, s := range c.Shares {
		field := fmt.Sprintf("Shares[%d].Path", i)
		if s.Path == "" {
			continue
		}
		if _, err := os.ReadDir(s.Path); err != nil {
			f.add(field, "give the path of a directory that can be read", "%v", err)
		}
	}
}

// checkShareDevices finds devices that QEMU does not have.
func (c *Config) checkShareDevices(f *findings, h *Host, arch string) {
	for i, s := range c.Shares {
		device := "virtio-9p-pci"
		if s.Type == VirtioFS {
			device = "vhost-user-fs-pci"
		}
		if !h.has(device) {
			f.add(fmt.Sprintf("Shares[%d]", i), installQEMU(arch)+", or drop it", "this QEMU has no %s", device)
		}
	}
}

// shares adds the directories.
func (b *builder) shares() {
	line := sharesFD
	for i, s := range b.c.Shares {
		id := fmt.Sprintf("share%d", i)
		if s.Type == VirtioFS {
			b.args.fixed("-chardev", fmt.Sprintf("socket,id=%s,fd=%d", id, line))
			b.args.json("-device", object{{"driver", "vhost-user-fs-pci"}, {"id", id}, {"chardev", id}, {"tag", s.Tag}})
			line++
			continue
		}
		// A list of options, in which a comma is written twice. Files of other
		// file systems below the directory could have the same numbers.
		fs := "local,id=" + id + ",path=" + strings.ReplaceAll(b.abs(filepath.Clean(s.Path)), ",", ",,") + ",security_model=none,multidevs=remap"
		if !s.Writable {
			fs += ",readonly=on"
		}
		b.args.add("-fsdev", fs)
		b.args.json("-device", object{{"driver", "virtio-9p-pci"}, {"id", id}, {"fsdev", id}, {"mount_tag", s.Tag}})
	}
}
