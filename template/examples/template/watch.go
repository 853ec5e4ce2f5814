package main

import (
	"errors"
	"net"
	"net/http"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/template"
	"github.com/bootscribe/bootscribe/view"
)

// watch serves a live page of a build where there should be a window of its
// machine and cannot be one, or where -watch asks for it, and says where. The page
// ends with the function that is returned.
func (p *program) watch(b *template.Build) (end func(failed error), err error) {
	if !b.Watch && !p.o.watch {
		return func(error) {}, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	live := view.NewLive(&view.LiveConfig{Title: b.Name})
	server := &http.Server{Handler: live}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until Close
	}()
	before := b.Image.Observe
	b.Image.Observe = func(e imagebuild.Event) {
		if before != nil {
			before(e)
		}
		live.Observe(e)
	}
	p.say(b.Name, "say", "watch it at http://"+listener.Addr().String()+"/")
	return func(failed error) {
		live.Finish(failed)
		if err := errors.Join(live.Close(), server.Close()); err != nil {
			p.say(b.Name, "error", err.Error())
		}
		<-served
	}, nil
}
