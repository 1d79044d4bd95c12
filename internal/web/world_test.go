package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/export"
	"vaiven/internal/web/api"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

// noon is when everything happens in the tests' world.
var noon = time.Date(2026, 11, 22, 10, 0, 30, 0, time.UTC)

// world is a server's other parts, in memory: boards 101 (connected, confirms
// at once), 102 and 103 (away).
type world struct {
	now time.Time
	csv string

	private bool // there is a private CSV file

	mu      sync.Mutex
	devices map[vaiven.Device]*vaiven.DeviceInfo
	twins   map[vaiven.Device]*vaiven.DeviceState
	entries []vaiven.Entry
	keys    int
	asks    []vaiven.ChangeRequest
	posted  []string
	decided []string // about who may do what
	door    int64    // open until then
	curves  []vaiven.CurveQuery
	unread  []vaiven.Stretch      // of their answers
	err     error                 // of whatever is asked next
	ends    chan vaiven.ChangeEnd // for Wait
}

func newWorld(t testing.TB) *world {
	w := &world{now: noon, devices: map[vaiven.Device]*vaiven.DeviceInfo{}, twins: map[vaiven.Device]*vaiven.DeviceState{}, ends: make(chan vaiven.ChangeEnd, 8)}
	at := noon.UnixMilli()
	w.devices["101"] = &vaiven.DeviceInfo{
		ID: "101", About: &vaiven.About{Name: "Window", Groups: []string{"lab"}}, Readings: 17,
		Connected: true, Since: at - 60_000, First: at - 3_600_000, Last: at - 1200, Remote: "192.168.0.7", Reading: at - 1200,
		Values: []vaiven.Latest{{Name: "TEMP", Num: 24.5, At: at - 1200}, {Name: "HUM", Num: 61, At: at - 1200}},
		States: []vaiven.Latest{{Name: "LED", Num: 1, At: at - 5000}}, Rev: 6,
		Boot: "9f3c02aa", FW: "1.0.0",
		Rejected: []vaiven.RejectedCode{{Code: "not_a_number", Count: 1, Text: "TEMP is \"24.5\" (text): send the number without quotes", Remote: "192.168.0.7", At: at - 30_000}},
		Session:  &vaiven.Session{Device: "101", Start: at - 60_000, Readings: 10, Interval: 5000, Count: 10, Ended: true, Reason: vaiven.EndReadings},
	}
	w.devices["102"] = &vaiven.DeviceInfo{
		ID: "102", About: &vaiven.About{Groups: []string{"lab"}}, Readings: 5, Greeted: true,
		Since: at - 10_000, First: at - 3_000_000, Last: at - 10_000, Sleep: 60_000,
		Reading: at - 11_000, Values: []vaiven.Latest{{Name: "TEMP", Num: 21, At: at - 11_000}},
	}
	w.devices["103"] = &vaiven.DeviceInfo{ID: "103", Since: at - 900_000, First: at - 1_000_000, Last: at - 900_000, Reason: "idle"}
	led := []vaiven.Value{{Name: "LED", Num: 1}}
	w.twins["101"] = &vaiven.DeviceState{
		ID: "101", Rev: 6, Wanted: []vaiven.Wanted{{Name: "LED", Num: 1, Rev: 6}}, Reports: true,
		ReportedStates: vaiven.ReportedStates{BootRev: 6, Reported: []vaiven.Reported{{Name: "LED", Num: 1, Rev: 6}}},
		Recent: []vaiven.Ended{{End: vaiven.ChangeEnd{
			Stamp: vaiven.Stamp{At: at - 5000}, Device: "101", Key: "51d07e449f3c02aa", Rev: 6, Outcome: vaiven.Confirmed,
			States: led, By: "button GPIO17", Asked: at - 5040,
		}, Sent: at - 5030}},
	}
	w.story(at)
	w.csv = filepath.Join(t.TempDir(), "readings.csv")
	w.writeCSV(t)
	return w
}

