// Package winrm reaches a Windows guest that is still booting by Windows Remote
// Management: it waits until the guest really answers and lets us in, runs
// command lines and PowerShell scripts, copies files, and finds the guest again
// after a restart.
//
//	client, err := winrm.Wait(ctx, &winrm.Config{Addr: "127.0.0.1:55985", User: "Administrator", Password: "secret", NTLM: true})
//	if err != nil {
//		return err // says what was met on the way: refused, silent, login refused…
//	}
//	if err := client.Upload(ctx, "setup.exe", `C:\Windows\Temp\setup.exe`, nil); err != nil {
//		return err
//	}
//	return client.Run(ctx, &winrm.Command{PowerShell: `Start-Process C:\Windows\Temp\setup.exe /S -Wait`, Stdout: os.Stdout, Stderr: os.Stderr})
//
// That a port accepts connections means nothing: a port forward of QEMU accepts
// them before there is a guest. So every attempt has one deadline from the first
// packet until PowerShell has run in the guest, and its failure is classified by
// how far it came (a [Reason]).
//
// By default the login is HTTP's basic authentication, which a guest must be
// told to allow, as it must be to take messages that are not encrypted. With
// [Config].NTLM, whatever goes over HTTP is encrypted, which is what Windows has
// switched on by itself. Over HTTPS both are as good.
//
// The guest is not trusted. It cannot hang a call beyond its context, end a
// command with success that did not report status 0, write outside the directory
// of a download, or send without end.
//
// Package winrmtest has a server for tests.
package winrm
