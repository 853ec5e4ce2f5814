package qemu

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Share is a directory of the host that the guest can mount, by 9p over virtio:
//
//	mount -t 9p -o trans=virtio,version=9p2000.L TAG /mnt
//
// The guest acts with the rights of QEMU's user, and what it makes belongs to
// that one. It cannot leave the directory.
type Share struct {
	Tag      string // by which the guest knows it, up to 31 letters, digits, dots, dashes and underscores
	Path     string // the directory; it must exist
	Writable bool   `json:",omitempty"` // whether the guest may change what is in it
}

// maxTag is the length of a tag, of which Linux takes no longer one
// (Documentation/filesystems/9p.rst; QEMU takes 32 bytes with the final NUL).
const maxTag = 31

func (c *Config) checkShares(f *findings) {
	seen := map[string]bool{}
	for i, s := range c.Shares {
		field := fmt.Sprintf("Shares[%d]", i)
		f.path(field+".Path", s.Path, true)
		switch {
		case len(s.Tag) > maxTag || !wordRE.MatchString(s.Tag):
			f.add(field+".Tag", fmt.Sprintf("use 1 to %d letters, digits, dots, dashes and underscores", maxTag), "%q is not a tag", s.Tag)
		case seen[s.Tag]:
			f.add(field+".Tag", "give each share its own", "%q is given twice", s.Tag)
		}
		seen[s.Tag] = true
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

// shares adds the directories.
func (b *builder) shares() {
	for i, s := range b.c.Shares {
		id := fmt.Sprintf("share%d", i)
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
