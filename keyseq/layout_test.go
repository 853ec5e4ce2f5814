package keyseq

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/google/go-cmp/cmp"
)

func layout(t testing.TB, name string) *Layout {
	t.Helper()
	l, err := LayoutByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLayoutByName(t *testing.T) {
	for _, name := range []string{"us", "uk", "de", "fr", "es", "it", "pt-br", "se", "ch", "be", "jp", "dvorak", "de-nodeadkeys"} {
		if l := layout(t, strings.ToUpper(name)); l.Name() != name || l.Title() == "" {
			t.Errorf("LayoutByName(%q) is %q, %q", name, l.Name(), l.Title())
		}
	}
	for alias, name := range layoutAliases {
		if got := layout(t, alias).Name(); got != name {
			t.Errorf("LayoutByName(%q) is %q, want %q", alias, got, name)
		}
	}
	if got := layout(t, "pt_BR").Name(); got != "pt-br" {
		t.Errorf("LayoutByName(pt_BR) is %q", got)
	}
	for _, name := range []string{"xx", "de-", "de-nodeadkeysx", "-nodeadkeys-", "de-de"} {
		if l, err := LayoutByName(name); err == nil || !strings.Contains(err.Error(), "pt-br") {
			t.Errorf("LayoutByName(%q) = %v, %v", name, l, err)
		}
	}
	if Layouts()[0].Name() != "us" || len(Layouts()) != 12 {
		t.Errorf("Layouts() = %v", Layouts())
	}
	if (*Layout)(nil).Name() != "us" || (*Layout)(nil).Chords('a') == nil {
		t.Error("a nil Layout is not us")
	}
}

// The table itself is sound: rows are complete, cells have at most four
// levels, only known accents are dead.
func TestLayoutTable(t *testing.T) {
	for line := range strings.Lines(layoutText) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" || f[0] == "layout" {
			continue
		}
		if f[0] == "dead" {
			d := readDead(f)
			if d.mark < 0x300 || d.mark > 0x36F || len([]rune(d.pairs))%2 != 0 {
				t.Errorf("bad dead key %q", line)
			}
			continue
		}
		if len(f)-1 != len(rowCodes[f[0]]) {
			t.Errorf("%d cells, want %d: %q", len(f)-1, len(rowCodes[f[0]]), line)
			continue
		}
		for _, c := range readRow(f) {
			for _, r := range c.levels {
				if r < 0 && !strings.Contains(layoutText, "\ndead "+string(dottedCircle)+string(-r)+" ") {
					t.Errorf("dead key %U has no line: %q", -r, line)
				}
			}
			if len(c.levels) < 1 || len(c.levels) > 4 {
				t.Errorf("%d levels on key %#x: %q", len(c.levels), c.code, line)
			}
		}
	}
}

// What each layout must be able to type beyond ASCII.
var nationals = map[string]string{
	"us": "", "uk": "£¬€", "de": "äöüÄÖÜßêéèÉÀ€§°²³µ", "fr": "éèçàùêëîïôûâüÿÊË€£§°²µ¤", "es": "ñÑáéíóúüÁÉÍÓÚÜçÇ¿¡ºª·€âàè",
	"it": "àèéìòùç°§€£", "pt-br": "çÇãõáéíóúâêôàüÃÕÁÉÂÊÔÀÜªº§°", "se": "åäöÅÄÖéèüÉ§½€£¤", "ch": "äöüÄÖÜéèàêëîçÉÈÀ§°€£¢",
	"be": "éèçàùêëîôûüÿáìãñ§°²³µ£€", "jp": "", "dvorak": "",
	"de-nodeadkeys": "äöüÄÖÜß^`~", "fr-nodeadkeys": "éèçàù^¨",
}

// Every layout types all of ASCII and its language's letters.
func TestLayoutsTypeTheirLanguage(t *testing.T) {
	for name, letters := range nationals {
		l := layout(t, name)
		for r := ' '; r < 0x7F; r++ {
			if l.Chords(r) == nil {
				t.Errorf("%s cannot type %q", name, r)
			}
		}
		for _, r := range letters {
			if l.Chords(r) == nil {
				t.Errorf("%s cannot type %q", name, r)
			}
		}
	}
	for _, l := range Layouts() {
		for _, r := range l.Runes() {
			if r < ' ' || r == nothing || r == dottedCircle || 0x300 <= r && r <= 0x36F {
				t.Errorf("%s has %U as a character", l.Name(), r)
			}
		}
	}
}

