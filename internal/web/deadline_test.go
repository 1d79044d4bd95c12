package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// timed keeps the last deadlines that were set on a connection.
type timed struct {
	*httptest.ResponseRecorder
	read, write time.Time
	set         int // how often that of writing was
}

func (d *timed) SetReadDeadline(t time.Time) error { d.read = t; return nil }
func (d *timed) SetWriteDeadline(t time.Time) error {
	d.write = t
	d.set++
	return nil
}

// TestDeadlines shows that what waits is not cut off by the deadlines of what
// does not: an expired read deadline would end a request's context.
func TestDeadlines(t *testing.T) {
	begin := time.Now()
	for _, c := range []struct {
		method, path, body string
		waits              time.Duration
	}{
		{"GET", "/devices", "", 0},
		{"PUT", "/devices/101/state", `{"LED":1}`, 0},
		{"PUT", "/devices/101/state?wait=45s", `{"LED":1}`, 45 * time.Second},
		{"POST", "/devices/101/state/toggle?wait=45s", `{"states":["LED"]}`, 45 * time.Second},
		{"POST", "/state", `{"devices":["101"],"states":{"LED":1},"wait":"45s"}`, 45 * time.Second},
		{"GET", "/devices/101/desired?wait=45s", "", 45 * time.Second},
		{"GET", "/events", "", historyTimeout},
		{"POST", "/readings", `{"IDDEVICE":101,"TEMP":24}`, postTimeout},
		{"GET", "/readings.csv", "", time.Millisecond},
	} {
		r := httptest.NewRequest(c.method, "http://"+self+prefix+c.path, strings.NewReader(c.body))
		r.RemoteAddr = here
		r.Header.Set("Content-Type", "application/json")
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		New(newWorld(t).options()).ServeHTTP(w, r)
		if w.Code >= http.StatusBadRequest {
			t.Fatalf("%s: %d %s", c.path, w.Code, w.Body)
		}
		if reads := w.read.IsZero(); reads != (c.waits > 0) {
			t.Errorf("%s %s: read deadline %v", c.method, c.path, w.read)
		}
		if w.write.Before(begin.Add(c.waits + answerTimeout)) {
			t.Errorf("%s %s: write deadline %v after the beginning", c.method, c.path, w.write.Sub(begin))
		}
	}
}
