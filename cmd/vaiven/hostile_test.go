package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

// wild wants to draw on a terminal: escape sequences, C1 controls, and characters that turn
// text round or hide.
const wild = "X\x1b[2J\x1b]0;t\x07\u009b31m\u202e\u2066\u200bY"

// hostile answers whatever it is asked with JSON that fits, full of wild.
func hostile(w http.ResponseWriter, r *http.Request) {
	now := time.Now().Format(time.RFC3339Nano)
	values := []any{map[string]any{"name": wild, "value": 1, "at": now}}
	device := map[string]any{
		"id": wild, "device": wild, "name": wild, "note": wild, "groups": []string{wild}, "status": wild, "since": now, "until": now, "readings": 3,
		"values": values, "states": values, "remotes": []string{wild, wild}, "conflict_at": now, "fw": wild,
	}
	change := map[string]any{"device": wild, "key": wild, "phase": "refused", "reason": wild, "states": map[string]any{wild: 1}, "rev": 1, "status": wild, "by": wild}
	event := map[string]any{"id": "9.0", "kind": "rejected", "at": now, "device": "101", "name": wild, "code": wild, "text": wild, "remote": wild, "count": 1}
	var answer any
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v1/"); {
	case path == "server":
		answer = map[string]any{"version": wild, "log": wild, "ready": true}
	case path == "devices":
		answer = map[string]any{"devices": []any{device}, "total": 1}
	case path == "live/ndjson":
		b, _ := json.Marshal(event)
		_, _ = w.Write(append(b, '\n'))
		b, _ = json.Marshal(map[string]any{"kind": "bye", "reason": wild, "id": wild})
		_, _ = w.Write(append(b, '\n'))
		return
	case path == "export":
		_, _ = w.Write([]byte(wild + "\n"))
		return
	case path == "state":
		answer = map[string]any{"outcomes": []any{map[string]any{"device": wild, "status": 200, "change": change},
			map[string]any{"device": wild, "status": 404, "error": map[string]any{"detail": wild, "hint": wild, "status": 404}}}}
	case strings.HasSuffix(path, "/state"), strings.HasSuffix(path, "/toggle"):
		answer = change
	case path == "history":
		answer = map[string]any{"from": now, "to": now, "curves": []any{map[string]any{"device": wild, "name": wild, "measurement": wild, "unit": wild}}}
	case r.Method == http.MethodPatch:
		answer = device
	default:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		answer = map[string]any{"title": wild, "status": 409, "code": wild, "detail": wild, "hint": wild, "errors": []any{map[string]any{"location": wild, "message": wild}}}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// TestNoCommandLetsAServerDraw: every command that asks one, in lines and as JSON.
func TestNoCommandLetsAServerDraw(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(hostile))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "file")
	for _, args := range [][]string{
		{"devices"}, {"devices", "--json"}, {"devices", "describe", "101", "--name", "x"}, {"devices", "describe", "101", "--name", "x", "--json"},
		{"devices", "forget", "101"}, {"session", "new", "101"}, {"set", "101", "LED=1"}, {"set", "101", "LED=1", "--json"},
		{"set", "101,102", "LED=1"}, {"set", "all", "LED=1", "--json"}, {"toggle", "101"}, {"toggle", "101", "--json"},
		{"plot", "101"}, {"plot", "101", "--json"}, {"backup", file + ".backup"},
	} {
		out, code := askHostile(t, s.URL, args)
		if code == exitUsage {
			t.Errorf("%q: not understood: %s", args, out)
		}
		if len(out) == 0 {
			t.Errorf("%q says nothing", args)
		}
		drawsNothing(t, args, out)
	}
}

// TestNoFollowedServerDraws is for what goes on until it is ended.
func TestNoFollowedServerDraws(t *testing.T) {
	for _, args := range [][]string{{"watch"}, {"watch", "--json"}} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "ndjson") {
				if asked++; asked == 3 { // it is a refusal that ends it
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(http.StatusGone)
					_ = json.NewEncoder(w).Encode(map[string]any{"status": 410, "detail": wild})
					return
				}
			}
			hostile(w, r)
		}))
		out, _ := askHostile(t, s.URL, args)
		s.Close()
		if !strings.Contains(out, "101") {
			t.Errorf("%q shows no event: %q", args, out)
		}
		drawsNothing(t, args, out)
	}
}

func askHostile(t *testing.T, url string, args []string) (said string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append(args, "--server", url, "--lang", "en"), streams{os.Stdin, &out, &errs, func(string) string { return "" }})
	return out.String() + errs.String(), code
}

func drawsNothing(t *testing.T, args []string, out string) {
	t.Helper()
	for _, r := range out {
		if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
			t.Errorf("%q writes %U: %q", args, r, out)
			return
		}
	}
}
