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
	*http.Server
	medium, sums string // URLs
}

func serve(ctx context.Context, medium, sums string) (*mirror, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	base := "http://" + listener.Addr().String() + "/"
	m := &mirror{Server: &http.Server{Handler: mux}, medium: base + filepath.Base(medium), sums: base + filepath.Base(sums)}
	for _, path := range []string{medium, sums} {
		mux.HandleFunc("GET /"+filepath.Base(path), func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
	}
	go m.Serve(listener) // ends when the server is closed
	return m, nil
}
