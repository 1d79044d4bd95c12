//go:build suites && linux

package access

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"vaiven/test/harness"
)

// mark is what a payload does when it runs.
const mark = "document.documentElement.dataset.ran=1"

// payloads are 100 names that are scripts where something forgets to escape them.
func payloads() (all []string) {
	forms := []string{
		`<script>%s</script>`, `"><script>%s</script>`, `'><script>%s</script>`, `</title><script>%s</script>`, `</pre><script>%s</script>`,
		`</textarea><script>%s</script>`, `</style><script>%s</script>`, `--><script>%s</script>`, `]]><script>%s</script>`, `</script><script>%s</script>`,
		`<img src=x onerror=%s>`, `"><img src=x onerror=%s>`, `'><img src=x onerror=%s>`, `<img src=x onerror="%s">`, `<img/src=x/onerror=%s>`,
		`<svg onload=%s>`, `"><svg/onload=%s>`, `<svg><script>%s</script></svg>`, `<svg><animate onbegin=%s attributeName=x dur=1s>`, `<body onload=%s>`,
		`<details open ontoggle=%s>x</details>`, `<input autofocus onfocus=%s>`, `<select autofocus onfocus=%s></select>`, `<video src=x onerror=%s></video>`, `<audio src=x onerror=%s></audio>`,
		`<iframe onload=%s></iframe>`, `<iframe srcdoc="<script>parent.%s</script>"></iframe>`, `<object data=x onerror=%s></object>`, `<marquee onstart=%s>x</marquee>`, `<style onload=%s></style>`,
		`<link rel=stylesheet href=/assets/vaiven.css onload=%s>`, `<math><mtext><img src=x onerror=%s></mtext></math>`, `<a autofocus tabindex=0 onfocus=%s>x</a>`, `" autofocus onfocus=%s x="`, `' autofocus onfocus=%s x='`,
		`<form><button autofocus onfocus=%s>x</button></form>`, `<ScRiPt>%s</sCrIpT>`, `<script >%s</script >`, `<script/x>%s</script>`, `<<script>%s//<</script>`,
		`{{%s}}`, `${%s}`, `<%%= %s %%>`, `javascript:%s`, `<base href="javascript:%s//">`,
		`<meta http-equiv=refresh content="0;url=javascript:%s">`, `<embed src="javascript:%s">`, `\u003cscript\u003e%s\u003c/script\u003e`, `&lt;script&gt;%s&lt;/script&gt;`, `%%3Cscript%%3E%s%%3C/script%%3E`,
	}
	for _, f := range forms {
		all = append(all, fmt.Sprintf(f, mark))
		all = append(all, "101"+fmt.Sprintf(f, strings.ReplaceAll(mark, "=1", "='1'")))
	}
	return all
}

// TestScriptsAsNames shows 100 payloads to a real browser, in everything that a stranger
// may write and on every page that there is: none runs. That the browser would run them,
// and the test see it, a page that escapes nothing shows.
func TestScriptsAsNames(t *testing.T) {
	all := payloads()
	if len(all) != 100 {
		t.Fatalf("%d payloads", len(all))
	}
	b := openBrowser(t)
	control(t, b, all)
	s := harness.NewServer(t, "serve", t.TempDir(), "--open")
	s.StartReady()
	name(t, s.Addr, all)
	at := "http://" + s.Addr
	b.open(loginLink(t, s))
	b.until(`location.pathname === "/"`)
	if text := b.eval("document.body.innerText"); strings.Contains(text, "login-link") || !strings.Contains(text, "ws://") {
		t.Errorf("the link of an administrator leads to: %s", text)
	}
	if hash, cookie := b.eval("location.hash"), b.eval("document.cookie"); hash != "" || cookie != "" {
		t.Errorf("the page can see %q %q", hash, cookie)
	}
	ran := func(where string) {
		t.Helper()
		if b.eval("document.documentElement.dataset.ran") != "undefined" {
			t.Errorf("a script ran at %s", where)
		}
	}
	for _, path := range []string{"/", "/login", "/api/v1/docs", "/api/v1/devices?limit=1000", "/api/v1/events?limit=5000", "/api/v1/export?format=jsonl", "/api/v1/me", "/api/v1/tokens", "/metrics/devices", "/readyz"} {
		b.open(at + path)
		ran(path)
		if path == "/api/v1/devices?limit=1000" && !strings.Contains(b.eval("document.body.innerText"), "dataset.ran") {
			t.Error("the list does not have the names")
		}
	}
	for i, p := range all {
		for _, path := range []string{"/nothing/" + url.PathEscape(p), "/api/v1/devices/" + url.PathEscape(p), "/api/v1/events?after=" + url.QueryEscape(p), "/login?x=" + url.QueryEscape(p)} {
			if i%10 != 0 && !strings.HasPrefix(path, "/api/v1/devices/") {
				continue // which alone repeats what it was asked for
			}
			b.open(at + path)
			ran(path)
		}
	}
	for _, p := range all[:10] {
		b.open(at + "/login#" + url.PathEscape(p))
		b.until(`document.body.innerText.includes("not good") || document.body.innerText.includes("too many")`)
		ran("/login#" + p)
	}
}

