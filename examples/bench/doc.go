// Package bench measures, in its benchmarks, what a whole build costs the
// program that runs it; docs/bench.md has the figures.
package bench
