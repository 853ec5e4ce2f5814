package httpserve

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"text/template"
)

// maxRendered bounds a template's output, so that one which loops for ever
// ends in an error.
const maxRendered = keepFile

var errTooLong = errors.New("renders to more than 1 MiB; serve it as a file")

func (s *snapshot) addTemplates(fsys fs.FS, data any) []error {
	return walk("Templates", fsys, func(name string) error {
		if len(s.files) >= s.max {
			return fmt.Errorf("more than %d files; raise MaxFiles: %w", s.max, errTooManyFiles)
		}
		if s.files[name] != nil {
			return errors.New("is in Files too; remove one of the two")
		}
		text, err := render(fsys, name, data)
		if err == nil {
			s.files[name] = &file{name: name, data: text, size: int64(len(text))}
		}
		return err
	})
}

// render executes one template. Its errors name file and line, as text/template
// writes them.
func render(fsys fs.FS, name string, data any) ([]byte, error) {
	source, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Option("missingkey=error").Parse(string(source))
	if err != nil {
		return nil, err
	}
	out := &cappedBuffer{Buffer: *bytes.NewBuffer([]byte{})}
	if err := t.Execute(out, data); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

type cappedBuffer struct{ bytes.Buffer }

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxRendered {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}
