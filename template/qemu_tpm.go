package template

import (
	"path/filepath"

	"github.com/bootscribe/bootscribe/qemu"
)

func (q *qemuBuilder) tpm() {
	for _, option := range []string{"use_tpm1", "tpm_device_type", "tpm_state"} {
		if q.given(option) && !q.yes("vtpm") {
			q.warn(option, "has no effect without vtpm", `write "vtpm": true, or remove it`)
		}
	}
	if !q.yes("vtpm") {
		return
	}
	tpm := &qemu.TPM{Model: q.str("tpm_device_type")}
	if q.yes("use_tpm1") {
		tpm.Version = qemu.TPM12
	}
	q.b.Image.VM.TPM = tpm
	if q.yes("tpm_state") {
		q.b.Image.TPMState = filepath.Join(q.b.Dir, tpm.StateFile())
	}
	q.is("VM.TPM", "vtpm")
	q.is("VM.TPM.Model", "tpm_device_type")
	q.is("VM.TPM.Version", "use_tpm1")
	q.is("TPMState", "tpm_state")
}
