package imagebuild

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// writeManifest writes the manifest without giving it its name: that comes
// last, so that where it is, the image, which is still at path, is whole.
func (r *run) writeManifest(a *Artifact, path string) (*companion, error) {
	if r.b.Manifest == "" {
		return nil, nil
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return r.accompany("manifest", r.b.Manifest, path, func(f *os.File) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
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
