package template

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page is where the table of options is kept.
const page = "../docs/packer.md"

// TestInventory fails when an option of Packer's builder has no row.
func TestInventory(t *testing.T) {
	text, err := os.ReadFile("testdata/inventory.txt")
	if err != nil {
		t.Fatal(err)
	}
	o := &options{table: qemuOptions}
	names := o.names()
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, name := range strings.Fields(line) {
			if !slices.Contains(names, name) {
				t.Errorf("option %s has no row in qemuOptions", name)
			}
		}
	}
	slices.Sort(names)
	if n := len(slices.Compact(slices.Clone(names))); n != len(names) {
		t.Errorf("%d options have two rows", len(names)-n)
	}
}

// TestRows fails for a row that does not say what is different.
func TestRows(t *testing.T) {
	for _, table := range tables {
		for _, r := range table.rows {
			explained := r.here != "" || r.to != ""
			if want := r.status != works; explained != want {
				t.Errorf("%s: %s: status %q and explanation %q", table.title, r.name, r.status, r.here)
			}
			if r.to != "" && (&options{table: table.rows}).row(r.to) == nil && (&options{table: qemuOptions}).row(r.to) == nil {
				t.Errorf("%s: %s is an old name of %s, which there is not", table.title, r.name, r.to)
			}
		}
	}
}

// tables are all tables of options, in the order of the page.
var tables = []struct {
	title string
	rows  []option
}{
	{"Installation medium", mediaOptions}, {"Disk and output", diskOptions}, {"Machine", machineOptions}, {"Network and ports", networkOptions},
	{"HTTP server", httpOptions}, {"CD and floppy", seedOptions}, {"Typing", typingOptions}, {"SSH", sshOptions}, {"WinRM", winrmOptions},
	{"Shutdown", endOptions}, {"Old names", oldOptions}, {"Only here", ownOptions},
	{"Every provisioner", commonOptions}, {"Provisioner shell", shellOptions}, {"Provisioner file", fileOptions},
	{"Provisioner and post-processor shell-local", localOptions}, {"Provisioner powershell", powershellOptions}, {"Provisioner windows-shell", batchOptions},
	{"Provisioner windows-restart", restartOptions}, {"Provisioner sleep", sleepOptions}, {"Provisioner breakpoint", breakpointOptions},
	{"Every post-processor", postCommon}, {"Post-processor checksum", checksumOptions}, {"Post-processor manifest", manifestOptions},
	{"Post-processor compress", compressOptions}, {"Post-processor artifice", artificeOptions}, {"Post-processor vagrant", vagrantOptions}, {"Data source http", httpData},
}

// TestPage holds docs/packer.md against the tables. UPDATE=1 writes it.
func TestPage(t *testing.T) {
	got := writePage()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the tables say; run UPDATE=1 go test -run TestPage: %s", page, diff)
	}
}

const intro = `# Packer templates

Package [template](../template) reads templates that were written for Packer and
its builder qemu, in JSON and HCL2, and makes builds of them:

    go run ./examples/template validate debian.json
    go run ./examples/template build -var disk_size=20G debian.json

This page is made from the tables that the parser reads templates by, so it has
every option that is understood. "same" is as in Packer; "differs" and "no
effect" say what happens here instead; "not yet" is an error that says so when
the option is set. Unknown options are errors that name the nearest known one.

Everywhere: a bare number as a duration, which Packer takes for nanoseconds, is
an error; {{ .X }} without an X is an error and not "<no value>"; template
strings are rendered with the functions below. A template's files are looked for
from the working directory, as in Packer. Validation needs no network, no QEMU
and no files of this host; ` + "`validate -host`" + ` looks at those as well.

`

