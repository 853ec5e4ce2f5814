package template

import (
	"fmt"
	"text/template/parse"

	texttemplate "text/template"
)

// mostTurns is how often the loops of a template string may turn. Without a
// limit a string such as {{ range 1000000000 }}{{ end }} would be rendered for
// minutes.
const mostTurns = 100_000

// turns is the function that counts.
func turns() texttemplate.FuncMap {
	n := 0
	return texttemplate.FuncMap{"_turn": func() (string, error) {
		if n++; n > mostTurns {
			return "", fmt.Errorf("range: its loops turn more than %d times", mostTurns)
		}
		return "", nil
	}}
}

// turn is a call of that function.
var turn = texttemplate.Must(texttemplate.New("t").Funcs(turns()).Parse("{{_turn}}")).Root.Nodes[0]

// count puts a call of _turn at the beginning of each loop.
func count(t *texttemplate.Template) {
	for _, t := range t.Templates() {
		if t.Tree != nil {
			countIn(t.Root)
		}
	}
}

func countIn(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.RangeNode:
			countIn(n.List)
			countIn(n.ElseList)
			n.List.Nodes = append([]parse.Node{turn.Copy()}, n.List.Nodes...)
		case *parse.IfNode:
			countIn(n.List)
			countIn(n.ElseList)
		case *parse.WithNode:
			countIn(n.List)
			countIn(n.ElseList)
		}
	}
}