func TestChords(t *testing.T) {
	tests := []struct {
		layout string
		r      rune
		want   string
	}{
		{"us", 'a', "1E"}, {"us", 'A', "S1E"}, {"us", '<', "S33"}, {"us", ' ', "39"}, {"us", 'é', ""}, {"us", '\n', ""},
		{"de", 'y', "2C"}, {"de", '@', "G10"}, {"de", '~', "G1B"}, {"de", '^', "29 39"}, {"de", 'ê', "29 12"}, {"de", 'É', "0D S12"},
		{"de", '`', "S0D 39"}, {"de", '´', ""}, {"de", '<', "56"}, {"de", '>', "S56"}, {"de", '|', "G56"}, {"de", '\\', "G0C"},
		{"de-nodeadkeys", '^', "29"}, {"de-nodeadkeys", '´', ""}, {"de-nodeadkeys", 'ê', ""},
		{"fr", 'ê', "1A 12"}, {"fr", '^', "G0A"}, {"fr", '1', "S02"}, {"fr", 'a', "10"}, {"fr", '.', "S33"},
		{"ch", 'Ä', "1B S1E"}, {"ch", 'á', "G0C 1E"}, {"ch", '!', "S1B"},
		{"jp", '_', "S73"}, {"jp", '\\', "73"}, {"jp", '|', "S7D"}, {"jp", '@', "1A"},
		{"pt-br", '/', "73"}, {"pt-br", '°', "G73"}, {"pt-br", '?', "S73"}, {"pt-br", 'ã', "28 1E"}, {"dvorak", 's', "27"}, {"dvorak", '[', "0C"},
	}
	for _, tt := range tests {
		var got []string
		for _, c := range layout(t, tt.layout).Chords(tt.r) {
			s := fmt.Sprintf("%02X", c.Code)
			if c.AltGr {
				s = "G" + s
			}
			if c.Shift {
				s = "S" + s
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.layout, tt.r, s, tt.want)
		}
	}
}

// keymap says which keysyms, by their X11 names, a chord gives on a system.
type keymap map[Chord][]string

// keysymNames are X11's names of Latin 1, in order, without its letters and digits.
const asciiNames = `space exclam quotedbl numbersign dollar percent ampersand apostrophe parenleft parenright asterisk plus comma minus period slash
colon semicolon less equal greater question at bracketleft backslash bracketright asciicircum underscore grave braceleft bar braceright asciitilde`

const latin1Names = `nobreakspace exclamdown cent sterling currency yen brokenbar section diaeresis copyright ordfeminine guillemotleft notsign hyphen
registered macron degree plusminus twosuperior threesuperior acute mu paragraph periodcentered cedilla onesuperior masculine guillemotright
onequarter onehalf threequarters questiondown Agrave Aacute Acircumflex Atilde Adiaeresis Aring AE Ccedilla Egrave Eacute Ecircumflex Ediaeresis
Igrave Iacute Icircumflex Idiaeresis ETH Ntilde Ograve Oacute Ocircumflex Otilde Odiaeresis multiply Oslash Ugrave Uacute Ucircumflex Udiaeresis
Yacute THORN ssharp agrave aacute acircumflex atilde adiaeresis aring ae ccedilla egrave eacute ecircumflex ediaeresis igrave iacute icircumflex
idiaeresis eth ntilde ograve oacute ocircumflex otilde odiaeresis division oslash ugrave uacute ucircumflex udiaeresis yacute thorn ydiaeresis`

func keysymName(r rune) string {
	switch {
	case r == '€':
		return "EuroSign"
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return string(r)
	case r < 0x7F:
		i := strings.IndexRune(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r)
		return strings.Fields(asciiNames)[i]
	case r >= 0xA0 && r <= 0xFF:
		return strings.Fields(latin1Names)[r-0xA0]
	}
	return fmt.Sprintf("U%04X", r)
}

// deadNames gives X11's name of the dead key that makes each composed letter.
func deadNames() map[rune]string {
	names := map[rune]string{}
	x11 := map[rune]string{0x300: "dead_grave", 0x301: "dead_acute", 0x302: "dead_circumflex", 0x303: "dead_tilde", 0x308: "dead_diaeresis"}
	for line := range strings.Lines(layoutText) {
		if f := strings.Fields(line); len(f) > 0 && f[0] == "dead" {
			d := readDead(f)
			pairs := []rune(d.pairs)
			for i := 1; i < len(pairs); i += 2 {
				names[pairs[i]] = x11[d.mark]
			}
			names[d.space] = x11[d.mark]
		}
	}
	return names
}