// flags are what the program of the examples has.
const flags = `
## Flags

The program examples/template has the commands build, validate, inspect and keys,
which ends with 1 if anything is wrong or a build has failed, and with 127 for a
command that there is not. Of Packer's flags:

| Flag | What is different, and why |
|---|---|
| ` + "`-var`, `-var-file`, `-only`, `-except`, `-debug`, `-timestamp-ui`" + ` | the same |
| ` + "`-parallel-builds`" + ` | the same: 0, the default, is all at a time |
| ` + "`-machine-readable`" + ` | the same lines, of the types ui, artifact-count, artifact, error and error-count |
| ` + "`-on-error=cleanup`" + ` | the same: the default |
| ` + "`-on-error=abort`" + ` | no machine outlives its build; its disk is kept beside where the image would be, as NAME.failed, with the variables of UEFI firmware, and a further disk is not |
| ` + "`-on-error=ask`" + ` | the same: clean up, abort, or retry the step, and a build whose retry succeeds has succeeded |
| ` + "`-on-error=run-cleanup-provisioner`" + ` | as abort, after the cleanup provisioner, which cleanup runs as well |
| ` + "`-force`" + ` | replaces the files that are made again, and deletes nothing else |
| ` + "`-color`, `-warn-on-undeclared-var`, `-ignore-prerelease-plugins`, `-use-sequential-evaluation`, `-skip-enforcement`" + ` | no effect: there are no colours and no plugins, and undeclared variables are always told of |
| ` + "`validate -evaluate-datasources`" + ` | no effect: they always are |
| ` + "`-eager`" + ` | only here: types before boot_wait is over, once the screen stands still |
| ` + "`-watch`" + ` | only here: serves a live page of each build on this host, as is done without it where headless is false and there is no display |
| ` + "`-n`" + ` | only here: prints QEMU's command lines |
| ` + "`validate -host`" + ` | only here: looks at this host's programs and files as well |
`

// times are what was measured with the templates of the examples.
const times = `
## How long a build takes

The demo's medium, which installs Debian, built by the templates in
template/examples/template, on two virtual cores with TCG on 2026-11-23. The last
three columns are seconds from the start. The machine was busy with other things,
and not equally so: the first two columns say how the templates differ, the last
does not.

| | waits for | boot command typed | answer file fetched | image made, at a load of |
|---|---|---|---|---|
| ` + "`demo.json`" + ` | what the screen shows | 4 | 32 | 355, 8 |
| ` + "`demo-packer.json -eager`" + ` | a screen that stands still; 100 ms after each key event, as Packer | 15 | 33 | 237, 5 to 7 |
| ` + "`demo-packer.json`" + ` | 10 s; 100 ms after each key event, as Packer | 22 | 34 | 307, 4 to 5 |
`

func writePage() string {
	var b strings.Builder
	b.WriteString(intro)
	count := map[status]int{}
	for _, r := range qemuOptions {
		count[r.status]++
	}
	fmt.Fprintf(&b, "Of the %d options of the builder qemu (old names and our own not counted), %d are the same, %d differ, %d have no effect and %d are not supported yet.\n",
		count[works]+count[differs]+count[noEffect]+count[notYet], count[works], count[differs], count[noEffect], count[notYet])
	for _, t := range tables {
		fmt.Fprintf(&b, "\n## %s\n\n| Option | Type | Packer's default | Here | What is different, and why |\n|---|---|---|---|---|\n", t.title)
		for _, r := range t.rows {
			here := r.here
			if r.to != "" {
				here = "`" + r.to + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.name, r.kind, cell(r.def), r.status, cell(here))
		}
	}
	b.WriteString(flags)
	b.WriteString(times)
	b.WriteString("\n## Components\n\n")
	fmt.Fprintf(&b, "Provisioners: %s. Not built in: %s.\n\n", strings.Join(provisionerTypes, ", "), strings.Join(laterProvisioners, ", "))
	fmt.Fprintf(&b, "Post-processors: %s. Not built in: %s.\n\n", strings.Join(postTypes, ", "), strings.Join(laterPosts, ", "))
	b.WriteString("Data sources: http, null. Any other component can be registered: see `template.Components`.\n")
	e := newTemplate(&Config{}, ".").engine
	fmt.Fprintf(&b, "\n## Functions\n\nIn `{{ }}`: %s, and those of Go's text/template.\n", strings.Join(slices.Sorted(keysOf(e.functions())), ", "))
	fmt.Fprintf(&b, "\nIn HCL2 expressions: %s.\n", strings.Join(hclFunctionNames(), ", "))
	fmt.Fprintf(&b, "\nThose that ask a service, %s, are errors that say so, unless a function of that name is registered.\n", strings.Join(cloud, ", "))
	fmt.Fprintf(&b, "\nFunction `build` knows %s.\n", strings.Join(generated, ", "))
	return b.String()
}

// cell is a text in a table: what would be taken for a tag or a column is not.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "{{", "`{{", "}}", "}}`").Replace(s)
}
