//go:build race

package ssh_test

// bigSize is less under the race detector, whose price is the same per byte.
const bigSize = 8 << 20

// leakDials is how often TestNoLeaks connects.
const leakDials = 30
