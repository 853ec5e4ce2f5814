// Package record makes the pictures that package screen is tested with, by
// running guests. It has only tests.
package record
