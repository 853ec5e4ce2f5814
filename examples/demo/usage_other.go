//go:build !unix

package main

import "time"

// usage knows nothing here.
func usage() (busy time.Duration, most int64, ok bool) { return 0, 0, false }
