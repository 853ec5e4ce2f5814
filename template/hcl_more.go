package template

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// moreFunctions are those that the library for expressions does not have.
func (r *hclReader) moreFunctions() map[string]function.Function {
	sum := func(h func([]byte) []byte) function.Function {
		return text1(func(path string) (string, error) {
			text, err := r.file(path)
			return hex.EncodeToString(h([]byte(text))), err
		})
	}
	return map[string]function.Function{
		"alltrue": booleans(true), "anytrue": booleans(false), "setsubtract": stdlib.SetSubtractFunc, "sum": sumFunc,
		"startswith": compare(strings.HasPrefix), "endswith": compare(strings.HasSuffix), "strcontains": compare(strings.Contains),
		"filebase64": text1(func(path string) (string, error) {
			text, err := r.file(path)
			return base64.StdEncoding.EncodeToString([]byte(text)), err
		}),
		"filemd5":    sum(func(b []byte) []byte { s := md5.Sum(b); return s[:] }),
		"filesha1":   sum(func(b []byte) []byte { s := sha1.Sum(b); return s[:] }),
		"filesha256": sum(func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }),
		"filesha512": sum(func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }),
		"base64gzip": text1(base64gzip),
		"base64sha256": pure(func(s string) string {
			b := sha256.Sum256([]byte(s))
			return base64.StdEncoding.EncodeToString(b[:])
		}),
		"base64sha512": pure(func(s string) string {
			b := sha512.Sum512([]byte(s))
			return base64.StdEncoding.EncodeToString(b[:])
		}),
		"cidrhost": cidr(1, cty.String, func(p netip.Prefix, n []int) (string, error) { return hostOf(p, n[0]) }),
		"cidrnetmask": cidr(0, cty.String, func(p netip.Prefix, _ []int) (string, error) {
			if !p.Addr().Is4() {
				return "", errors.New("only IPv4 has netmasks")
			}
			mask := uint32(0xffffffff) << (32 - p.Bits())
			return netip.AddrFrom4([4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}).String(), nil
		}),
		"cidrsubnets": subnetsFunc,
		"cidrsubnet":  cidr(2, cty.String, func(p netip.Prefix, n []int) (string, error) { return subnet(p, n[0], n[1]) }),
	}
}

// booleans makes alltrue (whose value for nothing is true) and anytrue.
func booleans(all bool) function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}}, Type: function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, v := range args[0].AsValueSlice() {
				if !v.IsNull() && v.True() != all {
					return cty.BoolVal(!all), nil
				}
			}
			return cty.BoolVal(all), nil
		}})
}

var sumFunc = function.New(&function.Spec{Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Number)}}, Type: function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		total := cty.Zero
		for _, v := range args[0].AsValueSlice() {
			if v.IsNull() {
				return cty.NilVal, errors.New("a null has no sum")
			}
			total = total.Add(v)
		}
		return total, nil
	}})

// compare makes a function that asks something of two strings.
func compare(f func(a, b string) bool) function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: "part", Type: cty.String}}, Type: function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		}})
}

func base64gzip(s string) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(s))
	if err = errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// lengthFunc is the library's, which knows no strings.
var lengthFunc = function.New(&function.Spec{Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}}, Type: function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if args[0].Type() == cty.String {
			return stdlib.Strlen(args[0])
		}
		return stdlib.Length(args[0])
	}})

// indexFunc returns where in a list a value is.
var indexFunc = function.New(&function.Spec{Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType}}, Type: function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if t := args[0].Type(); !t.IsListType() && !t.IsTupleType() {
			return cty.NilVal, errors.New("the first argument is no list")
		}
		for i, v := range args[0].AsValueSlice() {
			if same, err := stdlib.Equal(v, args[1]); err == nil && same.IsKnown() && same.True() {
				return cty.NumberIntVal(int64(i)), nil
			}
		}
		return cty.NilVal, errors.New("the list has no such element")
	}})

