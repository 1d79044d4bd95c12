package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// wild is what a server may say that wants to draw.
const wild = "a\x1b[2J\x07\u009b31m\u202e\u200b\u2066b"

// unsafe are the characters of it that nobody's terminal may see.
const unsafe = "\x1b\x07\u009b\u202e\u200b\u2066"

// fillWild writes wild into every text of a value.
func fillWild(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(wild)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillWild(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillWild(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			b, _ := json.Marshal(wild)
			v.SetBytes(b)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillWild(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillWild(key)
		fillWild(value)
		v.SetMapIndex(key, value)
	}
}

// TestEveryTextOfAnAnswerIsPrintable has all types of answers, with every text in them.
func TestEveryTextOfAnAnswerIsPrintable(t *testing.T) {
	for _, v := range []any{
		&Devices{}, &Device{}, &Values{}, &Change{}, &Outcomes{}, &State{}, &Events{}, &Sessions{}, &Server{}, &CSVFiles{}, &Curves{}, &Problem{},
	} {
		fillWild(reflect.ValueOf(v).Elem())
		printable(v)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		if strings.ContainsAny(string(b), unsafe) || !strings.Contains(string(b), "\ufffd") {
			t.Errorf("%T: %q", v, b)
		}
	}
}

func TestEscapedJSONIsTheSame(t *testing.T) {
	for _, in := range []string{
		`{"a":"b"}`, "{\n\t\"a\" : [1, 2]}\r\n", "\"\u202e\u009b\u007f\u200b\"", "\"\U000e0001\U0001f600 añ\"", `"\u001b[2J\n\\"`,
	} {
		out := escape(json.RawMessage(in))
		var a, b any
		if err := errors.Join(json.Unmarshal([]byte(in), &a), json.Unmarshal(out, &b)); err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%q became %q: %v", in, out, err)
		}
		if strings.ContainsAny(string(out), unsafe+"\x7f\n\U000e0001") {
			t.Errorf("%q became %q", in, out)
		}
	}
	if out := escape(json.RawMessage("\"\xff\"")); string(out) != `"\ufffd"` {
		t.Errorf("broken UTF-8: %q", out)
	}
}

func TestEventsArePrintable(t *testing.T) {
	raw, _ := json.Marshal(map[string]string{"id": "1.0", "kind": "reading", "at": time.Now().Format(time.RFC3339), "device": "101", "name": wild})
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(append(raw, '\n')) })
	stop := errors.New("enough")
	err := c.Watch(t.Context(), Filter{}, "0", func(e Event) error {
		if strings.ContainsAny(e.Name+string(e.Raw), unsafe) {
			t.Errorf("%q %q", e.Name, e.Raw)
		}
		return stop
	}, nil)
	if !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestNobodyElseIsAsked: an answer that leads elsewhere is not followed, so that nobody
// else sees the token.
func TestNobodyElseIsAsked(t *testing.T) {
	asked := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get("Authorization") }))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	for _, own := range []*http.Client{nil, s.Client()} {
		c, err := New(Options{Server: s.URL, Token: "0123456789abcdef", HTTP: own})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Server(t.Context())
		var p *Problem
		if !errors.As(err, &p) || p.Status != http.StatusTemporaryRedirect {
			t.Errorf("get: %v", err)
		}
		if _, err = c.Set(context.Background(), vaiven.Device("101"), States{"LED": 1}, Terms{}); !errors.As(err, &p) || p.Status != http.StatusTemporaryRedirect {
			t.Errorf("put: %v", err)
		}
	}
	if len(asked) != 0 {
		t.Errorf("somebody else was asked, with %q", <-asked)
	}
}
