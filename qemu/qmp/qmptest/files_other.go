//go:build !unix

package qmptest

import "io"

func (c *Conn) reader() io.Reader { return c.nc }
