// Package winrmtest has a WinRM server for tests of programs that use package
// winrm. It speaks the protocol of Windows' remote shells over HTTP and HTTPS,
// with basic authentication or with NTLM and encrypted messages, and can misbehave
// as guests that boot do.
//
//	server, err := winrmtest.Start(&winrmtest.Config{Password: "secret", Exec: (&winrmtest.Guest{Dir: t.TempDir()}).Exec})
//	if err != nil {
//		t.Fatal(err)
//	}
//	defer server.Close()
//
// What commands do is for [Config].Exec; a [Guest] is one that copies files, and
// runs everything else with this host's sh.
package winrmtest
