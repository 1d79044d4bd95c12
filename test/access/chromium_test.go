//go:build suites && linux

package access

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// browser is a Chromium without a screen, driven by its DevTools protocol.
type browser struct {
	t    *testing.T
	conn *websocket.Conn
	n    int
	page string // the session of its one page
}

// openBrowser starts Debian's Chromium with a profile of its own.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	// Without a sandbox, which root and containers do not have: it sees our pages only.
	cmd := exec.Command("/usr/bin/chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-extensions", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // and its helpers
		_ = cmd.Wait()
	})
	at := ""
	for lines := bufio.NewScanner(out); at == "" && lines.Scan(); {
		_, at, _ = strings.Cut(lines.Text(), "DevTools listening on ")
	}
	if at == "" {
		t.Fatal("chromium did not say where it listens")
	}
	go func() { _, _ = bufio.NewReader(out).WriteTo(discard{}) }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	b := &browser{t: t, conn: conn}
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	b.page = target.SessionID
	b.call("Page.enable", nil, nil)
	return b
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// message is one of the protocol, in either direction.
type message struct {
	ID        int                       `json:"id,omitempty"`
	Method    string                    `json:"method,omitempty"`
	Params    any                       `json:"params,omitempty"`
	SessionID string                    `json:"sessionId,omitempty"`
	Result    json.RawMessage           `json:"result,omitempty"`
	Error     *struct{ Message string } `json:"error,omitempty"`
}

// call calls a method, and waits for its answer; events on the way are passed over.
func (b *browser) call(method string, params any, out any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	b.n++
	text, err := json.Marshal(message{ID: b.n, Method: method, Params: params, SessionID: b.page})
	if err == nil {
		err = b.conn.Write(ctx, websocket.MessageText, text)
	}
	for err == nil {
		var m message
		if _, text, err = b.conn.Read(ctx); err == nil {
			err = json.Unmarshal(text, &m)
		}
		switch {
		case err != nil || m.ID != b.n:
			if m.Method == "Page.javascriptDialogOpening" {
				b.t.Error("a page opened a dialog")
			}
		case m.Error != nil && strings.Contains(m.Error.Message, "navigated"):
			return // the page went away under an expression, which then is ""
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		default:
			if out != nil {
				err = json.Unmarshal(m.Result, out)
			}
			if err == nil {
				return
			}
		}
	}
	b.t.Fatalf("%s: %v", method, err)
}

// eval is what an expression is in the page, as text.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var got struct {
		Result struct{ Value any }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": "String(" + expression + ")", "returnByValue": true}, &got)
	text, _ := got.Result.Value.(string)
	return text
}

// open goes to an address, and waits until the page has been loaded.
func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.until(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// until waits until an expression is true in the page.
func (b *browser) until(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); b.eval(expression) != "true"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("never true: %s, at %s", expression, b.eval("location.href"))
		}
	}
}