// cidr makes a function of an address with a prefix length and of some numbers.
func cidr(numbers int, result cty.Type, f func(netip.Prefix, []int) (string, error)) function.Function {
	params := []function.Parameter{{Name: "prefix", Type: cty.String}}
	for i := range numbers {
		params = append(params, function.Parameter{Name: fmt.Sprintf("number%d", i+1), Type: cty.Number})
	}
	return function.New(&function.Spec{Params: params, Type: function.StaticReturnType(result), Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		p, err := netip.ParsePrefix(args[0].AsString())
		if err != nil {
			return cty.NilVal, fmt.Errorf("%q is no address with a prefix length, such as 10.0.0.0/24", args[0].AsString())
		}
		var n []int
		for _, a := range args[1:] {
			i, accuracy := a.AsBigFloat().Int64()
			if accuracy != big.Exact || i != int64(int32(i)) {
				return cty.NilVal, errors.New("a whole number is wanted")
			}
			n = append(n, int(i))
		}
		s, err := f(p.Masked(), n)
		return cty.StringVal(s), err
	}})
}

// hostOf returns the host with a number in a network; negative ones count from
// the end.
func hostOf(p netip.Prefix, n int) (string, error) {
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	host := big.NewInt(int64(n))
	if n < 0 {
		host.Add(host, size)
	}
	if host.Sign() < 0 || host.Cmp(size) >= 0 {
		return "", fmt.Errorf("%v has no host %d", p, n)
	}
	addr, err := plus(p.Addr(), host)
	return addr.String(), err
}

// subnet returns the network with a number among those that are longer by bits.
func subnet(p netip.Prefix, bits, n int) (string, error) {
	length := p.Bits() + bits
	if bits < 0 || length > p.Addr().BitLen() {
		return "", fmt.Errorf("%v cannot be longer by %d bits", p, bits)
	}
	if n < 0 || bits < 31 && n >= 1<<bits {
		return "", fmt.Errorf("%d bits do not number a network %d", bits, n)
	}
	addr, err := plus(p.Addr(), new(big.Int).Lsh(big.NewInt(int64(n)), uint(p.Addr().BitLen()-length)))
	return netip.PrefixFrom(addr, length).String(), err
}

// subnetsFunc returns networks one after another in a network, each longer than
// that by a number of bits.
var subnetsFunc = function.New(&function.Spec{Params: []function.Parameter{{Name: "prefix", Type: cty.String}},
	VarParam: &function.Parameter{Name: "newbits", Type: cty.Number}, Type: function.StaticReturnType(cty.List(cty.String)),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		p, err := netip.ParsePrefix(args[0].AsString())
		if err != nil {
			return cty.NilVal, fmt.Errorf("%q is no address with a prefix length, such as 10.0.0.0/24", args[0].AsString())
		}
		var bits []int
		for _, a := range args[1:] {
			n, accuracy := a.AsBigFloat().Int64()
			if accuracy != big.Exact || n < 1 || n > int64(p.Addr().BitLen()-p.Bits()) {
				return cty.NilVal, fmt.Errorf("%v cannot be longer by %s bits", p, a.AsBigFloat().String())
			}
			bits = append(bits, int(n))
		}
		list, err := subnets(p.Masked(), bits)
		if err != nil || len(list) == 0 {
			return cty.ListValEmpty(cty.String), err
		}
		return cty.ListVal(list), nil
	}})

// subnets puts each network behind the one before it, where one of its size can
// begin.
func subnets(p netip.Prefix, bits []int) ([]cty.Value, error) {
	var list []cty.Value
	host := p.Addr().BitLen() - p.Bits()
	next, end := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(host))
	for _, n := range bits {
		size := new(big.Int).Lsh(big.NewInt(1), uint(host-n))
		next.Add(next, new(big.Int).Sub(size, big.NewInt(1)))
		next.Sub(next, new(big.Int).Mod(next, size))
		if new(big.Int).Add(next, size).Cmp(end) > 0 {
			return nil, fmt.Errorf("%v has no room for so many networks", p)
		}
		addr, err := plus(p.Addr(), next)
		if err != nil {
			return nil, err
		}
		list = append(list, cty.StringVal(netip.PrefixFrom(addr, p.Bits()+n).String()))
		next.Add(next, size)
	}
	return list, nil
}

func plus(a netip.Addr, n *big.Int) (netip.Addr, error) {
	sum := new(big.Int).Add(new(big.Int).SetBytes(a.AsSlice()), n)
	b := make([]byte, a.BitLen()/8)
	if len(sum.Bytes()) > len(b) {
		return a, errors.New("beyond the last address")
	}
	out, _ := netip.AddrFromSlice(sum.FillBytes(b))
	return out, nil
}
