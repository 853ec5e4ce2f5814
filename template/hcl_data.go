package template

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// dataLimit is the largest answer that data "http" takes.
const dataLimit = 16 << 20

var httpData = []option{
	{name: "url", def: "required", need: true},
	{name: "method", def: "GET"},
	{name: "request_headers", kind: isMap, def: "none"},
	{name: "request_body", def: "none"},
}

// readData asks a data source.
func (r *hclReader) readData(ctx context.Context, p pending) {
	typ := p.block.Labels[0]
	at := r.at(p.block.DefRange)
	body := r.body(p.option, p.block.Body, at, r.context(nil))
	if len(r.errs) > 0 {
		return
	}
	var v cty.Value
	switch typ {
	case "http":
		o := readOptions(r.problems, p.option, body, httpData, r.t.engine)
		if len(r.errs) > 0 {
			return
		}
		var err error
		if v, err = httpGet(ctx, o); err != nil {
			r.add(at.error(p.option, err.Error(), "check the url and the network"))
			return
		}
	case "null":
		o := readOptions(r.problems, p.option, body, []option{{name: "input", need: true}}, r.t.engine)
		v = cty.ObjectVal(map[string]cty.Value{"output": cty.StringVal(o.str("input"))})
	default:
		r.add(at.error(p.option, fmt.Sprintf("there is no data source %q here", typ), "http and null are understood; pass the value in as a variable"))
		return
	}
	if r.data[typ] == nil {
		r.data[typ] = map[string]cty.Value{}
	}
	r.data[typ][p.name] = v
}

func httpGet(ctx context.Context, o *options) (cty.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, o.or("method", "GET"), o.str("url"), strings.NewReader(o.str("request_body")))
	if err != nil {
		return cty.NilVal, err
	}
	for name, v := range o.dict("request_headers") {
		req.Header.Set(name, v)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return cty.NilVal, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return cty.NilVal, fmt.Errorf("%s answered %s", req.URL.Redacted(), res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, dataLimit+1))
	if err != nil {
		return cty.NilVal, err
	}
	if len(text) > dataLimit {
		return cty.NilVal, fmt.Errorf("%s answered more than %d MiB", req.URL.Redacted(), dataLimit>>20)
	}
	headers := map[string]cty.Value{"": cty.StringVal("")}
	for name := range res.Header {
		headers[name] = cty.StringVal(strings.Join(res.Header[name], ", "))
	}
	delete(headers, "")
	all := cty.MapValEmpty(cty.String)
	if len(headers) > 0 {
		all = cty.MapVal(headers)
	}
	return cty.ObjectVal(map[string]cty.Value{
		"url": cty.StringVal(o.str("url")), "body": cty.StringVal(string(text)), "request_headers": all, "response_headers": all,
	}), nil
}
