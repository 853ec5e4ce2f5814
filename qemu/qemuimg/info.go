package qemuimg

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
)

// Info is what qemu-img knows of an image file.
type Info struct {
	Format        Format      // of the image
	VirtualSize   int64       // of the disk, in bytes
	ActualSize    int64       // of what the file takes on the host's disk, in bytes
	ClusterSize   int64       // 0 for formats without clusters
	Compression   Compression // for what is written compressed; "" for formats without a choice
	Backing       string      // the file that this image is laid over, as QEMU would open it; "" for none
	BackingFormat Format      // "" where the image does not say
	OtherFiles    []string    // that hold data of the image, besides Backing: qcow2's data file, vmdk's extents
	Encrypted     bool        // its data needs a key to be read
	Dirty         bool        // was not closed properly
	Corrupt       bool        // QEMU has found it damaged
	Snapshots     int         // how many internal snapshots it holds
}

// rawInfo is qemu-img's own form (ImageInfo in QEMU's qapi/block-core.json).
type rawInfo struct {
	Format        Format            `json:"format"`
	VirtualSize   int64             `json:"virtual-size"`
	ActualSize    int64             `json:"actual-size"`
	ClusterSize   int64             `json:"cluster-size"`
	Backing       string            `json:"backing-filename"`
	FullBacking   string            `json:"full-backing-filename"`
	BackingFormat Format            `json:"backing-filename-format"`
	Encrypted     bool              `json:"encrypted"`
	Dirty         bool              `json:"dirty-flag"`
	Snapshots     []json.RawMessage `json:"snapshots"`
	Specific      struct {
		Data struct {
			Compression Compression `json:"compression-type"`
			DataFile    string      `json:"data-file"`
			Corrupt     bool        `json:"corrupt"`
			Extents     []struct {
				Filename string `json:"filename"`
			} `json:"extents"`
		} `json:"data"`
	} `json:"format-specific"`
}

// Info inspects an image, also one that is in use. It opens no file but this
// one, except the image's own data file with QEMU before 9.1. An empty format
// is found out from the content, which is safe for looking only: what a guest
// could write to must never be opened by a format so found.
func (t *Tool) Info(ctx context.Context, path string, format Format) (*Info, error) {
	info, err := t.info(ctx, path, format)
	if err != nil {
		return nil, fmt.Errorf("qemuimg: inspect %q: %w", path, err)
	}
	return info, nil
}

func (t *Tool) info(ctx context.Context, path string, format Format) (*Info, error) {
	path, err := absolute(path)
	if err != nil {
		return nil, err
	}
	if err := checkReadable(path); err != nil {
		return nil, err
	}
	args := []string{"info", "-U", "--output=json"}
	if format != "" {
		if err := checkFormat("format", format); err != nil {
			return nil, err
		}
		args = append(args, "-f", string(format))
	}
	out, err := t.output(ctx, append(args, path)...)
	if err != nil {
		return nil, err
	}
	var raw rawInfo
	if err := json.Unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("qemu-img info does not answer with JSON: %w", err)
	}
	if raw.Format == "" || raw.VirtualSize < 0 {
		return nil, fmt.Errorf("qemu-img info answers with nonsense: %.100q", out)
	}
	return raw.info(path), nil
}

func (r *rawInfo) info(path string) *Info {
	info := &Info{
		Format: r.Format, VirtualSize: r.VirtualSize, ActualSize: r.ActualSize, ClusterSize: r.ClusterSize,
		Compression: r.Specific.Data.Compression, Backing: r.FullBacking, BackingFormat: r.BackingFormat,
		Encrypted: r.Encrypted, Dirty: r.Dirty, Corrupt: r.Specific.Data.Corrupt, Snapshots: len(r.Snapshots),
	}
	if info.Backing == "" {
		info.Backing = r.Backing
	}
	if r.Specific.Data.DataFile != "" {
		info.OtherFiles = append(info.OtherFiles, r.Specific.Data.DataFile)
	}
	for _, e := range r.Specific.Data.Extents {
		if !samePath(path, e.Filename) {
			info.OtherFiles = append(info.OtherFiles, e.Filename)
		}
	}
	return info
}

// samePath is whether name, as qemu-img says it of the image at path, is path
// itself.
func samePath(path, name string) bool {
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(path), name)
	}
	return filepath.Clean(name) == asJSON(filepath.Clean(path))
}

// asJSON returns path as qemu-img's JSON has it: bytes that are not UTF-8 are
// lost there.
func asJSON(path string) string { return string([]rune(path)) }
