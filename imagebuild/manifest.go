package imagebuild

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// manifest is the file that describes the image, on its way to its name. A nil
// one stands for none.
type manifest struct{ temp, path string }

// writeManifest writes the manifest without giving it its name: that comes
// last, so that where it is, the image is whole. Who may read the image, which
// is still at path, may read the manifest.
func (r *run) writeManifest(a *Artifact, path string) (*manifest, error) {
	if r.b.Manifest == "" {
		return nil, nil
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	image, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	// A rename does not leave the file system, and another directory may be
	// on another one.
	dir := r.scratch.dir
	if filepath.Dir(r.b.Manifest) != filepath.Dir(r.b.Output) {
		dir = filepath.Dir(r.b.Manifest)
	}
	temp, err := os.CreateTemp(dir, ".bootscribe-manifest-*")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m := &manifest{temp.Name(), r.b.Manifest}
	_, err = temp.Write(append(text, '\n'))
	if err == nil {
		err = os.Chmod(m.temp, image.Mode().Perm())
	}
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		m.discard()
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// name gives the manifest its name, and replaces a file only if that is
// allowed: a link, unlike a rename, fails where there is one.
func (m *manifest) name(overwrite bool) error {
	if m == nil {
		return nil
	}
	give := os.Link
	if overwrite {
		give = os.Rename
	}
	if err := give(m.temp, m.path); err != nil {
		return fmt.Errorf("imagebuild: manifest: %w", err)
	}
	return nil
}

// discard removes the manifest's temporary name.
func (m *manifest) discard() {
	if m != nil {
		_ = os.Remove(m.temp)
	}
}

// phaseJSON is a PhaseDone in the manifest.
type phaseJSON struct {
	Phase   Phase   `json:"phase"`
	Seconds float64 `json:"seconds"`
}

// MarshalJSON writes the time that the phase took in seconds.
func (p PhaseDone) MarshalJSON() ([]byte, error) {
	return json.Marshal(phaseJSON{p.Phase, p.Took.Round(time.Millisecond).Seconds()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *PhaseDone) UnmarshalJSON(text []byte) error {
	var j phaseJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*p = PhaseDone{j.Phase, time.Duration(j.Seconds * float64(time.Second)).Round(time.Millisecond)}
	return nil
}
