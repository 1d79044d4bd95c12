package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/client"
)

// TestWhereTLSIs: beside the ports that people use it is there by itself; beside others,
// which several servers have on one machine, it is asked for.
func TestWhereTLSIs(t *testing.T) {
	auto := []string{tlsAuto}
	for name, c := range map[string]struct {
		config config
		listen []string
		secure []string
		free   bool
	}{
		"the default":       {config{Listen: []string{":8080"}, TLSListen: auto}, []string{":8080"}, []string{":8443"}, true},
		"port 80":           {config{Listen: []string{":80"}, TLSListen: auto}, []string{":80"}, []string{":443"}, true},
		"any free port":     {config{Listen: []string{"127.0.0.1:0"}, TLSListen: auto}, []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}, true},
		"several":           {config{Listen: []string{"10.0.0.1:8080", "[::1]:8080", ":9000"}, TLSListen: auto}, []string{"10.0.0.1:8080", "[::1]:8080", ":9000"}, []string{"10.0.0.1:8443", "[::1]:8443"}, true},
		"another port":      {config{Listen: []string{":8081"}, TLSListen: auto}, []string{":8081"}, nil, true},
		"off":               {config{Listen: []string{":8080"}, TLSListen: []string{tlsOff}}, []string{":8080"}, nil, false},
		"said":              {config{Listen: []string{":8081"}, TLSListen: []string{":9443"}}, []string{":8081"}, []string{":9443"}, false},
		"only":              {config{Listen: []string{":8080"}, TLSListen: auto, TLSOnly: true}, nil, []string{":8443"}, false},
		"only, another one": {config{Listen: []string{":9000"}, TLSListen: auto, TLSOnly: true}, nil, []string{":8443"}, false},
		"a certificate":     {config{Listen: []string{":8081"}, TLSListen: auto, TLSCert: "c", TLSKey: "k"}, []string{":8081"}, []string{":8443"}, false},
		"a public name":     {config{Listen: []string{":8080"}, TLSListen: auto, Domain: "Example.org"}, []string{":8080"}, []string{":443"}, false},
	} {
		p := &program{lang: vaiven.English}
		if err := p.checkTLS(&c.config); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(c.config.Listen, c.listen) || !slices.Equal(c.config.TLSListen, c.secure) || c.config.tlsIfFree != c.free {
			t.Errorf("%s: %q and %q, if free %v", name, c.config.Listen, c.config.TLSListen, c.config.tlsIfFree)
		}
	}
}

// TestWhatContradictsItselfAboutTLS is refused before anything is opened.
func TestWhatContradictsItselfAboutTLS(t *testing.T) {
	for line, want := range map[string][2]string{
		"--tls-cert c": {"go together", "van juntas"},
		"--tls-cert c --tls-key k --domain a.org":   {"choose one", "elige uno"},
		"--tls-only --tls-listen off":               {"--tls-only needs TLS", "--tls-only necesita TLS"},
		"--domain a.org --tls-listen off":           {"--domain needs TLS", "--domain necesita TLS"},
		"--domain raspberrypi":                      {"want a public name", "debe ser un nombre público"},
		"--domain pi.local":                         {"want a public name", "debe ser un nombre público"},
		"--domain 192.168.1.20":                     {"want a public name", "debe ser un nombre público"},
		"--acme-server https://localhost:14000":     {"go with --domain", "van con --domain"},
		"--tls-listen 8443":                         {"write :8443", "escribe :8443"},
		"--tls-listen " + tlsAuto + "," + tlsOff:    {"--tls-listen", "--tls-listen"},
		"--tls-listen off --tls-cert c --tls-key k": {"--tls-cert needs TLS", "--tls-cert necesita TLS"},
	} {
		for i, lang := range []string{"en", "es"} {
			if code, _, errs := vaivenRun(t.Context(), append([]string{"serve", "--data", t.TempDir(), "--lang", lang}, strings.Fields(line)...)...); code != exitUsage || !strings.Contains(errs, want[i]) {
				t.Errorf("%s: exit %d, want %q\n%s", line, code, want[i], errs)
			}
		}
	}
}

