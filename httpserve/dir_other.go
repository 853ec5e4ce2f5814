//go:build !unix

package httpserve

import "os"

const openFlags = os.O_RDONLY
