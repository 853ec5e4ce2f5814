package ssh

import "time"

// Event is what Config.Observe is told: an [AttemptFailed] or a [Connected].
type Event interface{ event() }

// AttemptFailed says that one attempt has failed.
type AttemptFailed struct {
	// Attempt counts from 1.
	Attempt int
	// Took is how long the attempt lasted.
	Took time.Duration
	// Err is a [*DialError], or a [*NotExpectedError] where the login
	// succeeded and Config.Expect said that it is not the system waited for,
	// or a [*TunnelError] where it is and a tunnel could not be opened.
	Err error
}

// Connected says that the guest has let us in.
type Connected struct {
	// Attempt counts from 1.
	Attempt int
	// Took is how long the attempt that succeeded lasted.
	Took time.Duration
	// ServerVersion is how the server announced itself.
	ServerVersion string
}

func (AttemptFailed) event() {}
func (Connected) event()     {}

func (c *Config) observe(e Event) {
	if c.Observe != nil {
		c.Observe(e)
	}
}