// story is what the log holds.
func (w *world) story(noon int64) {
	at := func(ms int64) vaiven.Stamp { return vaiven.Stamp{At: noon - 30_000 + ms, Synced: true} }
	add := func(rec uint64, events ...vaiven.Event) {
		for i, ev := range events {
			w.entries = append(w.entries, vaiven.Entry{ID: vaiven.ID{Record: rec, Index: uint32(i)}, Event: ev})
		}
	}
	read := func(ms int64, d vaiven.Device, temp float64) vaiven.Event {
		return &vaiven.Reading{Stamp: at(ms), Device: d, Values: []vaiven.Value{{Name: "TEMP", Num: temp}}}
	}
	add(1, &vaiven.LogStart{Stamp: at(0), Log: strings.Repeat("0f", 16)})
	add(2, &vaiven.Presence{Stamp: at(1000), Device: "101", Connected: true, Remote: "192.168.0.7"}, read(1000, "101", 24))
	add(3, read(4000, "101", 24.1), read(4500, "102", 21))
	add(5, read(6000, "101", 24.2), &vaiven.Report{Stamp: at(6000), Device: "101", States: []vaiven.Value{{Name: "LED", Num: 1}}})
	add(6, read(8000, "101", 24.3))
}

func (w *world) Each(yield func(*vaiven.DeviceInfo) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.devices {
		if !yield(d) {
			return
		}
	}
}

func (w *world) Device(id vaiven.Device) (vaiven.DeviceInfo, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.devices[id]; d != nil {
		return d.Clone(), true
	}
	return vaiven.DeviceInfo{}, false
}

func (w *world) Summary(id vaiven.Device) (vaiven.Summary, bool) {
	if id != "101" {
		return vaiven.Summary{}, false
	}
	at := noon.UnixMilli()
	return vaiven.Summary{
		End: at - 10_000, First: at - 58_000, Last: at - 10_000,
		Measurements: []vaiven.Measurement{{Name: "TEMP", N: 10, Min: 24, Max: 25, Mean: 24.5, Deviation: 0.25}}, Intervals: 9, IntervalMean: 5001, IntervalP95: 5010,
		Rejected: []vaiven.CodeCount{{Code: "not_a_number", Count: 1}}, Refusals: 1,
	}, true
}

func (w *world) fails() error {
	err := w.err
	w.err = nil
	return err
}

func (w *world) Describe(_ context.Context, id vaiven.Device, name, note string, groups []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fails(); err != nil {
		return err
	}
	d := w.devices[id]
	if d == nil {
		d = &vaiven.DeviceInfo{ID: id}
		w.devices[id] = d
	}
	d.About = &vaiven.About{Name: name, Note: note, Groups: groups}
	return nil
}

func (w *world) Forget(_ context.Context, id vaiven.Device) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.devices, id)
	return w.fails()
}

func (w *world) State(id vaiven.Device) (vaiven.DeviceState, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.twins[id]; t != nil {
		return t.Clone(), true
	}
	return vaiven.DeviceState{}, false
}

func (w *world) AskMany(_ context.Context, requests []vaiven.ChangeRequest) []vaiven.ChangeResult {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.fails()
	out := make([]vaiven.ChangeResult, len(requests))
	for i, r := range requests {
		w.asks = append(w.asks, r)
		if out[i].Err = err; err == nil {
			out[i] = w.ask(r)
		}
	}
	return out
}

// ask has a change in the log, and a board that reports confirms it at once.
func (w *world) ask(r vaiven.ChangeRequest) vaiven.ChangeResult {
	t := w.twins[r.Device]
	if t == nil {
		t = &vaiven.DeviceState{ID: r.Device}
		w.twins[r.Device] = t
	}
	if r.Key == "" {
		w.keys++
		r.Key = vaiven.Key(fmt.Sprintf("%016x", w.keys))
	}
	at := func(ms int64) vaiven.Stamp { return vaiven.Stamp{At: w.now.UnixMilli() + ms} }
	c := &vaiven.Change{Stamp: at(0), Device: r.Device, Key: r.Key, States: r.States, Toggle: r.Toggle, By: r.By, HasIf: r.HasIf, If: r.If}
	if r.Within > 0 {
		c.Deadline = c.At + r.Within.Milliseconds()
	}
	news := t.Apply(c)
	if t.Reports && news.Answer.Rev != 0 {
		t.Apply(&vaiven.Sent{Stamp: at(3), Device: r.Device, Key: r.Key, Rev: news.Answer.Rev})
		t.Apply(&vaiven.ChangeEnd{Stamp: at(12), Device: r.Device, Key: r.Key, Outcome: vaiven.Confirmed})
	}
	return vaiven.ChangeResult{Key: r.Key, Answer: news.Answer}
}

