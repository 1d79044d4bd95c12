package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/internal/views"
)

// query asks the history as Grafana does, by a form.
func (r *running) query(text string) string {
	r.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequest(http.MethodPost, "http://"+r.Addresses().Local+"/prometheus/api/v1/query", strings.NewReader(url.Values{"query": {text}}.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+r.token())
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(body)
}

// TestReadingsAreAskedForByPromQLAndSentOn: what a board says is in the history and in
// the store; a store that is away costs neither a checkpoint nor the end in order, and
// gets what it missed after the next start.
func TestReadingsAreAskedForByPromQLAndSentOn(t *testing.T) {
	got := make(chan int64, 100)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
		got <- n
	}))
	defer store.Close()
	o := options(t.TempDir())
	o.RemoteWrite = "http://127.0.0.1:1/" // where nobody listens
	r := launch(t, o)
	b := r.connect(101, 1)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5,"HUM":61}`)
	b.hears(`"ACK":1`)
	r.settle()
	if text := r.query("vaiven_reading"); !strings.Contains(text, `"24.5"`) || !strings.Contains(text, `"61"`) || !strings.Contains(text, `"device":"101"`) {
		t.Error(text)
	}
	until(t, "a request that fails", func() bool { return r.sender.Trouble() != nil })
	r.end(b)
	if _, err := os.Stat(filepath.Join(o.Data, views.CheckpointName)); err != nil {
		t.Errorf("no checkpoint: %v", err)
	}
	o.RemoteWrite = store.URL
	r = launch(t, o)
	select {
	case n := <-got:
		if n == 0 {
			t.Error("an empty request")
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing arrives")
	}
	until(t, "both values to be sent", func() bool { return r.sender.Stats().Sent.Load() >= 2 })
	r.end()
}

// until waits for what other goroutines do.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
	}
}
