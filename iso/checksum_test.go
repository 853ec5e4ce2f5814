package iso_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/iso"
)

// sums are a file's digests by algorithm.
func sums(b []byte) map[string]string {
	m5, s1, s2, s3, s5, s2s := md5.Sum(b), sha1.Sum(b), sha256.Sum256(b), sha512.Sum384(b), sha512.Sum512(b), sha256.Sum224(b)
	return map[string]string{
		"md5": hex.EncodeToString(m5[:]), "sha1": hex.EncodeToString(s1[:]), "sha224": hex.EncodeToString(s2s[:]),
		"sha256": hex.EncodeToString(s2[:]), "sha384": hex.EncodeToString(s3[:]), "sha512": hex.EncodeToString(s5[:]),
	}
}

func TestChecksumFile(t *testing.T) {
	body := []byte("a medium\n")
	s := sums(body)
	bad := sums([]byte("another"))
	pgp := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
	end := "\n-----BEGIN PGP SIGNATURE-----\n\niQIz" + "\n-----END PGP SIGNATURE-----\n"
	for _, tc := range []struct{ name, text, want string }{
		{"GNU text", s["sha256"] + "  my disc.iso\n", ""},
		{"GNU binary, no newline at the end", bad["sha256"] + " *other.iso\n" + s["sha256"] + " *my disc.iso", ""},
		{"one blank", s["sha1"] + " my disc.iso\n", ""},
		{"CRLF and comments", "# sums\r\n; more\r\n\r\n" + s["sha256"] + "  my disc.iso\r\n", ""},
		{"byte order mark", "\xef\xbb\xbf" + s["sha256"] + "  my disc.iso\n", ""},
		{"BSD", "# my disc.iso: 9 bytes\nSHA256 (my disc.iso) = " + s["sha256"] + "\n", ""},
		{"OpenSSL", "SHA2-512(my disc.iso)= " + s["sha512"] + "\n", ""},
		{"bare", strings.ToUpper(s["sha512"]) + "\n", ""},
		{"with directories", bad["sha256"] + "  ./other/x.iso\n" + s["sha256"] + "  ./images/my disc.iso\n", ""},
		{"same name in two directories", bad["sha256"] + "  ./gtk/my disc.iso\n" + s["sha256"] + "  ./images/my disc.iso\n", ""},
		{"the strongest of several", "MD5 (my disc.iso) = " + bad["md5"] + "\nSHA512 (my disc.iso) = " + s["sha512"] + "\n" + bad["sha1"] + "  my disc.iso\n", ""},
		{"clearsigned", pgp + s["sha256"] + "  my disc.iso" + end, ""},
		{"clearsigned, dash escaped", pgp + "- " + s["sha256"] + "  my disc.iso" + end, ""},
		{"escaped name elsewhere", `\` + bad["sha256"] + `  my\ndisc.iso` + "\n" + s["sha256"] + "  my disc.iso\n", ""},

		{"before the signed text", s["sha256"] + "  my disc.iso\n" + pgp + bad["sha256"] + "  other.iso" + end, `no line for "my disc.iso"`},
		{"after the signed text", bad["sha256"] + "  other.iso\n" + pgp + bad["sha256"] + "  other.iso" + end + s["sha256"] + "  my disc.iso\n", `no line for "my disc.iso"`},
		{"not named", bad["sha256"] + "  my disc.iso.torrent\n" + bad["sha256"] + "  not my disc.iso\n", `no line for "my disc.iso"; it names "my disc.iso.torrent", "not my disc.iso"`},
		{"several that differ", s["sha256"] + "  my disc.iso\n" + bad["sha256"] + "  my disc.iso\n", "lines 1 and 2 state different sha256 digests"},
		{"several bare that differ", s["sha256"] + "\n" + bad["sha256"] + "\n", "different"},
		{"bare beside a name", s["sha256"] + "\n" + bad["sha256"] + "  other.iso\n", "no line for"},
		{"wrong length for its type", "SHA512 (my disc.iso) = " + s["sha256"] + "\n", "no checksum in a known form"},
		{"empty", "", "no checksum in a known form"},
		{"web page", "<!DOCTYPE html>\n<html>", "is a web page"},
		{"binary", "\x00\x01", "is not text"},
		{"huge", strings.Repeat("#\n", 1<<19+1), "larger than 1 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/images/", func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
			mux.HandleFunc("/SUMS", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, tc.text) })
			srv := httptest.NewServer(mux)
			defer srv.Close()
			path := filepath.Join(t.TempDir(), "SUMS")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, place := range []string{path, "file://" + path, srv.URL + "/SUMS"} {
				got, err := quick(t).Fetch(t.Context(), iso.Source{URLs: []string{srv.URL + "/images/my%20disc.iso"}, Checksum: "file:" + place})
				if tc.want == "" {
					wantFile(t, got, err, body)
				} else {
					wantError(t, err, "iso: Source.Checksum: checksum file", tc.want)
				}
			}
		})
	}
}

func TestChecksumFileNotThere(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	src := iso.Source{URLs: []string{srv.URL + "/x.iso"}, Checksum: "file:" + srv.URL + "/SHA256SUMS?token=secret"}
	_, err := quick(t).Fetch(t.Context(), src)
	wantError(t, err, "Source.Checksum", "/SHA256SUMS?xxxxx", "404 Not Found")
	src.Checksum = "file:./SHA256SUMS"
	_, err = quick(t).Fetch(t.Context(), src)
	wantError(t, err, "./SHA256SUMS", "file:https://")
}
