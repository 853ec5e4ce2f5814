package qemu

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose members keep their order, so that a command
// line reads as a person would write it and is the same each time.
type object []member

type member struct {
	key   string
	value any // string, int, int64, bool, object or []object
}

// set appends a member.
func (o *object) set(key string, value any) { *o = append(*o, member{key, value}) }

// setIf appends a member that has a value other than "".
func (o *object) setIf(key, value string) {
	if value != "" {
		o.set(key, value)
	}
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(m.key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// String returns the object in one line without spaces.
func (o object) String() string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		return "" // cannot be: members are strings, numbers, booleans and objects
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
