package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
)

// mirror is a web server on loopback, as a distribution's would be: the demo
// fetches its medium from there.
type mirror struct {
	server       *http.Server
	served       chan struct{} // closed when the server has ended
	medium, sums string        // URLs
}

func serve(ctx context.Context, medium, sums string) (*mirror, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	base := "http://" + listener.Addr().String() + "/"
	m := &mirror{server: &http.Server{Handler: mux}, served: make(chan struct{}), medium: base + filepath.Base(medium), sums: base + filepath.Base(sums)}
	for _, path := range []string{medium, sums} {
		mux.HandleFunc("GET /"+filepath.Base(path), func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
	}
	go func() {
		defer close(m.served)
		m.server.Serve(listener) // returns when the server is closed
	}()
	return m, nil
}

// Close cuts what is being sent, and waits until the server has ended.
func (m *mirror) Close() error {
	err := m.server.Close()
	<-m.served
	return err
}
