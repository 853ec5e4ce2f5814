package imagebuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// publish makes the image of the machine's disk, and describes it. QEMU has
// ended, so nobody else has the disk open.
func (r *run) publish(ctx context.Context) (*Artifact, error) {
	output, err := filepath.Abs(r.b.Output)
	if err != nil {
		return nil, fmt.Errorf("imagebuild: %w", err)
	}
	var tool qemuimg.Tool
	err = tool.Publish(ctx, r.media.disk, output, qemuimg.PublishOptions{
		Overwrite: r.b.Overwrite,
		ConvertOptions: qemuimg.ConvertOptions{
			SourceFormat: qemuimg.Qcow2,
			Format:       r.b.format(),
			Compress:     r.b.Compress,
			Progress:     func(f float64) { r.emit(Progress{What: "converting the disk", Done: int64(f * 1000), Total: 1000}) },
		},
	})
	if err != nil {
		return nil, err
	}
	info, err := tool.Info(ctx, output, r.b.format())
	if err != nil {
		return nil, err
	}
	size, digest, err := digest(output)
	if err != nil {
		return nil, err
	}
	accel, _ := r.vm.Accel()
	return &Artifact{
		Name: r.b.name(), Path: output, Format: r.b.format(),
		Size: size, VirtualSize: info.VirtualSize, Digest: digest,
		Medium: r.medium.Digest, QEMU: r.version, Accel: accel,
		Built: time.Now().UTC().Truncate(time.Second),
	}, nil
}

// digest returns the size and SHA-256 of a file.
func digest(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", fmt.Errorf("imagebuild: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return 0, "", fmt.Errorf("imagebuild: %w", err)
	}
	return size, "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// writeManifest writes the manifest, which comes last: where it is, the image
// is whole. It gets its name when it is whole itself.
func (r *run) writeManifest(a *Artifact) error {
	if r.b.Manifest == "" {
		return nil
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return fmt.Errorf("imagebuild: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(r.b.Manifest), ".bootscribe-manifest-*")
	if err != nil {
		return fmt.Errorf("imagebuild: %w", err)
	}
	defer os.Remove(temp.Name()) // no longer there if all went well
	_, err = temp.Write(append(text, '\n'))
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = r.nameManifest(temp.Name())
	}
	if err != nil {
		return fmt.Errorf("imagebuild: manifest: %w", err)
	}
	return nil
}

// nameManifest gives the manifest its name, and replaces a file only if that
// is allowed: a link, unlike a rename, fails where there is one.
func (r *run) nameManifest(temp string) error {
	if r.b.Overwrite {
		return os.Rename(temp, r.b.Manifest)
	}
	return os.Link(temp, r.b.Manifest)
}