// check compares everything that the layout types with a system's keymap.
func (m keymap) check(t *testing.T, l *Layout) {
	t.Helper()
	dead := deadNames()
	for _, r := range l.Runes() {
		chords := l.Chords(r)
		want := []string{keysymName(r)}
		if len(chords) == 2 {
			base := chords[1]
			for _, b := range l.Runes() {
				if c := l.Chords(b); len(c) == 1 && c[0] == base {
					want = []string{dead[r], keysymName(b)}
				}
			}
		}
		for i, c := range chords {
			c.keysym = 0
			if !strings.Contains(" "+strings.Join(m[c], " ")+" ", " "+want[i]+" ") {
				t.Errorf("%s: key %d of %q is %+v, which types %q there and not %s", l.Name(), i+1, r, c, m[c], want[i])
			}
		}
	}
}

// QEMU's own keymaps are one witness for the layouts; for de and fr they have
// no dead keys.
func TestLayoutsAgreeWithQEMU(t *testing.T) {
	dir := need.File(t, "/usr/share/qemu/keymaps", "install qemu-system-data")
	for name, file := range map[string]string{
		"us": "en-us", "uk": "en-gb", "de-nodeadkeys": "de", "fr-nodeadkeys": "fr", "es": "es", "it": "it",
		"pt-br": "pt-br", "ch": "de-ch", "be": "fr-be", "jp": "ja",
	} {
		readQEMU(t, filepath.Join(dir, file)).check(t, layout(t, name))
	}
}

func readQEMU(t *testing.T, path string) keymap {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := keymap{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "#" {
			continue
		}
		code, err := strconv.ParseUint(f[1], 0, 16)
		if err != nil {
			continue
		}
		flags := " " + strings.Join(f[2:], " ") + " "
		c := Chord{Code: uint16(code), Shift: strings.Contains(flags, " shift "), AltGr: strings.Contains(flags, " altgr ")}
		m[c] = append(m[c], f[0])
	}
	return m
}

// X's keyboard data is the other witness, with dead keys.
func TestLayoutsAgreeWithXKB(t *testing.T) {
	dir := need.File(t, "/usr/share/X11/xkb/symbols", "install xkb-data")
	x := xkb{dir: dir, bodies: map[string][][]string{}}
	for name, section := range map[string]string{
		"us": "us", "uk": "gb", "de": "de", "de-nodeadkeys": "de(nodeadkeys)", "fr": "fr", "es": "es", "it": "it", "pt-br": "br",
		"se": "se", "ch": "ch", "be": "be", "jp": "jp(106)", "dvorak": "us(dvorak)",
		"fr-nodeadkeys": "fr(nodeadkeys)", "es-nodeadkeys": "es(nodeadkeys)", "pt-br-nodeadkeys": "br(nodeadkeys)", "se-nodeadkeys": "se(nodeadkeys)",
		"ch-nodeadkeys": "ch(de_nodeadkeys)", "be-nodeadkeys": "be(nodeadkeys)",
	} {
		x.keys = map[string][]string{}
		x.include(t, "pc(pc105)")
		x.include(t, section)
		x.keymap().check(t, layout(t, name))
	}
}

// xkb reads as much of X's symbol files as the layouts need.
type xkb struct {
	dir    string
	keys   map[string][]string   // levels by the name of the key
	bodies map[string][][]string // statements by file and section, once read
}

var (
	xkbStatement = regexp.MustCompile(`(?:include|augment|override)\s+"([^"]+)"|key\s*<(\w+)>\s*\{([^}]*)\}`)
	xkbAttribute = regexp.MustCompile(`\w+\s*\[\s*\w+\s*\]\s*=|type\s*=`)
	xkbList      = regexp.MustCompile(`\[([^\]]*)\]`)
	xkbName      = regexp.MustCompile(`^([\w/]+)(?:\(([\w-]+)\))?`)
	xkbComment   = regexp.MustCompile(`//.*`)
)

func (x *xkb) include(t *testing.T, what string) {
	for _, one := range strings.Split(what, "+") {
		name := xkbName.FindStringSubmatch(one)
		for _, st := range x.section(t, name[1], name[2]) {
			if st[1] != "" {
				x.include(t, st[1])
				continue
			}
			list := xkbList.FindStringSubmatch(xkbAttribute.ReplaceAllString(st[3], ""))
			if list == nil {
				continue
			}
			for i, sym := range strings.Split(list[1], ",") {
				sym = strings.TrimSpace(sym)
				if levels := x.keys[st[2]]; i >= len(levels) {
					x.keys[st[2]] = append(levels, sym)
				} else if sym != "NoSymbol" {
					levels[i] = sym
				}
			}
		}
	}
}

