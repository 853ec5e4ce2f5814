package qemu

import "strings"

// Kernel is a kernel that the machine starts by itself, without a boot loader
// and whatever Boot says. So it does after each reset: a guest that installs
// itself by it should switch itself off at the end, not reboot.
type Kernel struct {
	// Path is the kernel: a Linux image (bzImage, or Image on ARM), or on BIOS
	// another one that QEMU knows, such as a multiboot kernel.
	Path string

	// Initrd is its initial file system; empty means none.
	Initrd string `json:",omitempty"`

	// Append is the kernel's command line; empty means an empty one.
	Append string `json:",omitempty"`
}

func (c *Config) checkKernel(f *findings) {
	k := c.Kernel
	if k == nil {
		return
	}
	f.path("Kernel.Path", k.Path, true)
	f.path("Kernel.Initrd", k.Initrd, false)
	if strings.ContainsAny(k.Append, "\x00\n") {
		f.add("Kernel.Append", "write one line", "%q has a line end or a NUL byte", k.Append)
	}
}

// kernel adds what is booted directly.
func (b *builder) kernel() {
	k := b.c.Kernel
	if k == nil {
		return
	}
	b.args.add("-kernel", b.abs(k.Path))
	if k.Initrd != "" {
		b.args.add("-initrd", b.abs(k.Initrd))
	}
	if k.Append != "" {
		b.args.add("-append", k.Append)
	}
}
