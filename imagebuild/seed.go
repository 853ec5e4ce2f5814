package imagebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// ignitionNames are where CoreOS and Flatcar look for their configuration.
var ignitionNames = []string{"opt/com.coreos/config", "opt/org.flatcar-linux/config"}

// NoCloud is what cloud-init reads when a system boots for the first time, from
// a volume with the label "cidata":
//
//	Seed: &iso.Volume{Label: "cidata"},
//	SeedFiles: func(v imagebuild.Vars) (map[string]string, error) {
//		return imagebuild.NoCloud{UserData: map[string]any{
//			"users": []any{map[string]any{"name": "root", "ssh_authorized_keys": []string{v.SSHPublicKey}}},
//		}}.Files()
//	},
//
// A string or a []byte in a field is written as it is, any other value as
// encoding/json writes it, which cloud-init reads as the YAML that it is too.
type NoCloud struct {
	UserData      any // nil means none; what is no text is written below "#cloud-config"
	MetaData      any // nil means none, which cloud-init takes for an instance called "nocloud"
	NetworkConfig any // nil means cloud-init's own, which is DHCP
	VendorData    any // as UserData
}

// Files returns the files by their names. An error names the field whose value
// cannot be written.
func (n NoCloud) Files() (map[string]string, error) {
	files := map[string]string{}
	var errs []error
	for _, f := range []struct {
		name, field, head string
		value             any
		needed            bool // cloud-init wants an empty file too
	}{
		{"user-data", "UserData", "#cloud-config\n", n.UserData, true},
		{"meta-data", "MetaData", "", n.MetaData, true},
		{"network-config", "NetworkConfig", "", n.NetworkConfig, false},
		{"vendor-data", "VendorData", "#cloud-config\n", n.VendorData, false},
	} {
		if f.value == nil && !f.needed {
			continue
		}
		text, err := written(f.value, f.head)
		if err != nil {
			errs = append(errs, fmt.Errorf("imagebuild: NoCloud.%s: %w", f.field, err))
		}
		files[f.name] = text
	}
	return files, errors.Join(errs...)
}

// written returns a text as it is, nothing as nothing, and any other value in
// JSON, below a head.
func written(v any, head string) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case json.RawMessage:
		return head + string(v), nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", err
	}
	return head + string(text) + "\n", nil
}

// seed returns the seed's volume with the files that Vars are in.
func (b *Build) seed(v Vars) (*iso.Volume, error) {
	if b.Seed == nil || b.SeedFiles == nil {
		return b.Seed, nil
	}
	files, err := b.SeedFiles(v)
	if err != nil {
		return nil, &ConfigError{"SeedFiles", err.Error(), ""}
	}
	volume := *b.Seed
	if volume.Content = maps.Clone(volume.Content); volume.Content == nil {
		volume.Content = map[string]string{}
	}
	for name, text := range files {
		if _, twice := volume.Content[name]; twice {
			return nil, &ConfigError{"SeedFiles", fmt.Sprintf("%q is in Seed.Content too", name), "leave it out of one of the two"}
		}
		volume.Content[name] = text
	}
	return &volume, nil
}

// ignition returns the configuration for Ignition, in JSON.
func (b *Build) ignition(v Vars) (string, error) {
	value, err := b.Ignition(v)
	if err != nil {
		return "", &ConfigError{"Ignition", err.Error(), ""}
	}
	text, err := written(value, "")
	if err != nil {
		return "", &ConfigError{"Ignition", err.Error(), "return text, or what encoding/json can write"}
	}
	if !json.Valid([]byte(text)) {
		return "", &ConfigError{"Ignition", "returns what is no JSON", "translate a Butane configuration with the program butane first"}
	}
	return text, nil
}

func (b *Build) validateSeed() error {
	var errs []error
	if b.SeedFiles != nil && b.Seed == nil {
		errs = append(errs, &ConfigError{"SeedFiles", "there is no Seed that they could be on", "set Seed, with the label that the guest looks for"})
	}
	volume, err := b.seed(b.exampleVars())
	if errs = append(errs, err); volume != nil {
		errs = append(errs, volume.ValidateCD())
	}
	if b.Ignition != nil {
		_, err := b.ignition(b.exampleVars())
		errs = append(errs, err)
	}
	if b.Ignition != nil && slices.ContainsFunc(b.VM.FwCfg, func(f qemu.FwCfg) bool { return slices.Contains(ignitionNames, f.Name) }) {
		errs = append(errs, &ConfigError{"Ignition", "VM.FwCfg has such a file too", "leave one of them out"})
	}
	return errors.Join(errs...)
}

// makeSeed writes what the guest is configured by, now that the Vars are known.
func (r *run) makeSeed(ctx context.Context) error {
	volume, err := r.b.seed(r.vars)
	if err != nil {
		return err
	}
	if volume != nil {
		r.media.seed = r.scratch.path("seed.iso")
		if err := volume.CreateCD(ctx, r.media.seed); err != nil {
			return err
		}
	}
	if r.b.Ignition == nil {
		return nil
	}
	text, err := r.b.ignition(r.vars)
	if err != nil {
		return err
	}
	r.media.ignition = r.scratch.path("ignition.json")
	return os.WriteFile(r.media.ignition, []byte(text), 0o600)
}
