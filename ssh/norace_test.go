//go:build !race

package ssh_test

// bigSize is what TestUploadBig moves each way.
const bigSize = 64 << 20

// leakDials is how often TestNoLeaks connects.
const leakDials = 100
