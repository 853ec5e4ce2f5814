package qemuimg_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

func ExampleParseSize() {
	fmt.Println(qemuimg.ParseSize("40G"))
	fmt.Println(qemuimg.ParseSize("40960"))
	// Output:
	// 42949672960 <nil>
	// 0 qemuimg: size "40960", in bytes for want of a suffix, is less than 1 MiB; for MiB say "40960M"
}

func ExampleCreateOptions_Validate() {
	o := qemuimg.CreateOptions{Format: "iso", Size: 100}
	fmt.Println(o.Validate())
	// Output:
	// field Format "iso" is unknown: give one of ["qcow2" "raw" "vmdk" "vdi" "vhdx" "vpc"]
	// field Size 100 is less than 1 MiB
}

func ExampleTool_Publish() {
	var tool qemuimg.Tool
	err := tool.Publish(context.Background(), "work/disk.qcow2", "debian.qcow2", qemuimg.PublishOptions{
		ConvertOptions: qemuimg.ConvertOptions{
			SourceFormat: qemuimg.Qcow2,
			Compress:     qemuimg.Zlib,
			Progress:     func(fraction float64) { fmt.Printf("\r%3.0f %%", fraction*100) },
		},
	})
	switch {
	case errors.Is(err, fs.ErrExist):
		fmt.Println("debian.qcow2 is there already")
	case errors.Is(err, syscall.ENOSPC):
		fmt.Println("the disk is full")
	case err != nil:
		fmt.Println(err)
	}
}
