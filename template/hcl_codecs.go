package template

import (
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/crypto/bcrypt"
	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
)

// codecFunctions are those that write a value in another form, or read it.
func codecFunctions() map[string]function.Function {
	return map[string]function.Function{
		"yamldecode": ctyyaml.YAMLDecodeFunc, "yamlencode": ctyyaml.YAMLEncodeFunc, "convert": typeexpr.ConvertFunc,
		"bcrypt": bcryptFunc, "uuidv5": text2("namespace", "name", uuidv5), "rsadecrypt": text2("ciphertext", "key", rsaDecrypt),
		"textencodebase64": text2("str", "encoding", func(s, name string) (string, error) {
			return recode(name, func(e encoding.Encoding) (string, error) {
				b, err := e.NewEncoder().String(s)
				return base64.StdEncoding.EncodeToString([]byte(b)), err
			})
		}),
		"textdecodebase64": text2("str", "encoding", func(s, name string) (string, error) {
			return recode(name, func(e encoding.Encoding) (string, error) {
				b, err := base64.StdEncoding.DecodeString(s)
				if err != nil {
					return "", err
				}
				return e.NewDecoder().String(string(b))
			})
		}),
	}
}

// text2 makes a function of two strings.
func text2(a, b string, f func(a, b string) (string, error)) function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: a, Type: cty.String}, {Name: b, Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := f(args[0].AsString(), args[1].AsString())
			return cty.StringVal(s), err
		}})
}

// optionalText makes a function of a string that may be left out.
func optionalText(f func(...string) (string, error)) function.Function {
	return function.New(&function.Spec{VarParam: &function.Parameter{Name: "str", Type: cty.String}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 1 {
				return cty.NilVal, errors.New("takes one argument, or none")
			}
			var texts []string
			for _, a := range args {
				texts = append(texts, a.AsString())
			}
			s, err := f(texts...)
			return cty.StringVal(s), err
		}})
}

// mostCost bounds the time that bcrypt takes, which doubles with each.
const mostCost = 16

var bcryptFunc = function.New(&function.Spec{Params: []function.Parameter{{Name: "str", Type: cty.String}}, VarParam: &function.Parameter{Name: "cost", Type: cty.Number},
	Type: function.StaticReturnType(cty.String), Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		cost := int64(bcrypt.DefaultCost)
		if len(args) > 2 {
			return cty.NilVal, errors.New("takes a string and a cost")
		}
		if len(args) == 2 {
			var accuracy big.Accuracy
			if cost, accuracy = args[1].AsBigFloat().Int64(); accuracy != big.Exact || cost < int64(bcrypt.MinCost) || cost > mostCost {
				return cty.NilVal, fmt.Errorf("the cost is a whole number from %d to %d", bcrypt.MinCost, mostCost)
			}
		}
		hash, err := bcrypt.GenerateFromPassword([]byte(args[0].AsString()), int(cost))
		return cty.StringVal(string(hash)), err
	}})

// namespaces are those that RFC 4122 has, by their names.
var namespaces = map[string]string{
	"dns": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "url": "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
	"oid": "6ba7b812-9dad-11d1-80b4-00c04fd430c8", "x500": "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
}

// uuidv5 returns the UUID of a name in a namespace, which has a name or is a
// UUID itself.
func uuidv5(namespace, name string) (string, error) {
	id := namespace
	if known := namespaces[namespace]; known != "" {
		id = known
	}
	space, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(space) != 16 {
		return "", fmt.Errorf("%q is no namespace; write dns, url, oid, x500 or a UUID", namespace)
	}
	b := sha1.Sum(append(space, name...))
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]), nil
}

// recode does something with the encoding that has a name.
func recode(name string, f func(encoding.Encoding) (string, error)) (string, error) {
	e, err := ianaindex.IANA.Encoding(name)
	if err != nil || e == nil {
		return "", fmt.Errorf("there is no encoding %q; write UTF-16LE, for instance", name)
	}
	return f(e)
}

// rsaDecrypt reads what was encrypted for a key, in base64 and by PKCS #1 v1.5.
func rsaDecrypt(ciphertext, key string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return "", err
	}
	raw, err := xssh.ParseRawPrivateKey([]byte(key))
	if err != nil {
		return "", fmt.Errorf("the key: %w", err)
	}
	private, ok := raw.(*rsa.PrivateKey)
	if !ok {
		return "", errors.New("the key is no RSA key")
	}
	//lint:ignore SA1019 what is given to this function is encrypted in no other way
	text, err := rsa.DecryptPKCS1v15(nil, private, b)
	return string(text), err
}
