package screen

// Lines of a menu may be so transparent that only their shadow, which falls one
// pixel to the right and down, is plain to see. It tells where the line is, and
// the line must then be there.

// shadowed returns the bitmap whose shadow is in a cell, in the darkest colour
// and those near it.
func (s *scanner) shadowed(x *index, left, top int, dark uint32) (int32, bool) {
	const near, margin = 32, 6 * 8 // margin is of luma
	x.castShadows()
	for y := range x.height {
		var row uint32
		for _, c := range s.pix.line(top + y)[left : left+x.width] {
			row <<= 1
			if distance(c, dark) <= near {
				row |= 1
			}
		}
		s.rows[y] = row
	}
	rows := s.rows[:x.height]
	found := none
	for _, i := range x.shadows[hashRows(x.inner(rows))] {
		if s.contrast(x, left, top, x.bitmaps[i].rows, rows) < margin {
			continue
		}
		if found != none {
			return none, false
		}
		found = i
	}
	return found, found != none
}

// contrast returns by how much luma all of a bitmap's pixels differ, to the
// same side, from all that are neither its own nor in the shadow.
func (s *scanner) contrast(x *index, left, top int, rows, shadow []uint32) int {
	inMin, inMax, outMin, outMax := 1<<30, -1, 1<<30, -1
	for y := range x.height {
		for i := range x.width {
			bit := uint32(1) << (x.width - 1 - i)
			l := luma(s.pix.at(left+i, top+y))
			switch {
			case rows[y]&bit != 0:
				inMin, inMax = min(inMin, l), max(inMax, l)
			case shadow[y]&bit == 0:
				outMin, outMax = min(outMin, l), max(outMax, l)
			}
		}
	}
	return max(outMin-inMax, inMin-outMax)
}

// castShadows enters every bitmap with its shadow, as far as that lies within
// the cell and is not among the shadows of the cells above and before.
func (x *index) castShadows() {
	if x.shadows != nil {
		return
	}
	x.shadows = map[uint64][]int32{}
	for i, b := range x.bitmaps {
		shadow := make([]uint32, x.height)
		for y := 1; y < x.height; y++ {
			shadow[y] = b.rows[y-1] >> 1 &^ b.rows[y]
		}
		if shadow = x.inner(shadow); inkOf(shadow) > 0 {
			h := hashRows(shadow)
			x.shadows[h] = append(x.shadows[h], int32(i))
		}
	}
}

// inner returns rows without the first row and column.
func (x *index) inner(rows []uint32) []uint32 {
	inner := make([]uint32, len(rows))
	for y := 1; y < len(rows); y++ {
		inner[y] = rows[y] & (x.mask >> 1)
	}
	return inner
}
