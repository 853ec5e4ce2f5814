package qemuimg

import (
	"fmt"
	"strings"
)

// ours are the options of qemu-img's commands that callers cannot give, since
// there is a field for it ("" for none), or since the command would do something
// else than what it is run for.
var ours = map[string]map[string]string{
	"create":  {"-f": "Format", "-b": "Backing", "-F": "BackingFormat", "-B": "", "-u": ""},
	"resize":  {"-f": "Format", "--shrink": "Shrink", "--image-opts": ""},
	"convert": {"-f": "SourceFormat", "-O": "Format", "-c": "Compress", "-p": "Progress", "-B": "Backing", "-F": "BackingFormat", "-b": "Backing", "-n": "", "-l": "", "--image-opts": "", "--target-image-opts": ""},
	"":        {"-q": "", "-h": "", "--help": "", "--": "", "-U": "", "help": "", "?": ""},
}

// checkArgs returns what is wrong with further arguments of a command.
func checkArgs(command string, args []string) error {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return fmt.Errorf("field Args: %q is no option of qemu-img %s; begin with one, and write each word as one element", args[0], command)
	}
	for _, arg := range args {
		if strings.ContainsRune(arg, 0) {
			return fmt.Errorf("field Args: %q contains a zero byte", arg)
		}
		name := optionName(arg)
		for _, table := range []string{command, ""} {
			field, taken := ours[table][name]
			if taken && field != "" {
				return fmt.Errorf("field Args: %q is what field %s says; set that instead", arg, field)
			}
			if taken {
				return fmt.Errorf("field Args: qemu-img %s cannot be given %q here; leave it out", command, arg)
			}
		}
	}
	return nil
}

// optionName returns -f of -fqcow2, and --preallocation of --preallocation=full.
func optionName(arg string) string {
	switch {
	case strings.HasPrefix(arg, "--"):
		name, _, _ := strings.Cut(arg, "=")
		return name
	case len(arg) > 2 && arg[0] == '-':
		return arg[:2]
	}
	return arg
}
