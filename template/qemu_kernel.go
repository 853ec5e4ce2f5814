package template

import (
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
)

// kernel boots a kernel directly, where one is given.
func (q *qemuBuilder) kernel() {
	if !q.given("kernel") {
		for _, option := range []string{"initrd", "kernel_args"} {
			if q.given(option) {
				q.fail(option, "is given without kernel, which it belongs to", "add kernel, or remove it")
			}
		}
		return
	}
	q.b.Image.VM.Kernel = &qemu.Kernel{Path: q.str("kernel"), Initrd: q.str("initrd")}
	q.is("VM.Kernel", "kernel")
	q.is("VM.Kernel.Initrd", "initrd")
	q.is("VM.Kernel.Append", "kernel_args")
	if !q.given("kernel_args") {
		return
	}
	render := q.renderer(q.str("kernel_args"))
	if _, err := render(exampleVars(q)); err != nil {
		q.failAt(q.values["kernel_args"].at, "kernel_args", err.Error(), "")
		return
	}
	q.b.Image.KernelArgs = func(v imagebuild.Vars) string {
		text, _ := render(v) // which has been tried
		return text
	}
}
