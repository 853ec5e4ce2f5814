package imagebuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// publish makes the image of the machine's disk and describes it. QEMU has
// ended, so nobody else has the disk open. All that can fail is done before
// anything gets its name.
func (r *run) publish(ctx context.Context) error {
	began := time.Now()
	var beside companions
	defer func() { beside.discard() }()
	var tool qemuimg.Tool
	conversion := r.conversion()
	conversion.Progress = func(f float64) { r.emit(Progress{What: "converting the disk", Done: int64(f * 1000), Total: 1000}) }
	err := tool.Publish(ctx, r.media.disk, r.b.Output, qemuimg.PublishOptions{
		Overwrite:      r.b.Overwrite,
		Dir:            r.scratch.dir,
		ConvertOptions: conversion,
		Finished: func(path string) (err error) {
			if err := r.unswapped(); err != nil {
				return err
			}
			if r.artifact, err = r.describe(ctx, path); err != nil {
				return err
			}
			r.artifact.Phases = append(slices.Clone(r.phases), PhaseDone{PhasePublish, time.Since(began)})
			tpm, err := r.copyTPM(path)
			beside = append(beside, tpm)
			if err != nil {
				return err
			}
			m, err := r.writeManifest(r.artifact, path)
			beside = append(beside, m)
			return err
		},
	})
	if err != nil {
		return err
	}
	if err := beside.name(r.b.Overwrite); err != nil {
		if !r.b.Overwrite {
			_ = os.Remove(r.b.Output) // a moment ago there was no such file
		}
		return err
	}
	return nil
}

// describe returns what there is to say of the image, which is still at path.
func (r *run) describe(ctx context.Context, path string) (*Artifact, error) {
	var tool qemuimg.Tool
	info, err := tool.Info(ctx, path, r.b.format())
	if err != nil {
		return nil, err
	}
	size, digest, err := digest(ctx, path)
	if err != nil {
		return nil, err
	}
	accel, _ := r.vm.Accel()
	a := &Artifact{
		Name: r.b.name(), Path: r.b.Output, Format: r.b.format(),
		Size: size, VirtualSize: info.VirtualSize, Digest: digest,
		TPMState: r.b.TPMState, QEMU: r.version, Accel: accel,
		Built: time.Now().UTC().Truncate(time.Second),
	}
	if r.medium != nil {
		a.Medium = r.medium.Digest
	}
	for _, d := range r.discs {
		a.Discs = append(a.Discs, d.Digest)
	}
	if r.base != nil {
		a.Base = r.base.Digest
	}
	return a, nil
}

// digest returns the size and SHA-256 of a file.
func digest(ctx context.Context, path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if ctx.Err() != nil {
		return 0, "", fmt.Errorf("hash the image: %w", context.Cause(ctx))
	}
	if err != nil {
		return 0, "", err
	}
	return size, "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