// vaivenRun runs the program to its end.
func vaivenRun(ctx context.Context, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(ctx, args, streams{os.Stdin, &o, &e, func(string) string { return "" }})
	return code, o.String(), e.String()
}

// secureServer runs a server that speaks TLS only, with two simulated boards, and
// returns where; its data folder holds its authority.
func secureServer(t *testing.T, data string) (addr string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var out, errs lockedBuffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--lang", "en", "--data", data, "--listen", "127.0.0.1:0", "--tls-only", "--open", "--simulate", "2", "--interval", "50ms", "--commit-every", "0"},
			streams{os.Stdin, &out, &errs, func(string) string { return "" }})
	}()
	t.Cleanup(func() {
		stop()
		if got := <-code; got != exitOK {
			t.Errorf("exit %d: %s", got, errs.String())
		}
		if strings.Contains(errs.String(), "ws://") || !strings.Contains(errs.String(), "https://"+addr+"/") || !strings.Contains(errs.String(), "vaiven ca") {
			t.Errorf("the banner:\n%s", errs.String())
		}
	})
	where := regexp.MustCompile(`wss://(127\.0\.0\.1:\d+)/`)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		found := where.FindStringSubmatch(errs.String())
		if found != nil && strings.Contains(out.String(), "TEMP") { // simulated boards come by TLS, too
			return found[1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("no board got through\n%s%s", out.String(), errs.String())
		}
	}
}

