package template

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestModules holds what a user of this module compiles against a list. A new
// one is a decision: who keeps it, and what does it bring along?
func TestModules(t *testing.T) {
	agreed := []string{
		"github.com/bootscribe/bootscribe", "github.com/bootscribe/bootscribe/template",
		"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty", "github.com/zclconf/go-cty-yaml", // HCL2
		"github.com/agext/levenshtein", "github.com/apparentlymart/go-textseg/v15", "github.com/apparentlymart/go-textseg/v17", "github.com/mitchellh/go-wordwrap", "golang.org/x/text", // of these
		"github.com/cavaliergopher/grab/v3", "github.com/gofrs/flock", "github.com/kr/fs", "github.com/mitchellh/go-vnc", "github.com/pkg/sftp",
		"golang.org/x/crypto", "golang.org/x/image", "golang.org/x/sys", // of the core
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range slices.Compact(slices.Sorted(slices.Values(strings.Fields(string(out))))) {
		if !slices.Contains(agreed, m) {
			t.Errorf("compiles module %s, which is not on the agreed list", m)
		}
	}
}
