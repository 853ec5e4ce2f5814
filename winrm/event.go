package winrm

import "time"

// Event is what Config.Observe is told: an [AttemptFailed] or a [Connected].
type Event interface{ event() }

// AttemptFailed says that one attempt has failed.
type AttemptFailed struct {
	// Attempt counts from 1.
	Attempt int
	// Took is how long the attempt lasted.
	Took time.Duration
	// Err is a [*DialError].
	Err error
}

// Connected says that the guest has let us in.
type Connected struct {
	// Attempt counts from 1.
	Attempt int
	// Took is how long the attempt that succeeded lasted.
	Took time.Duration
}

func (AttemptFailed) event() {}
func (Connected) event()     {}