// TestOneClick lets a board in that waits, from the page at /, and leaves.
func TestOneClick(t *testing.T) {
	b := openBrowser(t)
	s := harness.NewServer(t, "serve", t.TempDir(), "--open=false")
	s.StartReady()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	board, _, err := websocket.Dial(ctx, "ws://"+s.Addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = board.CloseNow() }()
	hears := func(key string) {
		t.Helper()
		for {
			_, text, err := board.Read(ctx)
			if err != nil {
				t.Fatalf("no %s: %v", key, err)
			}
			if strings.Contains(string(text), key) {
				return
			}
		}
	}
	if err := board.Write(ctx, websocket.MessageText, []byte(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa"}`)); err != nil {
		t.Fatal(err)
	}
	hears("not_approved")
	b.open(loginLink(t, s))
	const ready = `document.readyState === "complete" && ` // the page's script has run
	b.until(ready + `document.querySelectorAll("button[data-device='101']").length === 1`)
	b.eval(`document.querySelector("button[data-device]").click()`)
	hears("TOKEN")
	b.until(ready + `document.querySelectorAll("button[data-device]").length === 0 && document.getElementById("out") !== null`)
	b.eval(`document.getElementById("out").click()`)
	b.until(`document.body.innerText.includes("login-link")`)
}

// control shows the payloads where nothing is escaped and nothing forbidden.
func control(t *testing.T, b *browser, all []string) {
	var now string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><body><p>%s</p><input value="%s">`, now, now)
	}))
	defer page.Close()
	seen := 0
	for i, p := range all[:40] {
		now = p
		b.open(fmt.Sprintf("%s/?%d", page.URL, i))
		if b.eval("document.documentElement.dataset.ran") != "undefined" {
			seen++
		}
	}
	if seen < 20 {
		t.Fatalf("of 40 payloads only %d run where nothing is escaped: this proves nothing", seen)
	}
}

// name gives devices the payloads as names, notes and groups, and has boards say them.
func name(t *testing.T, addr string, all []string) {
	t.Helper()
	request := func(method, path string, body any) int {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return ask(t, method, "http://"+addr+"/api/v1"+path, map[string]string{"Authorization": "Bearer " + harness.Token(addr)}, string(text)).status
	}
	for i, p := range all {
		short := p
		if len(short) > 64 {
			short = short[:64]
		}
		path := fmt.Sprintf("/devices/%d", 200+i)
		if got := request("PATCH", path, map[string]any{"name": short, "note": p, "groups": []string{short[:min(len(short), 40)]}}); got != 200 {
			t.Fatalf("%q is no name: %d", p, got)
		}
		request("POST", "/readings", map[string]any{"IDDEVICE": p, "TEMP": p})
		request("POST", "/readings", map[string]any{"IDDEVICE": 200 + i, "HELLO": 1, "BOOT": "9f3c02aa", "FW": p})
		request("POST", "/readings", map[string]any{"IDDEVICE": 200 + i, "TEMP": p, p: 1})
		request("POST", "/tokens", map[string]any{"name": short, "can": []string{"read"}})
	}
}

// loginLink asks the program for a link, as a person does on the server's machine.
func loginLink(t *testing.T, s *harness.Server) string {
	t.Helper()
	out, errs, code := harness.Vaiven(t, "login-link", "--json", "--server", "http://"+s.Addr, "--data", s.Data)
	var link struct{ URLs []string }
	if err := json.Unmarshal([]byte(out), &link); code != 0 || err != nil || len(link.URLs) == 0 {
		t.Fatalf("login-link: %d %v %s %s", code, err, out, errs)
	}
	return link.URLs[0]
}
