// Package keyseq reads, checks and types boot commands: the little language in
// which Packer's users write what to press at a boot prompt.
//
//	seq, err := keyseq.Parse("<esc><wait>auto url=http://10.0.2.2:8000/preseed.cfg<enter>")
//	if err != nil {
//		return err // a *keyseq.SyntaxError: line, column, remedy
//	}
//	p := keyseq.Player{Keyboard: conn} // a *vnc.Conn, or anything with its method Key
//	return p.Play(ctx, seq)
//
// # The language
//
// A boot command is text that is typed, with tokens in angle brackets:
//
//	<enter>               presses and releases a key
//	<bs*30>               does so 30 times; at most 10000
//	<leftCtrlOn>          presses a key and holds it
//	<leftCtrlOff>         releases it
//	<aOn> <aOff>          holds and releases the key of any one character
//	<wait>                waits a second
//	<wait5>               waits 5 seconds
//	<wait1m30s>           waits for a duration: numbers with the units
//	                      h m s ms us µs ns, fractions as in 1.5s
//
// Names of keys, On and Off may be in any case; wait and the units are in lower
// case. Nothing may stand between the parts of a token: no space, no leading
// zero.
//
// # Waiting for facts
//
// A wait can be for what the guest shows or does, in place of a time. Packer
// types these tokens as text:
//
//	<wait "boot:">                  until the screen shows what matches a
//	                                regular expression (Go's syntax, RE2)
//	<wait "login:" 60s>             the same, and an error after a minute
//	<wait "login:" row=-1>          in the last row; rows count from 0, and
//	                                from the end with a minus
//	<wait "OK" in=0,20,80,5>        in a region: column, row, width, height
//	<wait still 500ms>              until nothing has changed for a time
//	<wait change>                   until anything changes
//	<wait fetch "/preseed.cfg" 2m>  until the guest has fetched a file
//
// All of them can have a limit; without one they last as long as the command
// may. A plain number is in seconds, as in <wait60>. In a pattern, ^ and $ are
// the beginning and the end of a row, behind which there are no spaces. A quote
// in the quotes takes a backslash; other backslashes are the expression's. What
// begins with <wait, one space, and a quote or one of the words still, change
// and fetch, is such a wait or else an error. [Player.Wait] does the waiting.
//
// # Keys
//
//	<bs> <del> <enter> <return> <esc> <tab> <spacebar> <insert> <home> <end>
//	<pageUp> <pageDown> <up> <down> <left> <right> <menu>
//	<f1> <f2> <f3> <f4> <f5> <f6> <f7> <f8> <f9> <f10> <f11> <f12>
//	<leftShift> <rightShift> <leftCtrl> <rightCtrl> <leftAlt> <rightAlt>
//	<leftSuper> <rightSuper> <leftCommand> <rightCommand> <leftOption> <rightOption>
//
// These are not in Packer's language, which types them as text, as it does
// counts:
//
//	<lt> <gt>             the characters < and >, for text such as <lt>esc>
//	<altGr> <capsLock> <numLock> <scrollLock> <printScreen> <pause>
//	<f13> <f14> <f15> <f16> <f17> <f18> <f19> <f20> <f21> <f22> <f23> <f24>
//
// QEMU before 8.0 has no keys above F12 and drops them.
//
// # What may surprise
//
// All of this is as in Packer, so that boot commands written for it do the same
// here; [Lint] finds it:
//
//   - What is no token is text: <foo>, <space>, <enter without its end, <WAIT>,
//     <wait 5>, <wait05>, <wait1.5>, and so are counts of what is no key, <a*3>
//     and <wait*3>. Only <lt> keeps a token from being one; a backslash is a
//     backslash. [Quote] does it for a whole text.
//   - <wait0> waits a second, and <wait18446744074>, which no duration can
//     hold, 290 milliseconds.
//   - A line end in the text does not press Enter, nor a tab Tab. Packer sends
//     a key that QEMU drops; [Player.Play] refuses it.
//   - Characters that are not on the layout are lost in Packer; Play refuses
//     them.
//   - A character that takes Shift presses and releases the left Shift, also
//     when <leftShiftOn> holds it: the hold ends there.
//
// Parse refuses invalid UTF-8, waits that are not longer than 0 (<wait0s>,
// <wait-1m>), numbers and durations that are out of range, as Packer does, and,
// which Packer has not, counts that are not 1 to 10000 (<bs*0>) and waits for
// facts that make no sense.
//
// # Layouts
//
// A guest that has loaded a German keymap reads keys as a German keyboard has
// them. A [Layout] turns text into the keys that type it there, with AltGr and
// dead keys where it takes them; [LayoutByName] lists them. Boot loaders and
// firmware are nearly always us, the default. Key names such as <enter> are the
// same keys on all layouts.
//
// # Typing
//
// A [Player] sends the keys to a [Keyboard], in one of two currencies: the scan
// code of the physical key, and the keysym of that key on a US keyboard for
// servers that take nothing else. A [Pacer] lets several whole characters go at
// once, never more than the guest has room for. Without one, a [Gate] tells when the guest has taken a
// character, so that the next one can follow at once; Packer waits 100 ms after
// each event instead, which is [Player.Interval]. [Sequence.Keys] and
// [Sequence.Cost] say beforehand how much there is to type and how long it takes.
package keyseq
