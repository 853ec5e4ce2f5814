package qemu

import (
	"fmt"
	"strings"
)

// FwCfg is a file on the machine's device fw_cfg, which firmware and systems
// read settings from: CoreOS its Ignition configuration, as
// "opt/com.coreos/config", and OVMF what begins with "opt/ovmf/". Linux has the
// files in /sys/firmware/qemu_fw_cfg/by_name.
type FwCfg struct {
	Name string // "opt/" and up to 51 more characters
	Path string `json:",omitempty"` // the file of the host that it holds; it must exist

	// Text is what it holds where Path is empty, up to 64 KiB. It is on QEMU's
	// command line, which every user of the host can read: a secret belongs into
	// a file.
	Text string `json:",omitempty"`
}

const (
	maxFwCfgName = 55       // QEMU's FW_CFG_MAX_FILE_PATH without the NUL at the end
	maxFwCfgText = 64 << 10 // Linux takes up to 128 KiB in an argument, and commas are written twice
)

func (c *Config) checkFwCfg(f *findings) {
	seen := map[string]bool{}
	for i, w := range c.FwCfg {
		field := fmt.Sprintf("FwCfg[%d]", i)
		f.path(field+".Path", w.Path, false)
		switch {
		case !strings.HasPrefix(w.Name, "opt/") || len(w.Name) > maxFwCfgName || strings.ContainsFunc(w.Name, func(r rune) bool { return r <= ' ' || r > '~' }):
			f.add(field+".Name", fmt.Sprintf("write opt/, the name of whoever reads it, and a name, in at most %d ASCII characters", maxFwCfgName), "%q is not a name", w.Name)
		case seen[w.Name]:
			f.add(field+".Name", "give each file its own", "%q is given twice", w.Name)
		}
		seen[w.Name] = true
		switch {
		case w.Path != "" && w.Text != "":
			f.add(field+".Text", "leave one of the two empty", "Path is set too")
		case w.Path == "" && w.Text == "":
			f.add(field+".Text", "say what the file holds, or where that is in Path", "is empty")
		case len(w.Text) > maxFwCfgText:
			f.add(field+".Text", "write it to a file, and set Path", "%d bytes are more than %d", len(w.Text), maxFwCfgText)
		case strings.ContainsRune(w.Text, 0):
			f.add(field+".Text", "write it to a file, and set Path", "has a NUL byte")
		}
	}
}

// fwCfg adds the files.
func (b *builder) fwCfg() {
	comma := strings.NewReplacer(",", ",,")
	for _, w := range b.c.FwCfg {
		value := "name=" + comma.Replace(w.Name)
		if w.Path != "" {
			value += ",file=" + comma.Replace(b.abs(w.Path))
		} else {
			value += ",string=" + comma.Replace(w.Text)
		}
		b.args.add("-fw_cfg", value)
	}
}
