package imagebuild

import (
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/qemu"
)

// hasMedium reports whether there is an installation medium, as there must be
// where no kernel is booted and the disk begins empty.
func (b *Build) hasMedium() bool {
	return given(b.Media) || b.VM.Kernel == nil && !b.hasImage()
}

// withKernel completes the command line of the kernel that is booted.
func (b *Build) withKernel(c *qemu.Config, v Vars) {
	if c.Kernel == nil || b.KernelArgs == nil {
		return
	}
	kernel := *c.Kernel
	kernel.Append = strings.TrimSpace(kernel.Append + " " + b.KernelArgs(v))
	c.Kernel = &kernel
}

// withVars completes what the machine is told of the build.
func (b *Build) withVars(c *qemu.Config, v Vars) {
	b.withKernel(c, v)
	if b.Args != nil {
		c.Args = append(slices.Clip(c.Args), b.Args(v)...)
	}
}

func (b *Build) validateKernel() error {
	if b.KernelArgs != nil && b.VM.Kernel == nil {
		return &ConfigError{"KernelArgs", "there is no kernel that could get them", "set VM.Kernel, or leave it nil"}
	}
	return nil
}
