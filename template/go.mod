module github.com/bootscribe/bootscribe/template

go 1.26.0

require (
	github.com/bootscribe/bootscribe v0.0.0
	github.com/google/go-cmp v0.7.0
)

require (
	github.com/cavaliergopher/grab/v3 v3.0.1 // indirect
	github.com/gofrs/flock v0.13.1 // indirect
	github.com/kr/fs v0.1.0 // indirect
	github.com/mitchellh/go-vnc v0.0.0-20150629162542-723ed9867aed // indirect
	github.com/pkg/sftp v1.13.12 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/bootscribe/bootscribe => ..