func (w *world) Wait(ctx context.Context, id vaiven.Device, key vaiven.Key) (vaiven.ChangeEnd, error) {
	select {
	case end := <-w.ends:
		end.Device, end.Key = id, key
		return end, nil
	case <-ctx.Done():
		return vaiven.ChangeEnd{}, ctx.Err()
	}
}

func (w *world) Disorder() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	latest, most := int64(0), event.Disorder.Milliseconds()
	for _, en := range w.entries {
		at := en.Event.Time().At
		latest = max(latest, at)
		most = max(most, latest-at)
	}
	return time.Duration(most) * time.Millisecond
}

func (w *world) Trimmed(vaiven.ID) (first vaiven.ID) { return first }

func (w *world) Bounds() (first, last vaiven.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.entries) == 0 {
		return first, last
	}
	return w.entries[0].ID, w.entries[len(w.entries)-1].ID
}

func (w *world) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	w.mu.Lock()
	entries, err := w.entries, w.fails()
	w.mu.Unlock()
	if err != nil {
		return err
	}
	for _, en := range entries {
		if !after.Before(en.ID) {
			continue
		}
		if err := fn(en); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Curves has TEMP every two seconds from a minute before noon on, and LED once.
func (w *world) Curves(_ context.Context, q vaiven.CurveQuery) (vaiven.Curves, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fails(); err != nil {
		return vaiven.Curves{}, err
	}
	w.curves = append(w.curves, q)
	width := (q.To - q.From) / int64(q.Points-1)
	out := vaiven.Curves{From: q.From, To: q.To, Width: width, Unread: w.unread}
	c := vaiven.Curve{Device: "101", Name: "TEMP"}
	for i, at := 0.0, q.From; at < q.To; i, at = i+1, at+width {
		if at < q.To-3*width || at >= q.To-2*width { // a gap
			c.Buckets = append(c.Buckets, vaiven.Bucket{Start: at, Count: uint64(width / 2000), Min: 24 + i/10, Max: 24.5 + i/10, Mean: 24.25 + i/10})
		}
	}
	led := vaiven.Curve{Device: "101", Name: "LED", State: true, Before: &vaiven.Held{At: q.From - 3_600_000, Num: 1}}
	switch {
	case slices.Equal(q.Names, []string{"LED"}):
		out.Curves = append(out.Curves, led)
	case len(q.Names) == 0:
		led.Buckets = []vaiven.Bucket{{Start: q.From, Count: 1, Min: 1, Max: 1, Mean: 1}}
		out.Curves = append(out.Curves, c, led)
	default:
		out.Curves = append(out.Curves, c)
	}
	return out, nil
}

func (w *world) Post(_ context.Context, r *http.Request, message []byte, binary bool) (Posted, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fails(); err != nil {
		return Posted{}, err
	}
	w.posted = append(w.posted, fmt.Sprintf("%t %s", binary, message))
	var m map[string]any
	switch {
	case binary:
		return Posted{Committed: 1}, nil
	case json.Unmarshal(message, &m) != nil:
		return Posted{Refused: 1}, &vaiven.Error{Code: vaiven.CodeNotJSON, At: 0}
	}
	if _, text := m["TEMP"].(string); text {
		said := `{"ERROR":"TEMP is \"24.5\" (text): send the number without quotes","CODE":"not_a_number","AT":23,"IDDEVICE":101}`
		return Posted{Refused: 1, Messages: [][]byte{[]byte(said)}}, &vaiven.Error{Code: vaiven.CodeNotANumber, Key: "TEMP", At: 23}
	}
	p := Posted{Committed: 1}
	if m["SEQ"] != nil {
		p.Messages = [][]byte{[]byte(`{"IDDEVICE":101,"BOOT":"9f3c02aa","ACK":17}`)}
	}
	return p, nil
}

func (w *world) Desired(ctx context.Context, _ *http.Request, d vaiven.Device, rev uint64) ([]byte, error) {
	if err := w.fails(); err != nil {
		return nil, err
	}
	if rev != 7 {
		return []byte(`{"IDDEVICE":101,"LED":1,"REV":7}`), nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (w *world) NewSession(_ context.Context, d vaiven.Device) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fails()
}

func (w *world) options() Options {
	return Options{
		Boards: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
		Ready:  func() []string { return nil }, Page: func() Page { return Page{} }, Version: "1.0.0",
		Sessions: w, Devices: w, Names: w, Twins: w, Events: w, Curves: w, Posts: w, Exports: w.exports(), CSV: worldCSV{w}, Admin: w.admin(),
		Server: func() api.Server {
			return api.Server{
				Log: strings.Repeat("0f", 16), Started: noon.Add(-time.Hour), Synced: true, Addresses: []string{"ws://192.168.0.2:8080/"},
				Limits: api.Limits{MessageBytes: 65536, Connections: 100000, Devices: 256},
				Counts: api.Counts{Devices: 3, Connected: 1, Events: 8, Readings: 22, Rejected: 1},
			}
		},
		States: []string{"LED"}, Now: func() time.Time { return w.now }, Access: whoever{}, Hosts: func() []string { return []string{"example.com"} }, // of httptest's requests
	}
}

// whoever lets everybody do everything, but for a wrong token.
type whoever struct{ closed }

func (whoever) Nobody() vaiven.Principal {
	return vaiven.Principal{Name: "this machine", Rights: vaiven.MayAdmin}
}

func (whoever) Ticket(vaiven.Principal) string { return "9f3c02aa71d4.1795341690000.c2lnbmVk" }

// viewers lets everybody look.
type viewers struct{ closed }

func (viewers) Nobody() vaiven.Principal { return vaiven.Principal{Rights: vaiven.MayRead} }

// whoHas lets whoever has the token do everything, and nobody else anything.
type whoHas struct {
	closed
	token string
}

func (h whoHas) Authenticate(token string, from netip.Addr) (vaiven.Principal, error) {
	if token == h.token {
		return vaiven.Principal{Name: "the server's token", Rights: vaiven.MayAdmin}, nil
	}
	return h.closed.Authenticate(token, from)
}

// worldExports makes real exports of the world's log.
type worldExports struct{ *export.Exporter }

func (x worldExports) Prepare(q url.Values, l vaiven.Lang) (Export, error) {
	e, err := x.Exporter.Prepare(q, l)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (w *world) exports() Exports {
	return worldExports{export.New(export.Options{Log: w, Disorder: w.Disorder, Columns: []string{"TEMP", "HUM"}, Zone: "America/Bogota", Now: func() time.Time { return w.now }})}
}

// serve starts a server of the world.
func (w *world) serve(t testing.TB, change ...func(*Options)) *httptest.Server {
	t.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	s := httptest.NewServer(New(o))
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return s
}

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) problem(t testing.TB) *api.Problem {
	t.Helper()
	p := &api.Problem{}
	if got := a.header.Get("Content-Type"); got != api.ProblemType {
		t.Fatalf("%d with %q and no problem: %s", a.status, got, a.body)
	}
	if err := json.Unmarshal(a.body, p); err != nil || p.Status != a.status || p.Title == "" {
		t.Fatalf("%d: problem %s: %v", a.status, a.body, err)
	}
	return p
}

func (a *answer) into(t testing.TB, v any) {
	t.Helper()
	if a.status >= 300 {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
}

// send asks a server; headers are pairs.
func send(t testing.TB, s *httptest.Server, method, path, body string, headers ...string) *answer {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answer{resp.StatusCode, resp.Header, got}
}

var errBroken = errors.New("the disk is gone")
