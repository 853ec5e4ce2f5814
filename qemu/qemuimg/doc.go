// Package qemuimg makes, inspects, converts and publishes disk images with
// the program qemu-img.
//
//	var tool qemuimg.Tool
//	err := tool.Create(ctx, "work/disk.qcow2", qemuimg.CreateOptions{Size: 40 << 30})
//	…
//	err = tool.Publish(ctx, "work/disk.qcow2", "debian.qcow2", qemuimg.PublishOptions{
//		ConvertOptions: qemuimg.ConvertOptions{
//			SourceFormat: qemuimg.Qcow2,
//			Compress:     qemuimg.Zlib,
//			Progress:     func(fraction float64) { fmt.Printf("%3.0f %%\n", fraction*100) },
//		},
//	})
//
// What qemu-img does carelessly is done with care here:
//
//   - A file gets its name when it is whole. Until then it is in a private
//     directory beside it, ".bootscribe-" and a number, which is removed. A
//     file that exists is never written to or replaced, unless Overwrite says so.
//   - No image format is ever guessed from a file's content, which a guest
//     may have written.
//   - An image that refers to other files of the host, as one from a stranger
//     may do to steal them, is refused unless those files are expected.
//   - Any path that the system accepts will do: colons, commas, newlines and
//     leading dashes have no meaning.
//   - Sizes are checked: qemu-img makes a disk of 1 byte if it is told to.
//
// When its context ends, qemu-img is killed. On Linux it also dies with the
// calling program, however that ends.
package qemuimg
