package qemu

import "time"

// Event is something that happened to a machine: one of the types of this
// package that have an isEvent method, [Started] to [Exited]. The first event
// of a machine is Started, the last is Exited.
type Event interface{ isEvent() }

// Started says that QEMU answers and the guest has begun to run.
type Started struct {
	PID     int      // QEMU's process id on this host
	Args    []string // the whole command line with the program
	Version string   // QEMU's, for people
	Accel   Accel    // what it runs on
	Reason  string   // why on that: for an automatic choice what was tried and measured
	Sandbox bool     // whether the seccomp filter is on
}

// Reset says that the machine was reset.
type Reset struct {
	Guest  bool   // by the guest itself: a reboot
	Reason string // QEMU's word, such as guest-reset or host-qmp-system-reset
}

// Stopped says that the processor stands still, the machine's power being on.
type Stopped struct{ Status string } // QEMU's run state: paused, io-error, guest-panicked…

// Resumed says that the processor runs again.
type Resumed struct{}

// Panicked says that the guest's kernel told of a panic through pvpanic.
type Panicked struct{ Action string } // what QEMU does: pause

// ShutDown says that the machine is being switched off.
type ShutDown struct {
	Guest  bool   // by the guest itself
	Reason string // QEMU's word: guest-shutdown, guest-reset, guest-panic, host-qmp-quit, host-signal…
}

// IOError says that the host failed to read or write an image. With NoSpace
// its file system is full. The machine stops after it.
type IOError struct {
	Device    string // the disk's id: disk0, cd0…
	Operation string // read or write
	NoSpace   bool   // whether the host's disk or a quota is full
	Reason    string // the operating system's words
	Stopped   bool   // whether QEMU stops the machine for it
}

// Hung says that QEMU has not answered for a while though its process is
// there. It is said once, and again only if QEMU answered in between.
type Hung struct{ For time.Duration }

// TPMEnded says that the machine's TPM has ended while the machine runs, which
// gets an error for an answer to whatever it asks it.
type TPMEnded struct {
	Status int    // the exit status of swtpm; -1 after a signal or if it is not known
	Signal string // the signal that ended it, such as "killed"; empty for none
	Stderr string // the end of what it wrote on standard error
}

// String says how swtpm has ended, with its last words.
func (e TPMEnded) String() string {
	return "swtpm ended (" + ending(e.Status, e.Signal) + ")" + words("swtpm", e.Stderr)
}

// ShareEnded says that the program that shares a directory by virtiofs has ended
// while the machine runs: whatever the guest asks of that directory never gets an
// answer.
type ShareEnded struct {
	Tag    string // the share's
	Status int    // the exit status of virtiofsd; -1 after a signal or if it is not known
	Signal string // the signal that ended it, such as "killed"; empty for none
	Stderr string // the end of what it wrote on standard error
}

// String says which share it was and how virtiofsd has ended, with its last words.
func (e ShareEnded) String() string {
	return e.Tag + ": virtiofsd ended (" + ending(e.Status, e.Signal) + ")" + words("virtiofsd", e.Stderr)
}

// Exited says that QEMU has ended.
type Exited struct {
	Status int    // the exit status; -1 after a signal or if it is not known
	Signal string // the signal that ended it, such as "killed"; empty for none
	Stderr string // the end of what QEMU wrote on standard error
}

func (Started) isEvent()    {}
func (Reset) isEvent()      {}
func (Stopped) isEvent()    {}
func (Resumed) isEvent()    {}
func (Panicked) isEvent()   {}
func (ShutDown) isEvent()   {}
func (IOError) isEvent()    {}
func (Hung) isEvent()       {}
func (TPMEnded) isEvent()   {}
func (ShareEnded) isEvent() {}
func (Exited) isEvent()     {}
