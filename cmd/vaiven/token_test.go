package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vaiven/internal/server"
)

// asked is a server that answers with no boards, and keeps which token it was shown.
func asked(t *testing.T) (s *httptest.Server, shown func() string) {
	t.Helper()
	var last string
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"devices":[],"total":0}`))
	}))
	t.Cleanup(s.Close)
	return s, func() string { defer func() { last = "" }(); return last }
}

// TestTokenOfThisMachine proves where a command finds its token: of a server that runs
// here, of the folder that is named, and of nothing that is gone; what was said comes
// first.
func TestTokenOfThisMachine(t *testing.T) {
	s, shown := asked(t)
	cache, data := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Chdir(t.TempDir())
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	write := func(path string, v any) {
		t.Helper()
		b, ok := v.(string)
		if !ok {
			j, _ := json.Marshal(v)
			b = string(j)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(cache, "vaiven", "servers", port)
	ask := func(env map[string]string, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"devices", "--server", s.URL, "--lang", "en"}, args...), streams{os.Stdin, &out, &errs, func(name string) string { return env[name] }})
		if code != exitOK {
			t.Fatalf("%v: exit %d: %s", args, code, errs.String())
		}
		return shown()
	}
	home := map[string]string{"XDG_CACHE_HOME": cache}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: shown %q, want %q", what, got, want)
		}
	}
	check("no server left a note", ask(home), "")
	write(server.TokenPath(data), "vvn_here\n")
	write(note, serverNote{Data: data, PID: gone.Process.Pid})
	check("the server of the note is gone", ask(home), "")
	write(note, "{")
	check("a note that was cut off", ask(home), "")
	write(note, serverNote{Data: data, PID: os.Getpid()})
	check("a server runs", ask(home), "Bearer vvn_here")
	check("without a home", ask(nil), "")
	check("the folder is named", ask(nil, "--data", data), "Bearer vvn_here")
	check("the variable comes first", ask(map[string]string{"XDG_CACHE_HOME": cache, "VAIVEN_TOKEN": "vvn_said"}), "Bearer vvn_said")
	check("as it was called before", ask(map[string]string{"VAIVEN_API_TOKEN": "vvn_old"}), "Bearer vvn_old")
	write("file", "vvn_file\n")
	check("a file comes before the variable", ask(map[string]string{"VAIVEN_TOKEN": "vvn_said"}, "--token-file", "file"), "Bearer vvn_file")
	check("the command line comes first", ask(home, "--token", "vvn_typed"), "Bearer vvn_typed")
	write(server.TokenPath(defaultData), "vvn_default\n")
	check("the folder that serve uses by itself", ask(nil), "Bearer vvn_default")
}

// TestTokenStaysHere proves that the token of this machine is for addresses of this
// machine alone.
func TestTokenStaysHere(t *testing.T) {
	for address, want := range map[string]string{
		"http://127.0.0.1:8080": "8080", "127.0.0.1:81": "81", "http://localhost": "80", "https://LOCALHOST/": "443", "http://[::1]:8080": "8080",
		"http://[::ffff:127.0.0.1]:8080": "8080", "http://127.9.9.9:1": "1",
		"http://192.168.1.20:8080": "", "http://localhost.example.org:8080": "", "http://127.0.0.1.example.org": "", "http://127.0.0.1@example.org": "", "http://0.0.0.0:8080": "", "http://%": "",
	} {
		if port, loopback := loopbackPort(address); loopback != (want != "") || loopback && port != want {
			t.Errorf("%s: %q, %t", address, port, loopback)
		}
	}
}

// TestNoRedirectWithToken proves that a server cannot send a command, and its token,
// somewhere else.
func TestNoRedirectWithToken(t *testing.T) {
	other, shown := asked(t)
	s := httptest.NewServer(http.RedirectHandler(other.URL+"/api/v1/devices", http.StatusTemporaryRedirect))
	defer s.Close()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"devices", "--server", s.URL, "--lang", "en"}, streams{os.Stdin, &out, &errs, func(name string) string { return map[string]string{"VAIVEN_TOKEN": "vvn_secret"}[name] }})
	if code != exitError || shown() != "" || strings.Contains(out.String()+errs.String(), "vvn_secret") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// TestRefusedHints proves what somebody is told to try whom a server refuses.
func TestRefusedHints(t *testing.T) {
	status := http.StatusUnauthorized
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"title":"no","status":401,"detail":"this server asks for a token","code":"no_token","hint":"send the header"}`))
	}))
	defer s.Close()
	t.Chdir(t.TempDir())
	data := t.TempDir()
	if err := os.WriteFile(server.TokenPath(data), []byte("vvn_other"), 0o600); err != nil {
		t.Fatal(err)
	}
	unreadable := t.TempDir()
	if err := os.Mkdir(server.TokenPath(unreadable), 0o700); err != nil { // reading it fails, for root too
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		args   []string
		want   string
	}{
		{401, nil, "run it as the user who runs the server"},
		{401, []string{"--data", data}, "is of another server"},
		{403, []string{"--data", unreadable}, "sudo -u"},
		{401, []string{"--data", t.TempDir()}, "is --data the folder of this server?"},
		{403, []string{"--token", "vvn_x"}, "`vaiven token create --can ...`"},
	} {
		status = c.status
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"devices", "--server", s.URL, "--lang", "en"}, c.args...), streams{os.Stdin, &out, &errs, func(string) string { return "" }})
		if code != exitError || !strings.Contains(errs.String(), c.want) || !strings.Contains(errs.String(), "asks for a token") {
			t.Errorf("%d %v: exit %d: %s", c.status, c.args, code, errs.String())
		}
	}
}
