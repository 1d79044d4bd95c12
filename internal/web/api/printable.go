package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"vaiven"
)

// printable makes every text of an answer fit for a terminal, wherever it is shown: what
// answers may be anything, and what it says may be a stranger's. JSON that is kept as it
// was written stays the same JSON. v points to a value of the package's types.
func printable(v any) { clean(reflect.ValueOf(v).Elem()) }

func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); v.CanSet() {
			v.SetString(vaiven.Printable(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "))) // it begins no line of its own
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && v.Kind() == reflect.Pointer {
			clean(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				clean(f)
			}
		}
	case reflect.Slice, reflect.Array:
		if raw, ok := v.Interface().(json.RawMessage); ok {
			v.SetBytes(escape(raw))
			return
		}
		if k := v.Type().Elem().Kind(); k <= reflect.Complex128 {
			return // numbers, of which there may be many
		}
		for i := range v.Len() {
			clean(v.Index(i))
		}
	case reflect.Map:
		cleanMap(v)
	}
}

// cleanMap puts cleaned keys and values into a map in the place of its own.
func cleanMap(m reflect.Value) {
	for _, key := range m.MapKeys() {
		k, v := reflect.New(key.Type()).Elem(), reflect.New(m.Type().Elem()).Elem()
		k.Set(key)
		v.Set(m.MapIndex(key))
		clean(k)
		clean(v)
		m.SetMapIndex(key, reflect.Value{})
		m.SetMapIndex(k, v)
	}
}

// escape writes what could steer a terminal in JSON as \uXXXX, which means the same.
func escape(raw json.RawMessage) json.RawMessage {
	out := make(json.RawMessage, 0, len(raw))
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		switch {
		case r == '\t' || r == '\n' || r == '\r': // between two tokens
			out = append(out, ' ')
		case r == ' ' || unicode.IsPrint(r) && (r != utf8.RuneError || n > 1):
			out = append(out, raw[:n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		raw = raw[n:]
	}
	return out
}
