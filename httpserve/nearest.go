package httpserve

import (
	"path"
	"strings"
)

// maxNearest is the length up to which names are compared; longer ones are not
// typing mistakes.
const maxNearest = 128

// nearest returns the served name that asked most likely stands for, or "".
// The same last element in another directory or another case comes first, then
// the fewest changed bytes, up to a third of what was asked.
func (s *snapshot) nearest(asked string) string {
	asked = strings.Trim(asked, "/")
	if asked == "" || len(asked) > maxNearest {
		return ""
	}
	best, bestCost := "", max(2, len(asked)/3)+1
	base := path.Base(asked)
	for _, name := range s.names {
		cost := distance(strings.ToLower(asked), strings.ToLower(name), bestCost)
		if strings.EqualFold(path.Base(name), base) {
			cost = min(cost, 1)
		}
		if cost < bestCost {
			best, bestCost = name, cost
		}
	}
	return best
}

// distance counts the bytes to insert, delete or replace to make b of a; it
// gives up and returns limit when the count cannot stay below it.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}
