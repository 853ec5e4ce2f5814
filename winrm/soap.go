package winrm

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// The actions of a remote shell (MS-WSMV 3.1.4).
const (
	actionCreate  = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create"
	actionDelete  = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete"
	shellURI      = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
	actionCommand = shellURI + "/Command"
	actionSend    = shellURI + "/Send"
	actionReceive = shellURI + "/Receive"
	actionSignal  = shellURI + "/Signal"

	terminate   = shellURI + "/signal/terminate"
	commandDone = shellURI + "/CommandState/Done"
)

const (
	// codeTimeout is the service's word for an operation that has nothing to
	// say within its time.
	codeTimeout = 2150858793

	// operationTime is how long the service may keep us waiting for output.
	operationTime = 20 * time.Second
	// requestTime is how long an answer may take: a guest without acceleration
	// may be slow.
	requestTime = operationTime + 70*time.Second

	// maxEnvelope is how large a message may be, in bytes: what services of
	// all ages take.
	maxEnvelope = 153600
	// maxReply is how much of an answer is read.
	maxReply = 8 << 20
)

const envelopeHead = `<?xml version="1.0" encoding="UTF-8"?>` +
	`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"` +
	` xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"` +
	` xmlns:rsp="` + shellURI + `"><s:Header>`

// message is a request.
type message struct {
	action  string
	shell   string            // its identifier; empty to create one
	options map[string]string // for the operation
	body    string            // XML
}

// encode returns the message for the service at a URL.
func (m *message) encode(to string) []byte {
	var b strings.Builder
	b.WriteString(envelopeHead)
	fmt.Fprintf(&b, `<a:To>%s</a:To><a:ReplyTo><a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>`, escape(to))
	fmt.Fprintf(&b, `<w:MaxEnvelopeSize s:mustUnderstand="true">%d</w:MaxEnvelopeSize><a:MessageID>uuid:%s</a:MessageID>`, maxEnvelope, newUUID())
	b.WriteString(`<w:Locale xml:lang="en-US" s:mustUnderstand="false"/><p:DataLocale xml:lang="en-US" s:mustUnderstand="false"/>`)
	fmt.Fprintf(&b, `<w:OperationTimeout>PT%dS</w:OperationTimeout>`, int(operationTime.Seconds()))
	fmt.Fprintf(&b, `<w:ResourceURI s:mustUnderstand="true">%s/cmd</w:ResourceURI><a:Action s:mustUnderstand="true">%s</a:Action>`, shellURI, m.action)
	if m.shell != "" {
		fmt.Fprintf(&b, `<w:SelectorSet><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet>`, escape(m.shell))
	}
	if len(m.options) > 0 {
		b.WriteString(`<w:OptionSet>`)
		for _, name := range sorted(m.options) {
			fmt.Fprintf(&b, `<w:Option Name="%s">%s</w:Option>`, name, m.options[name])
		}
		b.WriteString(`</w:OptionSet>`)
	}
	b.WriteString(`</s:Header><s:Body>` + m.body + `</s:Body></s:Envelope>`)
	return []byte(b.String())
}

// create opens a shell with variables and in a directory; empty means the user's
// own.
func create(env map[string]string, dir string) *message {
	var b strings.Builder
	b.WriteString(`<rsp:Shell>`)
	if len(env) > 0 {
		b.WriteString(`<rsp:Environment>`)
		for _, name := range sorted(env) {
			fmt.Fprintf(&b, `<rsp:Variable Name="%s">%s</rsp:Variable>`, escape(name), escape(env[name]))
		}
		b.WriteString(`</rsp:Environment>`)
	}
	if dir != "" {
		fmt.Fprintf(&b, `<rsp:WorkingDirectory>%s</rsp:WorkingDirectory>`, escape(dir))
	}
	b.WriteString(`<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>`)
	const utf8 = "65001"
	return &message{action: actionCreate, options: map[string]string{"WINRS_NOPROFILE": "FALSE", "WINRS_CODEPAGE": utf8}, body: b.String()}
}

func start(shell, line string) *message {
	return &message{action: actionCommand, shell: shell,
		options: map[string]string{"WINRS_CONSOLEMODE_STDIN": "TRUE", "WINRS_SKIP_CMD_SHELL": "FALSE"},
		body:    `<rsp:CommandLine><rsp:Command>` + escape(line) + `</rsp:Command></rsp:CommandLine>`}
}

func receive(shell, command string) *message {
	return &message{action: actionReceive, shell: shell,
		body: fmt.Sprintf(`<rsp:Receive><rsp:DesiredStream CommandId="%s">stdout stderr</rsp:DesiredStream></rsp:Receive>`, escape(command))}
}

func send(shell, command string, data []byte, end bool) *message {
	last := ""
	if end {
		last = ` End="true"`
	}
	return &message{action: actionSend, shell: shell,
		body: fmt.Sprintf(`<rsp:Send><rsp:Stream Name="stdin" CommandId="%s"%s>%s</rsp:Stream></rsp:Send>`, escape(command), last, base64.StdEncoding.EncodeToString(data))}
}

func signal(shell, command string) *message {
	return &message{action: actionSignal, shell: shell,
		body: fmt.Sprintf(`<rsp:Signal CommandId="%s"><rsp:Code>%s</rsp:Code></rsp:Signal>`, escape(command), terminate)}
}

// reply is what a service may answer.
type reply struct {
	Selectors []selector `xml:"Body>ResourceCreated>ReferenceParameters>SelectorSet>Selector"`
	CommandID string     `xml:"Body>CommandResponse>CommandId"`
	Streams   []stream   `xml:"Body>ReceiveResponse>Stream"`
	State     struct {
		State    string `xml:",attr"`
		ExitCode *int64 `xml:"ExitCode"`
	} `xml:"Body>ReceiveResponse>CommandState"`
	Fault *fault `xml:"Body>Fault"`
}

type selector struct {
	Name  string `xml:",attr"`
	Value string `xml:",chardata"`
}

type stream struct {
	Name string `xml:",attr"`
	Data string `xml:",chardata"`
}

type fault struct {
	Subcode string `xml:"Code>Subcode>Value"`
	Reason  string `xml:"Reason>Text"`
	Detail  struct {
		Code    uint32 `xml:",attr"`
		Message struct {
			Text string `xml:",innerxml"`
		}
	} `xml:"Detail>WSManFault"`
}

// decode reads an answer. One that is a fault is an error.
func decode(body []byte) (*reply, error) {
	var doc struct {
		XMLName xml.Name
		reply
	}
	if err := xml.Unmarshal(body, &doc); err != nil || doc.XMLName.Local != "Envelope" {
		return nil, &notWinRM{fmt.Sprintf("the answer is no SOAP message: %q", body[:min(len(body), 80)])}
	}
	f := doc.Fault
	if f == nil {
		return &doc.reply, nil
	}
	e := &FaultError{Code: f.Detail.Code, Message: printable(f.Reason)}
	if _, name, _ := strings.Cut(f.Subcode, ":"); e.Code == 0 && name == "TimedOut" {
		e.Code = codeTimeout
	}
	if e.Message == "" {
		e.Message = printable(f.Detail.Message.Text)
	}
	return nil, e
}

// shellID is that of a shell which was created.
func (r *reply) shellID() string {
	for _, s := range r.Selectors {
		if s.Name == "ShellId" {
			return s.Value
		}
	}
	return ""
}

// escape returns a text as XML has it, in elements and attributes.
func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
