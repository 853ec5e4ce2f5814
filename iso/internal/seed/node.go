// Package seed holds what the writers of seed media share: the tree of files
// that goes on a medium, and an output that knows its position.
package seed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Node is a directory or a regular file of the tree that goes on a medium.
// Permissions are only ever "executable" or not, owners and times are the
// medium's: the same files give the same medium whoever made them, and when.
type Node struct {
	// Name is the name within the parent; empty for the root.
	Name string
	// Dir is true for a directory, which may be empty.
	Dir bool
	// Exec is true for a file that may be executed.
	Exec bool
	// Size is the length of a file in bytes.
	Size int64
	// Source says where the node comes from, for error messages and to know
	// the same file when it is named twice.
	Source string
	// Layer decides between files of the same path: the higher one wins.
	Layer int
	// Open gives the content of a file, which must be Size bytes.
	Open func() (io.ReadCloser, error)

	children map[string]*Node
}

// NewRoot returns an empty root directory.
func NewRoot() *Node { return &Node{Dir: true} }

// Children returns what a directory holds, sorted by the bytes of the names.
func (n *Node) Children() []*Node {
	return slices.SortedFunc(maps.Values(n.children), func(a, b *Node) int { return cmp.Compare(a.Name, b.Name) })
}

// Put places a copy of child at the slash-separated path below n and makes
// the directories that lead there. A directory merges with a directory; a file
// gives way to a file of a higher layer. Every other clash is an error.
func (n *Node) Put(path string, child Node) error {
	parent := n
	names := strings.Split(path, "/")
	for _, name := range names[:len(names)-1] {
		next, err := parent.put(name, Node{Dir: true, Source: child.Source, Layer: child.Layer})
		if err != nil {
			return fmt.Errorf("%q: %w", path, err)
		}
		parent = next
	}
	if _, err := parent.put(names[len(names)-1], child); err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	return nil
}

func (n *Node) put(name string, child Node) (*Node, error) {
	old := n.children[name]
	switch {
	case old == nil:
	case old.Dir && child.Dir:
		return old, nil
	case old.Dir != child.Dir:
		return nil, fmt.Errorf("is a directory in one of %s and %s and a file in the other: rename one", old.Source, child.Source)
	case old.Layer > child.Layer || old.Source == child.Source:
		return old, nil
	case old.Layer == child.Layer:
		return nil, fmt.Errorf("is given by both %s and %s: drop or rename one", old.Source, child.Source)
	}
	if n.children == nil {
		n.children = make(map[string]*Node)
	}
	child.Name = name
	n.children[name] = &child
	return &child, nil
}

// Walk calls f for n and everything below it, parents first, in the order of
// Children, with the slash-separated path below n. The errors of f are joined.
func (n *Node) Walk(f func(path string, n *Node) error) error {
	return n.walk("", f)
}

func (n *Node) walk(path string, f func(string, *Node) error) error {
	errs := []error{f(path, n)}
	for _, c := range n.Children() {
		errs = append(errs, c.walk(strings.TrimPrefix(path+"/"+c.Name, "/"), f))
	}
	return errors.Join(errs...)
}

// CopyTo writes the content of a file to w. A file that is no longer Size
// bytes long is an error, since its place on the medium is already decided.
// It stops between two reads when ctx is done.
func (n *Node) CopyTo(ctx context.Context, w io.Writer) error {
	r, err := n.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	cr := ctxReader{ctx, r}
	copied, err := io.Copy(w, io.LimitReader(cr, n.Size))
	if err != nil {
		return err
	}
	if copied == n.Size {
		var probe [1]byte
		_, err := io.ReadFull(cr, probe[:])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s is no longer %d bytes long: it changed while the medium was written", n.Source, n.Size)
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
