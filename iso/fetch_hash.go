package iso

import "io"

// A hashPipe hashes on a goroutine of its own what is written to it, so that
// the network, the disk and the hash work at the same time.
type hashPipe struct {
	full chan []byte
	free chan []byte
	done chan struct{}
}

const (
	hashChunk  = 256 << 10
	hashChunks = 8
)

func newHashPipe(to io.Writer) *hashPipe {
	p := &hashPipe{
		full: make(chan []byte, hashChunks),
		free: make(chan []byte, hashChunks),
		done: make(chan struct{}),
	}
	for range hashChunks {
		p.free <- nil // made when first needed
	}
	go func() {
		defer close(p.done)
		for b := range p.full {
			to.Write(b)
			p.free <- b
		}
	}()
	return p
}

// Write copies b and returns before it is hashed. It never fails.
func (p *hashPipe) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		chunk := <-p.free
		if chunk == nil {
			chunk = make([]byte, 0, hashChunk)
		}
		chunk = append(chunk[:0], b[:min(len(b), hashChunk)]...)
		b = b[len(chunk):]
		p.full <- chunk
	}
	return n, nil
}

// close returns when everything written is hashed.
func (p *hashPipe) close() {
	close(p.full)
	<-p.done
}
