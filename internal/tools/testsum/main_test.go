package main

import (
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	var out strings.Builder
	s := &summary{out: &out, output: map[string][]string{}}
	err := s.read(strings.NewReader(`{"Action":"output","Package":"p","Output":"-test.shuffle 42\n"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:1: needs x\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestD","Output":"    d_test.go:1: hangs\n"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t1.2s\n"}
{"Action":"fail","Package":"p"}
{"ImportPath":"q","Action":"build-output","Output":"q/q.go:1: undefined\n"}
{"ImportPath":"q","Action":"build-fail"}
go: something else
`))
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	want := `    b_test.go:1: wrong
FAIL	p	1.2s
-test.shuffle 42
q/q.go:1: undefined
go: something else
testsum: p TestD did not end:
    d_test.go:1: hangs
skipped: p TestC: c_test.go:1: needs x
tests: 1 passed, 1 failed, 1 skipped
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
	if !s.broken {
		t.Error("a failed build is not noticed")
	}
}
