package ssh

import "strings"

// Quote returns the arguments as one line for a POSIX shell, which reads them
// as exactly these words: each in single quotes, separated by spaces. Every
// argument is quoted, so that none is taken for a keyword, an assignment or an
// alias. A NUL character cannot be passed to a command in any way; [Client.Run]
// refuses a line that contains one.
func Quote(args ...string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}
