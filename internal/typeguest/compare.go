package typeguest

// Difference counts how what has arrived differs from what was typed, by the
// fewest changes that make the one of the other.
type Difference struct {
	Lost    int // typed, and did not arrive
	Doubled int // arrived again beside itself
	Wrong   int // arrived as another character, or was never typed
}

// Total is the number of changes.
func (d Difference) Total() int { return d.Lost + d.Doubled + d.Wrong }

// Compare aligns what was typed and what has arrived. It takes time and memory
// proportional to the length of the texts times how far they differ.
func Compare(typed, arrived string) Difference {
	whole, before := arrived, 0
	for typed != "" && arrived != "" && typed[0] == arrived[0] {
		typed, arrived, before = typed[1:], arrived[1:], before+1
	}
	for typed != "" && arrived != "" && typed[len(typed)-1] == arrived[len(arrived)-1] {
		typed, arrived = typed[:len(typed)-1], arrived[:len(arrived)-1]
	}
	skew := len(arrived) - len(typed)
	for slack := 16; ; slack *= 4 {
		g := newGrid(typed, arrived, min(0, skew)-slack, max(0, skew)+slack)
		// A path that leaves the band takes more changes than this.
		if d := g.trace(whole, before); d.Total() <= max(skew, -skew)+2*slack {
			return d
		}
	}
}

// The last change on the best way to a place of the grid.
const (
	same = iota
	lost
	extra
	other
)

// grid is the table of the edit distance, a band around its diagonal.
type grid struct {
	typed, arrived string
	low, high      int // the band: arrived's index minus typed's
	steps          []byte
}

func newGrid(typed, arrived string, low, high int) *grid {
	g := &grid{typed: typed, arrived: arrived, low: low, high: high}
	width := high - low + 1
	g.steps = make([]byte, (len(typed)+1)*width)
	far := len(typed) + len(arrived) + 1
	above, row := make([]int, width+2), make([]int, width+2) // with a border on each side
	for i := 0; i <= len(typed); i++ {
		row[0], row[width+1] = far, far
		for k := range width {
			row[k+1], g.steps[i*width+k] = g.best(i, i+low+k, above[k+1], above[k+2], row[k], far)
		}
		above, row = row, above
		above[width+1] = far
	}
	return g
}

// best returns the cost of a place, and the step by which it is reached from
// the places diagonal, up and left of it.
func (g *grid) best(i, j, diagonal, up, left, far int) (int, byte) {
	switch {
	case j < 0 || j > len(g.arrived):
		return far, same
	case i == 0:
		return j, extra
	case j == 0:
		return i, lost
	case g.typed[i-1] == g.arrived[j-1]:
		return diagonal, same
	case up <= diagonal && up <= left:
		return up + 1, lost
	case left <= diagonal:
		return left + 1, extra
	}
	return diagonal + 1, other
}

// trace counts the changes. The whole of what has arrived, of which the grid's
// part begins at before, tells a doubled character from one that is wrong.
func (g *grid) trace(whole string, before int) Difference {
	var d Difference
	for i, j := len(g.typed), len(g.arrived); i > 0 || j > 0; {
		step := g.steps[i*(g.high-g.low+1)+j-i-g.low]
		switch {
		case step == lost || j == 0:
			d.Lost++
			i--
		case step == extra || i == 0:
			j--
			if at := before + j; at > 0 && whole[at] == whole[at-1] || at+1 < len(whole) && whole[at] == whole[at+1] {
				d.Doubled++
			} else {
				d.Wrong++
			}
		case step == other:
			d.Wrong++
			i, j = i-1, j-1
		default:
			i, j = i-1, j-1
		}
	}
	return d
}