// section returns the statements of a section, the default one if it has no name.
func (x *xkb) section(t *testing.T, file, name string) [][]string {
	id := file + "(" + name + ")"
	if st, ok := x.bodies[id]; ok {
		return st
	}
	text, err := os.ReadFile(filepath.Join(x.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	src := string(text)
	head := `(?s)\bdefault\s+(?:\w+\s+)*xkb_symbols\s*"[^"]*"\s*\{`
	if name != "" {
		head = `xkb_symbols\s*"` + regexp.QuoteMeta(name) + `"\s*\{`
	}
	at := regexp.MustCompile(head).FindStringIndex(src)
	if at == nil {
		t.Fatalf("%s has no section %q", file, name)
	}
	body := xkbComment.ReplaceAllString(src[at[1]:at[1]+strings.Index(src[at[1]:], "\n};")], "")
	x.bodies[id] = xkbStatement.FindAllStringSubmatch(body, -1)
	return x.bodies[id]
}

func (x *xkb) keymap() keymap {
	codes := map[string]uint16{"TLDE": 0x29, "BKSL": 0x2B, "AC12": 0x2B, "LSGT": codeLess, "AB11": 0x73, "AE13": 0x7D, "SPCE": codeSpace}
	for i := range uint16(12) {
		codes[fmt.Sprintf("AE%02d", i+1)] = 2 + i
		codes[fmt.Sprintf("AD%02d", i+1)] = 0x10 + i
		codes[fmt.Sprintf("AC%02d", min(i, 10)+1)] = 0x1E + min(i, 10)
		codes[fmt.Sprintf("AB%02d", min(i, 9)+1)] = 0x2C + min(i, 9)
	}
	m := keymap{}
	for name, levels := range x.keys {
		if code := codes[name]; code != 0 {
			for i, sym := range levels[:min(4, len(levels))] {
				c := Chord{Code: code, Shift: i&1 != 0, AltGr: i&2 != 0}
				m[c] = append(m[c], sym)
			}
		}
	}
	return m
}

// The keys with names have the codes that QEMU's US keymap gives their keysyms.
func TestNamedKeysAgreeWithQEMU(t *testing.T) {
	m := readQEMU(t, need.File(t, "/usr/share/qemu/keymaps/en-us", "install qemu-system-data"))
	codes := map[string]uint16{}
	for c, names := range m {
		for _, n := range names {
			codes[n] = c.Code
		}
	}
	x11 := map[string]string{
		"bs": "BackSpace", "del": "Delete", "enter": "Return", "return": "Return", "esc": "Escape", "tab": "Tab", "spacebar": "space",
		"insert": "Insert", "home": "Home", "end": "End", "pageUp": "Prior", "pageDown": "Next", "up": "Up", "down": "Down", "left": "Left",
		"right": "Right", "menu": "Menu", "leftShift": "Shift_L", "rightShift": "Shift_R", "leftCtrl": "Control_L", "rightCtrl": "Control_R",
		"leftAlt": "Alt_L", "rightAlt": "Alt_R", "leftSuper": "Super_L", "rightSuper": "Super_R", "leftCommand": "Alt_L", "rightCommand": "Alt_R",
		"leftOption": "Meta_L", "rightOption": "Meta_R", "altGr": "ISO_Level3_Shift", "capsLock": "Caps_Lock", "numLock": "Num_Lock",
		"scrollLock": "Scroll_Lock", "printScreen": "Print", "pause": "Pause",
	}
	for i := 1; i <= 12; i++ {
		x11[fmt.Sprintf("f%d", i)] = fmt.Sprintf("F%d", i)
	}
	for _, k := range namedKeys {
		if n := x11[k.name]; n != "" && codes[n] != k.code {
			t.Errorf("<%s> has code %#x, QEMU's %s %#x", k.name, k.code, n, codes[n])
		}
	}
}

func TestDeadKeyPairs(t *testing.T) {
	// Spot checks of the table against the letters' Unicode names.
	want := map[string]string{"ê": "dead_circumflex", "ñ": "dead_tilde", "ÿ": "dead_diaeresis", "Ý": "dead_acute", "Ù": "dead_grave"}
	got := map[string]string{}
	for r := range want {
		got[r] = deadNames()[[]rune(r)[0]]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