// TestOwnAuthority: what `vaiven ca` prints of a server's folder is trusted by simulate,
// by the commands that ask a server, and by the Go client; another server's is refused,
// in words of both languages, before anything is sent.
func TestOwnAuthority(t *testing.T) {
	dir := t.TempDir()
	addr := secureServer(t, filepath.Join(dir, "a"))
	other := secureServer(t, filepath.Join(dir, "b"))
	files := map[string]string{}
	for _, name := range []string{"a", "b"} {
		code, pem, errs := vaivenRun(t.Context(), "ca", "--pem", "--data", filepath.Join(dir, name))
		if code != exitOK {
			t.Fatalf("ca: exit %d: %s", code, errs)
		}
		files[name] = filepath.Join(dir, name+".pem")
		if err := os.WriteFile(files[name], []byte(pem), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	simulate := []string{"simulate", "--readings", "3", "--interval", "0", "--first", "201", "--url", "wss://" + addr}
	if code, out, errs := vaivenRun(t.Context(), append(simulate, "--ca", files["a"])...); code != exitOK || !strings.Contains(out, "3") {
		t.Errorf("simulate: exit %d: %s%s", code, out, errs)
	}
	if code, out, errs := vaivenRun(t.Context(), "devices", "--server", "https://"+addr, "--ca", files["a"]); code != exitOK || !strings.Contains(out, "201") {
		t.Errorf("devices: exit %d: %s%s", code, out, errs)
	}
	const en, es = "is not signed by an authority that is trusted here", "no está firmado por una autoridad en la que se confíe aquí"
	for lang, want := range map[string]string{"en": en, "es": es} {
		for _, line := range [][]string{
			append(simulate, "--ca", files["b"], "--lang", lang), append(simulate, "--lang", lang),
			{"devices", "--server", "https://" + addr, "--ca", files["b"], "--lang", lang},
		} {
			if code, _, errs := vaivenRun(t.Context(), line...); code != exitError || !strings.Contains(errs, want) || !strings.Contains(errs, "vaiven ca --pem") {
				t.Errorf("%q: exit %d\n%s", line, code, errs)
			}
		}
	}
	if code, _, errs := vaivenRun(t.Context(), "devices", "--server", "https://"+addr, "--ca", filepath.Join(dir, "a", "readings.csv"), "--lang", "en"); code != exitError || !strings.Contains(errs, "no certificate in it") {
		t.Errorf("no certificate: exit %d\n%s", code, errs)
	}
	ca, err := os.ReadFile(files["b"])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var refused *tls.CertificateVerificationError
	if _, err := client.Dial(ctx, client.Options{URL: "wss://" + addr, Device: "301", CA: ca}); !errors.As(err, &refused) {
		t.Errorf("the client took another authority: %v", err)
	}
	board, err := client.Dial(ctx, client.Options{URL: "wss://" + other, Device: "301", CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	if err := board.Close(ctx); err != nil {
		t.Error(err)
	}
	if _, err := client.Dial(ctx, client.Options{URL: "wss://" + other, Device: "301", CA: []byte("x")}); err == nil || !strings.Contains(err.Error(), "no certificate in PEM") {
		t.Errorf("a CA that is none: %v", err)
	}
}

// TestWhyACertificateIsRefused is said in words.
func TestWhyACertificateIsRefused(t *testing.T) {
	refused := func(err error) error { return fmt.Errorf("dial: %w", &tls.CertificateVerificationError{Err: err}) }
	for _, c := range []struct {
		err    error
		en, es string
	}{
		{refused(x509.HostnameError{Host: "pi"}), "does not name pi", "no nombra pi"},
		{refused(x509.CertificateInvalidError{Reason: x509.Expired}), "not of this time", "no es de esta época"},
		{refused(x509.UnknownAuthorityError{}), "not signed by an authority", "no está firmado por una autoridad"},
		{tls.RecordHeaderError{}, "speaks no TLS", "no habla TLS"},
		{&url.Error{Op: "Get", Err: http.ErrSchemeMismatch}, "speaks no TLS", "no habla TLS"},
	} {
		for lang, want := range map[vaiven.Lang]string{vaiven.English: c.en, vaiven.Spanish: c.es} {
			if got := (&program{lang: lang}).untrusted("https://pi:8443", c.err); got == nil || !strings.Contains(got.Error(), want) {
				t.Errorf("%v, want %q", got, want)
			}
		}
	}
	if got := (&program{}).untrusted("https://pi:8443", errors.New("x")); got != nil {
		t.Error(got)
	}
}

// TestAPlainPortAskedForTLS is told, and where TLS is.
func TestAPlainPortAskedForTLS(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	code, _, errs := vaivenRun(t.Context(), "devices", "--server", strings.Replace(s.URL, "http:", "https:", 1), "--lang", "es")
	if code != exitError || !strings.Contains(errs, "no habla TLS") || !strings.Contains(errs, "--tls-listen") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestWhatCAShows while the server runs.
func TestWhatCAShows(t *testing.T) {
	dir := t.TempDir()
	secureServer(t, dir)
	show := func(args ...string) string {
		code, out, errs := vaivenRun(t.Context(), append([]string{"ca", "--data", dir}, args...)...)
		if code != exitOK {
			t.Fatalf("%q: exit %d: %s", args, code, errs)
		}
		return out
	}
	pem, sketch, print := show("--pem"), show("--sketch"), strings.TrimSpace(show("--fingerprint"))
	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(print) {
		t.Errorf("fingerprint %q", print)
	}
	var joined strings.Builder // as a compiler joins the lines
	for _, part := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(sketch, -1) {
		joined.WriteString(strings.ReplaceAll(part[1], `\n`, "\n"))
	}
	if joined.String() != pem || !strings.HasSuffix(strings.TrimSpace(sketch), `";`) {
		t.Errorf("the sketch has\n%s", sketch)
	}
	for lang, want := range map[string]string{"en": "Certificate Trust Settings", "es": "Ajustes de confianza de los certificados"} {
		if all := show("--lang", lang); !strings.Contains(all, pem) || !strings.Contains(all, sketch) || !strings.Contains(all, print) || !strings.Contains(all, want) || strings.Contains(all, "PRIVATE") {
			t.Errorf("%s:\n%s", lang, all)
		}
	}
	if code, _, errs := vaivenRun(t.Context(), "ca", "--data", t.TempDir(), "--lang", "es"); code != exitError || !strings.Contains(errs, "vaiven serve") {
		t.Errorf("a folder without one: exit %d\n%s", code, errs)
	}
	if code, _, _ := vaivenRun(t.Context(), "ca", "--data", dir, "--pem", "--sketch"); code != exitUsage {
		t.Errorf("two at once: exit %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "tls", "ca.pem")); errors.Is(err, fs.ErrNotExist) {
		t.Error("where is it?")
	}
}
