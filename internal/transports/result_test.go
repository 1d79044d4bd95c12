package transports

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestQuantile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		of   []time.Duration
		q    float64
		want time.Duration
	}{
		{hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred, 1, 100}, {hundred, 0, 1},
		{hundred[:1], 0.5, 1}, {hundred[:1], 0.99, 1}, {hundred[:2], 0.5, 1}, {hundred[:3], 0.5, 2}, {hundred[:6], 0.99, 6},
	} {
		if got := quantile(c.of, c.q); got != c.want {
			t.Errorf("%v of %d: %v, want %v", c.q, len(c.of), got, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	at := func(ms ...int64) []int64 {
		for i := range ms {
			ms[i] *= 1e6
		}
		return ms
	}
	base := &measured{server: 40 * time.Millisecond, follower: time.Millisecond}
	r := newResult(Options{Readings: 4, Rate: 40, Followers: 2, Poll: time.Second}, base, nil)
	r.add(Poll, &measured{
		sent: at(10, 20, 30, 40), server: 43 * time.Millisecond, follower: 7 * time.Millisecond,
		notes: []*notes{
			{Arrived: at(11, 0, 33, 44), In: 1000, Out: 200, Requests: 3},
			{Arrived: at(0, 0, 36, 45), In: 600, Out: 200, Requests: 2, Duplicates: 1},
		},
	}, base, nil)
	r.add(Values, &measured{sent: at(1, 2, 3, 4), notes: []*notes{{Arrived: make([]int64, 4), Requests: 2}}}, base, nil)
	r.add(SSE, nil, nil, errors.New("no"))
	got, err := json.Marshal(r)
	want := `{"readings":4,"rate":40,"followers":2,"poll_ms":1000,"vaiven_alone_us":10000,"transports":[` +
		`{"transport":"poll","received":5,"missed":3,"duplicates":1,"requests":5,"bytes_in":1600,"bytes_out":400,` +
		`"per_reading":{"bytes":400,"latency_p50_ms":4,"latency_p99_ms":6,"server_cpu_us":600,"follower_cpu_us":1200}},` +
		`{"transport":"values","received":0,"missed":4,"duplicates":0,"requests":2,"bytes_in":0,"bytes_out":0},` +
		`{"transport":"sse","received":0,"missed":0,"duplicates":0,"requests":0,"bytes_in":0,"bytes_out":0,"problem":"no"}]}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, cmp.Diff(want, string(got)))
	}
	if p := r.Problems(); !slices.Equal(p, []string{"sse: no"}) {
		t.Errorf("problems %q", p)
	}
}

// results are tables as people may get them.
func results() map[string]*Result {
	full := &Result{Readings: 200, Rate: 40, Followers: 10, PollMS: 1000, VaivenUs: new(874.6), BrokerUs: new(83.2)}
	row := func(t Transport, received, missed int, requests int64, f *Figures) {
		full.Rows = append(full.Rows, Row{Transport: t, Received: received, Missed: missed, Requests: requests, Figures: f})
	}
	row(WebSocket, 2000, 0, 10, &Figures{Bytes: 206.4, P50MS: 1.41, P99MS: 13.3, ServerUs: 24.9, FollowerUs: 38})
	row(SSE, 2000, 0, 10, &Figures{Bytes: 240, P50MS: 1.5, P99MS: 4.9, ServerUs: 6.2, FollowerUs: 35})
	row(NDJSON, 2000, 0, 10, &Figures{Bytes: 209, P50MS: 1.7, P99MS: 6.5, ServerUs: -3, FollowerUs: 38})
	row(LongPoll, 2000, 0, 2003, &Figures{Bytes: 499, P50MS: 2.3, P99MS: 113, ServerUs: 117, FollowerUs: 97})
	row(Poll, 2000, 0, 70, &Figures{Bytes: 213, P50MS: 497, P99MS: 1003, ServerUs: 51, FollowerUs: 16})
	row(Values, 62, 1938, 70, &Figures{Bytes: 501, P50MS: 23.3, P99MS: 944, ServerUs: 576, FollowerUs: 275})
	row(MQTT, 2000, 0, 10, &Figures{Bytes: 220, P50MS: 0.44, P99MS: 2.1, ServerUs: 11, FollowerUs: 31})
	poor := &Result{Readings: 5, Rate: 0.5, Followers: 1, PollMS: 250, VaivenUs: new(1021.0), Rows: []Row{
		full.Rows[0],
		{Transport: NDJSON, Problem: "follower: /api/v1/live/ndjson: 503 Service Unavailable: too many followers: come again later\n and more"},
		{Transport: Values, Missed: 5, Requests: 40},
		{Transport: LongPoll, Received: 5, Duplicates: 2, Requests: 6, Figures: full.Rows[3].Figures},
		{Transport: MQTT, Install: "sudo apt install mosquitto"},
	}}
	return map[string]*Result{"full": full, "poor": poor}
}

// TestWrite: the table in both languages fits 80 columns of any terminal.
func TestWrite(t *testing.T) {
	for name, r := range results() {
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			var b bytes.Buffer
			if err := r.Write(&b, l); err != nil {
				t.Fatal(err)
			}
			golden(t, name+"."+string(l)+".txt", b.String())
			for line := range bytes.Lines(b.Bytes()) {
				line = bytes.TrimSuffix(line, []byte("\n"))
				if n := utf8.RuneCount(line); n > columns || bytes.ContainsFunc(line, func(c rune) bool { return c < ' ' }) {
					t.Errorf("%s: %d columns: %q", l, n, line)
				}
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestParse(t *testing.T) {
	if got, err := Parse(nil); err != nil || len(got) != 7 {
		t.Errorf("none: %v %v", got, err)
	}
	if got, err := Parse([]string{"mqtt", "ws", "ws"}); err != nil || !slices.Equal(got, []Transport{WebSocket, MQTT}) {
		t.Errorf("two: %v %v", got, err)
	}
	var unknown *UnknownError
	if _, err := Parse([]string{"ws", "none"}); !errors.As(err, &unknown) || unknown.Name != "none" {
		t.Errorf("unknown: %v", err)
	}
}
