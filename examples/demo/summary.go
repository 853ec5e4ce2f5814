package main

import (
	"fmt"
	"io"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// summary writes what was made, and what it took.
func summary(w io.Writer, a *imagebuild.Artifact) {
	var total time.Duration
	fmt.Fprintf(w, "\n%-10s %9s\n", "phase", "seconds")
	for _, p := range a.Phases {
		fmt.Fprintf(w, "%-10s %9.1f\n", p.Phase, p.Took.Seconds())
		total += p.Took
	}
	fmt.Fprintf(w, "%-10s %9.1f\n\n", "all", total.Seconds())
	fmt.Fprintf(w, "%s: %s, %.1f MiB, %s\n", a.Path, a.Format, float64(a.Size)/(1<<20), a.Digest)
	if busy, most, ok := usage(); ok {
		fmt.Fprintf(w, "this process: at most %.1f MiB of memory, %.1f s of processor time (%.1f %% of one processor)\n",
			float64(most)/(1<<20), busy.Seconds(), 100*busy.Seconds()/total.Seconds())
	}
}
