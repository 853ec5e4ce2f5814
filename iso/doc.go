// Package iso fetches installation media and writes small media of its own: a
// seed CD or floppy for the guest.
//
// A [Source] is where a medium is and what it must hash to. A [Fetcher] brings
// it into a cache, or finds it there, and returns a [Medium] that has been
// verified a moment ago:
//
//	f := iso.Fetcher{Observe: func(e iso.Event) {
//		if p, ok := e.(iso.Progress); ok {
//			fmt.Printf("%d of %d bytes\n", p.Done, p.Total)
//		}
//	}}
//	m, err := f.Fetch(ctx, iso.Source{
//		URLs: []string{
//			"debian-12.iso", // if it lies here already
//			"https://example.org/mirror/debian-12.iso",
//			"https://example.net/debian-12.iso",
//		},
//		Checksum: "file:https://example.org/mirror/SHA512SUMS",
//	})
//	if err != nil {
//		return err // says for each URL why it would not do
//	}
//	fmt.Println(m.Path, m.Size, m.Digest)
//
// # What a Fetch promises
//
// Only bytes that verified have a final name in the cache, and they are hashed
// again on every use. Several processes that want the same file download it
// once; the others wait and see how far it is; if the one dies, another goes
// on where it was. A download that breaks off continues at the right byte or
// starts again: an answer that does not fit is never appended. A server that
// falls silent, lies about lengths or answers with a web page costs a try or
// is named in the error. Passwords go to the configured host only, and are in
// no event, error or file.
//
// # The cache
//
// The cache is a directory of the owner's. sha256/HEX is a verified file,
// named by its SHA-256; part/ holds what is on its way, quarantine/ what came
// and was not what was asked for, filed so that a corrected checksum finds it;
// index/ and lock/ are small. Nothing in it ages, and all of it may be removed
// while no Fetch runs.
//
// A file that is compressed ([Source.Unpack]) is unpacked once: what was in it
// is in the cache like any other file, and index/ tells what it is from.
//
// # Seed media
//
// A [Volume] is a tree of files for the guest to find on a CD or a floppy; it
// is written without any external program. See its methods.
package iso
