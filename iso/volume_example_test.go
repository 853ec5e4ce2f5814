package iso_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bootscribe/bootscribe/iso"
)

// A seed CD for cloud-init, which looks for a volume called cidata.
func ExampleVolume_CreateCD() {
	dir, err := os.MkdirTemp("", "seed")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	volume := iso.Volume{
		Label: "cidata",
		Content: map[string]string{
			"meta-data": "",
			"user-data": "#cloud-config\nssh_pwauth: true\n",
		},
	}
	path := filepath.Join(dir, "seed.iso")
	if err := volume.CreateCD(context.Background(), path); err != nil {
		fmt.Println(err)
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.Size(), info.Mode())
	// Output: 362496 -rw-------
}

func ExampleVolume_ValidateFloppy() {
	volume := iso.Volume{
		Label:   "installation",
		Content: map[string]string{"/ks.cfg": "text\n"},
	}
	fmt.Println(volume.ValidateFloppy())
	// Output:
	// iso: Volume.Content["/ks.cfg"]: is not a slash-separated path from the volume's root; write "ks.cfg"
	// iso: Volume.Label "installation": has 12 characters; the label of a floppy has up to 11
}
