package ssh

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
)

// shellStore is the guest's files by its shell, for one that has no SFTP. It
// needs a POSIX sh with cat, wc, chmod, mv, rm, mkdir and ln: busybox will do.
type shellStore struct {
	ctx    context.Context
	client *Client
}

func (s *shellStore) run(line string, from *reader) error {
	cmd := &Command{Line: "sh -c " + Quote(line), Name: line}
	if from != nil {
		cmd.Stdin = from
	}
	return s.client.Run(s.ctx, cmd)
}

// put works like that of sftpStore.
func (s *shellStore) put(from *reader, name string, mode fs.FileMode) error {
	final, temporary := word(name), word(temporaryName(name))
	if err := s.run(fmt.Sprintf("test ! -d %s && umask 077 && cat >%s", final, temporary), from); err != nil {
		s.run("rm -f "+temporary, nil)
		return fmt.Errorf("write %q (is it a directory?): %w", name, err)
	}
	finish := fmt.Sprintf("test $(wc -c <%[1]s) -eq %[2]d && chmod %[3]o %[1]s && mv -f %[1]s %[4]s || { rm -f %[1]s; exit 1; }",
		temporary, from.n, mode.Perm(), final)
	if err := s.run(finish, nil); err != nil {
		return fmt.Errorf("check and rename %q: %w", name, err)
	}
	return nil
}

// mkdir works like that of sftpStore.
func (s *shellStore) mkdir(name string) error {
	return s.run("mkdir -p "+word(name), nil)
}

// link works like that of sftpStore.
func (s *shellStore) link(target, name string) error {
	return s.run(fmt.Sprintf("{ test -d %[2]s && test ! -h %[2]s || rm -f %[2]s; } && ln -s -- %[1]s %[2]s", Quote(target), word(name)), nil)
}

// get copies a file of the guest. Its mode is not asked for.
func (s *shellStore) get(name string, to *writer) error {
	line := fmt.Sprintf("test ! -d %[1]s && cat %[1]s", word(name))
	return s.client.Run(s.ctx, &Command{Line: "sh -c " + Quote(line), Name: line, Stdout: to})
}

// word quotes a path, so that it is not taken for an option either.
func word(name string) string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	return Quote(name)
}
