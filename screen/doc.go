// Package screen says what a picture of a guest's screen says: its text, read
// exactly and without OCR wherever characters are bitmaps on a grid, as they
// are on everything that a machine shows before a desktop does. It also finds
// pictures in pictures, and tells whether a screen has changed or has settled.
//
//	var reader screen.Reader // knows the fonts of this machine
//	text, err := reader.Read(conn.Screen())
//	if err != nil {
//		return err
//	}
//	fmt.Print(text)
//	if m := text.Find(regexp.MustCompile(`boot: *$`), image.Rectangle{}); m != nil {
//		fmt.Println("a prompt at", text.Bounds(m[0].Cells))
//	}
//
// # What it reads
//
// VGA text mode, Linux's framebuffer consoles, ISOLINUX's menus (the graphical
// ones with a background picture and shadows too), GRUB in text mode and in
// graphics, OVMF's setup and shell, iPXE and SeaBIOS. Where the cells are and
// which font they are in is found out by trying. The fonts are those of QEMU's
// VGA BIOS, GRUB's and the console fonts of this machine, two that this package
// has learned from guests, and those that a caller adds by [ReadPSF],
// [ReadVGAROM], [VGAFont], [ReadPF2] or [Learn]. On machines whose text memory
// can be read, [VGAMemory] makes a Text of that.
//
// # What it promises
//
// A character is read only if each of its pixels is as the font has it. A cell
// with something else in it, be it half of an old letter and half of a new one,
// is not known, and U+FFFD in the text. A cursor and what it hides are left
// aside, inverse and coloured text is read with its colours, and a picture
// behind the text counts as background where it is smooth.
//
// Where letters of several scripts have one bitmap, as A has in Latin, Greek and
// Cyrillic, the Latin one is read; if the font has a glyph for each, as GRUB's has,
// that of the word's script, if all its letters can be of one and some must be.
// Characters of East Asia take two cells.
//
// Where nothing is known an [OCR] may be asked, for instance [Tesseract] if
// that program is installed; the Text then says so. Nothing else needs it.
package screen
