package guest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// CD writes an ISO 9660 image that starts a boot sector, as an installation
// medium starts its boot loader, to the test's temporary directory and returns
// its path. No file is in it.
func CD(t testing.TB, sector []byte) string {
	t.Helper()
	const (
		block   = 2048
		primary = 16 * block // where volume descriptors begin (ECMA-119 §6.2.1)
		boot    = 17 * block // where "El Torito" 1.0 §2.0 wants the boot record
		end     = 18 * block
		catalog = 19
		loader  = 20
	)
	image := make([]byte, (loader+1)*block)
	copy(image[primary:], "\x01CD001\x01")
	copy(image[boot:], "\x00CD001\x01EL TORITO SPECIFICATION")
	binary.LittleEndian.PutUint32(image[boot+0x47:], catalog)
	copy(image[end:], "\xffCD001\x01")

	entry := image[catalog*block:]
	entry[0] = 1 // the validation entry, whose words sum up to 0
	entry[30], entry[31] = 0x55, 0xaa
	binary.LittleEndian.PutUint16(entry[28:], 0x10000-0xaa55-1)
	entry[32] = 0x88                                  // the default entry: bootable, no emulation
	binary.LittleEndian.PutUint16(entry[38:], 1)      // how many sectors of 512 bytes
	binary.LittleEndian.PutUint32(entry[40:], loader) // from where
	copy(image[loader*block:], sector)

	path := filepath.Join(t.TempDir(), "guest.iso")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
