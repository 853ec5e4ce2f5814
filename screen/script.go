package screen

import "unicode"

// Letters of different scripts often have one bitmap, as A has in Latin, Greek
// and Cyrillic. They are read as Latin ones, unless a word has letters that are
// of another script for certain, and all of it can be of that.

// twins are the letters of other scripts that a bitmap has in a font.
type twins map[int32][]rune

// otherScripts are those whose letters look like Latin ones.
var otherScripts = []*unicode.RangeTable{unicode.Cyrillic, unicode.Greek}

// twin notes a letter that looks like another of the font.
func (x *index) twin(bitmap, font int32, r rune) {
	if !unicode.In(r, otherScripts...) {
		return
	}
	if x.twins == nil {
		x.twins = map[int32]twins{}
	}
	if x.twins[font] == nil {
		x.twins[font] = twins{}
	}
	x.twins[font][bitmap] = append(x.twins[font][bitmap], r)
}

// scripts gives the letters of words that script which all of them can be of.
func (r *scan) scripts(font int32) {
	if r.grid.index.twins[font] == nil {
		return
	}
	const firstOther = 0x370 // the first letter of Greek
	for row := range r.grid.rows {
		line := r.cells[row*r.grid.columns:][:r.grid.columns]
		for from, i, other := 0, 0, false; i <= len(line); i++ {
			if i < len(line) {
				if l := r.rune(line[i], font); unicode.IsLetter(l) {
					other = other || l >= firstOther
					continue
				}
			}
			if other {
				r.spell(line[from:i], font)
			}
			from, other = i+1, false
		}
	}
}

// spell gives the letters of a word its script.
func (r *scan) spell(word []scanned, font int32) {
	for _, script := range otherScripts {
		letters := r.spelled(word, font, script)
		for i, l := range letters {
			word[i].r = l
		}
		if letters != nil {
			return
		}
	}
}

// spelled returns the letters of a word in a script, or nil if they are not of it
// or need not be.
func (r *scan) spelled(word []scanned, font int32, script *unicode.RangeTable) (letters []rune) {
	certain := false
	for _, c := range word {
		l := r.rune(c, font)
		if unicode.Is(script, l) {
			certain = true
		} else if l = r.letter(c, font, script); l == 0 {
			return nil
		}
		letters = append(letters, l)
	}
	if !certain {
		return nil
	}
	return letters
}

// letter returns the letter of a script that a cell can be, or 0.
func (r *scan) letter(c scanned, font int32, script *unicode.RangeTable) rune {
	for _, l := range r.grid.index.twins[font][c.hit] {
		if unicode.Is(script, l) {
			return l
		}
	}
	return 0
}

// rune returns the character of a cell, or 0.
func (r *scan) rune(c scanned, font int32) rune {
	if c.kind != glyph && c.kind != overlay {
		return 0
	}
	l, _ := r.grid.index.bitmaps[c.hit].in(font)
	return l
}
