package winrmtest

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const shellURI = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"

// maxEnvelope is how large a message of Windows may be, in bytes.
const maxEnvelope = 153600

// Codes of faults, as Windows has them.
const (
	codeDenied  = 5
	codeNoShell = 2150858843
	codeTimeout = 2150858793
)

// request is what a client sends.
type request struct {
	ID       string `xml:"Header>MessageID"`
	Action   string `xml:"Header>Action"`
	Resource string `xml:"Header>ResourceURI"`
	Shell    string `xml:"Header>SelectorSet>Selector"`
	Options  []struct {
		Name  string `xml:",attr"`
		Value string `xml:",chardata"`
	} `xml:"Header>OptionSet>Option"`
	Variables []struct {
		Name  string `xml:",attr"`
		Value string `xml:",chardata"`
	} `xml:"Body>Shell>Environment>Variable"`
	Command string `xml:"Body>CommandLine>Command"`
	Desired struct {
		Command string `xml:"CommandId,attr"`
	} `xml:"Body>Receive>DesiredStream"`
	Stdin struct {
		Command string `xml:"CommandId,attr"`
		End     bool   `xml:",attr"`
		Data    string `xml:",chardata"`
	} `xml:"Body>Send>Stream"`
}

// failure is an answer that is a fault.
type failure struct {
	code    uint32
	subcode string
	text    string
}

func (f *failure) Error() string { return f.text }

// answer does what a request asks for.
func (s *Server) answer(c *conn, w http.ResponseWriter, r *http.Request, body []byte, fault Fault) {
	if s.config.NTLM && len(body) == 0 {
		return // some clients log in before they say anything
	}
	sealed := c.session != nil && !s.config.TLS
	if sealed {
		var err error
		if body, err = open(c.session, body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	if len(body) > maxEnvelope {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	var req request
	if err := xml.Unmarshal(body, &req); err != nil || req.Resource != shellURI+"/cmd" {
		http.Error(w, fmt.Sprint("no request: ", err), http.StatusBadRequest)
		return
	}
	status := http.StatusOK
	text, err := s.do(&req, r, fault)
	if err != nil {
		f, ok := err.(*failure)
		if !ok {
			f = &failure{0, "w:InternalError", err.Error()}
		}
		status = http.StatusInternalServerError
		text = fmt.Sprintf(`<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>%s</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason>`+
			`<s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="%d" Machine="guest"><f:Message>%s</f:Message></f:WSManFault></s:Detail></s:Fault>`,
			f.subcode, escape(f.text), f.code, escape(f.text))
	}
	out := []byte(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer"` +
		` xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="` + shellURI + `"><s:Header><a:Action>` + req.Action + `Response</a:Action><a:RelatesTo>` + escape(req.ID) + `</a:RelatesTo></s:Header><s:Body>` + text + `</s:Body></s:Envelope>`)
	kind := "application/soap+xml;charset=UTF-8"
	if sealed && fault != Plain {
		kind, out = `multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"`, seal(c.session, out)
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

// do returns the body of the answer.
func (s *Server) do(req *request, r *http.Request, fault Fault) (string, error) {
	action := req.Action[strings.LastIndexByte(req.Action, '/')+1:]
	if action == "Create" {
		if fault == Denied {
			return "", &failure{codeDenied, "w:AccessDenied", "Access is denied."}
		}
		return s.create(req), nil
	}
	s.mu.Lock()
	sh := s.shells[req.Shell]
	s.mu.Unlock()
	if sh == nil {
		return "", &failure{codeNoShell, "w:InvalidSelectors", "There is no such shell."}
	}
	switch action {
	case "Command":
		id := s.start(sh, req.Command)
		return fmt.Sprintf(`<rsp:CommandResponse><rsp:CommandId>%s</rsp:CommandId></rsp:CommandResponse>`, id), nil
	case "Receive":
		return s.receive(sh.command(req.Desired.Command), r, fault)
	case "Send":
		return s.send(sh.command(req.Stdin.Command), req)
	case "Signal":
		sh.end()
		return `<rsp:SignalResponse/>`, nil
	case "Delete":
		s.mu.Lock()
		delete(s.shells, req.Shell)
		s.mu.Unlock()
		sh.end()
		return "", nil
	}
	return "", &failure{0, "a:ActionNotSupported", action + " is not known here"}
}

func (s *Server) create(req *request) string {
	sh := &shell{commands: map[string]*command{}}
	for _, v := range req.Variables {
		sh.env = append(sh.env, v.Name+"="+v.Value)
	}
	id := newID()
	s.mu.Lock()
	s.shells[id] = sh
	s.opened++
	s.mu.Unlock()
	return fmt.Sprintf(`<x:ResourceCreated><a:Address>http://guest/wsman</a:Address><a:ReferenceParameters><w:ResourceURI>%s/cmd</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>`+
		`<rsp:Shell><rsp:ShellId>%s</rsp:ShellId></rsp:Shell>`, shellURI, id, id)
}

// receive waits for output, as long as Config.OperationTime.
func (s *Server) receive(c *command, r *http.Request, fault Fault) (string, error) {
	if c == nil {
		return "", &failure{codeNoShell, "w:InvalidSelectors", "There is no such command."}
	}
	limit := s.config.OperationTime
	if limit == 0 {
		limit = time.Second
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	stdout, stderr, done := c.take(r.Context(), timer.C)
	if len(stdout)+len(stderr) == 0 && !done {
		return "", &failure{codeTimeout, "w:TimedOut", "The operation did not complete within its time."}
	}
	var b strings.Builder
	b.WriteString(`<rsp:ReceiveResponse>`)
	for _, o := range []struct {
		name string
		data []byte
	}{{"stdout", stdout}, {"stderr", stderr}} {
		if len(o.data) > 0 {
			fmt.Fprintf(&b, `<rsp:Stream Name="%s" CommandId="%s">%s</rsp:Stream>`, o.name, c.id, base64.StdEncoding.EncodeToString(o.data))
		}
	}
	state, code := "Running", ""
	if done {
		state = "Done"
		for _, name := range []string{"stdout", "stderr"} {
			fmt.Fprintf(&b, `<rsp:Stream Name="%s" CommandId="%s" End="true"></rsp:Stream>`, name, c.id)
		}
		if fault != NoExitCode {
			code = fmt.Sprintf(`<rsp:ExitCode>%d</rsp:ExitCode>`, uint32(c.status))
		}
	}
	fmt.Fprintf(&b, `<rsp:CommandState CommandId="%s" State="%s/CommandState/%s">%s</rsp:CommandState></rsp:ReceiveResponse>`, c.id, shellURI, state, code)
	return b.String(), nil
}

// send passes on what a command reads.
func (s *Server) send(c *command, req *request) (string, error) {
	if c == nil {
		return "", &failure{codeNoShell, "w:InvalidSelectors", "There is no such command."}
	}
	data, err := base64.StdEncoding.DecodeString(req.Stdin.Data)
	if err != nil {
		return "", err
	}
	if _, err := c.stdinWriter.Write(data); err != nil {
		return "", &failure{232, "w:InternalError", "The pipe is being closed."}
	}
	if req.Stdin.End {
		_ = c.stdinWriter.Close()
	}
	return `<rsp:SendResponse/>`, nil
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}
