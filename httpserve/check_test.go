package httpserve_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bootscribe/bootscribe/httpserve"
)

// Check finds what Serve would, without a listener.
func TestCheck(t *testing.T) {
	good := httpserve.Text{"a": "{{.User}}"}
	for _, tt := range []struct {
		name string
		cfg  *httpserve.Config
		want string
	}{
		{"nil", nil, ""},
		{"good", &httpserve.Config{Templates: good, Data: map[string]string{"User": "u"}}, ""},
		{"field", &httpserve.Config{MaxConns: -1}, "MaxConns"},
		{"missing key", &httpserve.Config{Templates: good, Data: map[string]string{}}, "User"},
		{"twice", &httpserve.Config{Templates: good, Data: map[string]string{"User": "u"}, Files: fstest.MapFS{"a": {}}}, "a"},
	} {
		err := tt.cfg.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
