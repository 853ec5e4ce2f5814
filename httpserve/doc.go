// Package httpserve gives files to a machine that is being installed and says
// what the machine asked for.
//
// A [Server] serves an allow-list that is made when it starts: the regular
// files of an [io/fs.FS] and rendered templates, by exact name. There are no
// listings, no redirects, no index pages, and a name that was not on the list
// then is answered with 404, so no request can reach anything else.
//
//	files, err := httpserve.Dir("answers")
//	if err != nil { … }
//	srv, err := httpserve.Start(ctx, "", &httpserve.Config{
//		Files:     files,
//		Templates: httpserve.Text{"preseed.cfg": "d-i passwd/username string {{.User}}\n"},
//		Data:      map[string]string{"User": "packer"},
//		Observe:   func(r httpserve.Request) { log.Print(r) },
//	})
//	if err != nil { … }
//	defer srv.Close()
//	bootArg := "url=" + srv.URLFor("10.0.2.2") + "/preseed.cfg"
//	…
//	_, err = srv.WaitFetch(ctx, "/preseed.cfg")
//
// # What the guest gets
//
// A guest gets what was there when the server started, or an error. Templates
// are rendered once, before Start returns. Files of up to 1 MiB are read into
// memory then, until 8 MiB are held; larger ones are opened when they are asked
// for, and answered with 500 if their size or modification time is no longer
// what it was. A file made after the start does not exist.
//
// # Who can read it
//
// The server listens on loopback unless [Config.AllowRoutable] says otherwise,
// where QEMU's user network sees it as 10.0.2.2. Other users of the same host
// can reach loopback too: set [Config.Prefix] to a name that cannot be guessed
// ([crypto/rand.Text] makes one) when an answer file holds secrets.
package httpserve
