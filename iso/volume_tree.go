package iso

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

// The layers of a volume's tree: the higher one wins.
const (
	layerFS = iota
	layerPaths
	layerContent
)

// maxDepth bounds how deep a tree may be; no sane one comes near it.
const maxDepth = 128

// tree gathers what the volume holds. Files are looked at but not opened.
func (v *Volume) tree() (*seed.Node, error) {
	root := seed.NewRoot()
	var errs []error
	if v.FS != nil {
		g := gatherer{root: root, fsys: v.FS, layer: layerFS, source: func(name string) string { return "Volume.FS " + name }}
		g.open = func(name string) (io.ReadCloser, error) { return v.FS.Open(name) }
		if err := g.dir(".", ""); err != nil {
			errs = append(errs, fmt.Errorf("iso: Volume.FS: %w", err))
		}
	}
	for i, p := range v.Paths {
		if err := addPath(root, p); err != nil {
			errs = append(errs, fmt.Errorf("iso: Volume.Paths[%d] %q: %w", i, p, err))
		}
	}
	for _, name := range v.contentNames() {
		if err := root.Put(name, contentNode(name, v.Content[name])); err != nil {
			errs = append(errs, fmt.Errorf("iso: Volume.Content: %w", err))
		}
	}
	return root, errors.Join(errs...)
}

func contentNode(name, text string) seed.Node {
	return seed.Node{
		Size: int64(len(text)), Source: fmt.Sprintf("Volume.Content[%q]", name), Layer: layerContent,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
	}
}

// addPath puts a file or directory of the host into the tree.
func addPath(root *seed.Node, p string) error {
	full, err := filepath.Abs(p)
	if err != nil {
		return err
	}
	info, err := os.Stat(p) // with its slash, which a file may not have
	if err != nil {
		return err
	}
	name := filepath.Base(full)
	if !info.IsDir() {
		node, err := fileNode(info, full, layerPaths)
		if err != nil {
			return err
		}
		node.Open = func() (io.ReadCloser, error) { return opened(openRegular(full)) }
		return root.Put(name, node)
	}
	if contentsOnly(p) {
		name = ""
	}
	return addDir(root, full, name)
}

func opened(f *os.File, _ fs.FileInfo, err error) (io.ReadCloser, error) { return f, err }

// contentsOnly reports whether a directory stands for what it holds.
func contentsOnly(p string) bool {
	return os.IsPathSeparator(p[len(p)-1]) || filepath.Base(p) == "." || filepath.Clean(p) == "." ||
		filepath.Base(p) == string(filepath.Separator)
}

// addDir puts a directory of the host into the tree, through an os.Root, which
// no symbolic link leads out of.
func addDir(root *seed.Node, dir, name string) error {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	g := gatherer{root: root, fsys: r.FS(), layer: layerPaths}
	g.source = func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	g.open = func(name string) (io.ReadCloser, error) { return os.OpenInRoot(dir, filepath.FromSlash(name)) }
	if name != "" {
		if err := root.Put(name, seed.Node{Dir: true, Source: dir, Layer: layerPaths}); err != nil {
			return err
		}
	}
	return g.dir(".", name)
}

// gatherer copies the names of a file system into the tree.
type gatherer struct {
	root   *seed.Node
	fsys   fs.FS
	layer  int
	source func(name string) string
	open   func(name string) (io.ReadCloser, error)
}

// dir adds what the directory name holds below the path at. All errors of the
// directory are found.
func (g *gatherer) dir(name, at string) error {
	if strings.Count(name, "/") >= maxDepth {
		return fmt.Errorf("%q: more than %d directories deep; use a flatter tree", name, maxDepth)
	}
	entries, err := fs.ReadDir(g.fsys, name)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, g.entry(path.Join(name, e.Name()), path.Join(at, e.Name()), e))
	}
	return errors.Join(errs...)
}

func (g *gatherer) entry(name, at string, e fs.DirEntry) error {
	if problem := pathProblem(at); problem != "" {
		return fmt.Errorf("%q: name is not valid UTF-8; rename it", name)
	}
	if e.IsDir() {
		if err := g.root.Put(at, seed.Node{Dir: true, Source: g.source(name), Layer: g.layer}); err != nil {
			return err
		}
		return g.dir(name, at)
	}
	info, err := fs.Stat(g.fsys, name) // follows a link, within an os.Root
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%q: is a symbolic link to a directory; put a copy there", name)
	}
	node, err := fileNode(info, g.source(name), g.layer)
	if err != nil {
		return err
	}
	node.Open = func() (io.ReadCloser, error) { return g.open(name) }
	return g.root.Put(at, node)
}

// fileNode describes a regular file.
func fileNode(info fs.FileInfo, source string, layer int) (seed.Node, error) {
	if !info.Mode().IsRegular() {
		return seed.Node{}, fmt.Errorf("%q: %w", source, errNotRegular)
	}
	return seed.Node{
		Size: info.Size(), Exec: info.Mode()&0o111 != 0, Source: source, Layer: layer,
	}, nil
}
