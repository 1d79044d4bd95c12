package remotewrite

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"vaiven"
)

// store is a receiver of remote-write. It answers what say says, before it takes
// anything, 0 for what it finds itself.
type store struct {
	*httptest.Server
	mu       sync.Mutex
	strict   bool                          // refuse a request with a sample that is not newer than its series
	poison   float64                       // refuse a request with this value; 0: none
	say      func(*http.Request) int       // nil: take everything
	points   map[string]map[int64][]string // by series and time, all values that came
	requests int
	changed  chan struct{} // has room for one
}

func newStore(t *testing.T) *store {
	s := &store{points: map[string]map[int64][]string{}, changed: make(chan struct{}, 1)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests++
		say := s.say
		s.mu.Unlock()
		code := 0
		if say != nil {
			code = say(r)
		}
		if code == 0 {
			code = s.take(t, r)
		}
		w.WriteHeader(code)
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// take stores what a request holds, all of it or nothing.
func (s *store) take(t *testing.T, r *http.Request) int {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return http.StatusInternalServerError // the sender broke off
	}
	if got := []string{r.Header.Get("Content-Encoding"), r.Header.Get("Content-Type"), r.Header.Get("X-Prometheus-Remote-Write-Version")}; !cmp.Equal(got,
		[]string{"snappy", "application/x-protobuf", "0.1.0"}) {
		t.Errorf("headers %q", got)
	}
	raw, err := s2.Decode(nil, body)
	if err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	type point struct {
		series string
		at     int64
		num    float64
	}
	var points []point
	fields(t, raw, func(series []byte, _ uint64) {
		name := ""
		for _, part := range split(t, series, 1) {
			name += string(split(t, part, 1)[0]) + "=" + string(split(t, part, 2)[0]) + " "
		}
		for _, part := range split(t, series, 2) {
			var p point
			p.series = strings.TrimSpace(name)
			fields(t, part, func(_ []byte, v uint64) { p.at, p.num = int64(v), math.Float64frombits(uint64(p.at)) })
			points = append(points, p)
		}
	})
	for _, p := range points {
		if s.poison != 0 && p.num == s.poison {
			return http.StatusBadRequest
		}
		for at := range s.points[p.series] {
			if s.strict && at >= p.at {
				return http.StatusBadRequest
			}
		}
	}
	for _, p := range points {
		if s.points[p.series] == nil {
			s.points[p.series] = map[int64][]string{}
		}
		s.points[p.series][p.at] = append(s.points[p.series][p.at], vaiven.FormatNumber(p.num))
	}
	return http.StatusNoContent
}

// fields calls fn with each field of a message: bytes, or a number.
func fields(t *testing.T, b []byte, fn func([]byte, uint64)) {
	for len(b) > 0 {
		_, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		var part []byte
		var num uint64
		switch typ {
		case protowire.BytesType:
			part, n = protowire.ConsumeBytes(b)
		case protowire.Fixed64Type:
			num, n = protowire.ConsumeFixed64(b)
		default:
			num, n = protowire.ConsumeVarint(b)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		fn(part, num)
	}
}

// split returns the parts of a message that have one field number.
func split(t *testing.T, b []byte, field protowire.Number) (parts [][]byte) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		m := protowire.ConsumeFieldValue(num, typ, b[max(n, 0):])
		if n < 0 || m < 0 {
			t.Fatal("not a message")
		}
		if num == field {
			part, _ := protowire.ConsumeBytes(b[n:])
			parts = append(parts, part)
		}
		b = b[n+m:]
	}
	return parts
}

// once reports whether everything of the events is there, each once, and nothing else.
func (s *store) once(events []vaiven.Event) string {
	want := map[string]map[int64][]string{}
	for _, ev := range events {
		for _, p := range vaiven.AppendSamples(nil, ev) {
			name := ""
			for _, l := range p.Labels() {
				name += l.Name + "=" + l.Value + " "
			}
			name = strings.TrimSpace(name)
			if want[name] == nil {
				want[name] = map[int64][]string{}
			}
			want[name][p.At] = []string{vaiven.FormatNumber(p.Num)}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Diff(want, s.points)
}

// until waits for requests until cond holds.
func (s *store) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	late := time.After(time.Minute)
	for !cond() {
		select {
		case <-s.changed:
		case <-time.After(10 * time.Millisecond): // what the sender does behind an answer
		case <-late:
			t.Fatalf("waited for %s", what)
		}
	}
}
