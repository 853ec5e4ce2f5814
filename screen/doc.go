// Package screen reads what a picture says.
package screen
