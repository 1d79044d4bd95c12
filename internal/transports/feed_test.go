package transports

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// feed answers as a server does whose log holds readings.
type feed struct {
	t     *testing.T
	mu    sync.Mutex
	have  int // readings
	more  chan struct{}
	twice bool // each reading comes two times
}

func newFeed(t *testing.T) *feed { return &feed{t: t, more: make(chan struct{})} }

// put says that there are n readings now.
func (f *feed) put(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.have = n
	close(f.more)
	f.more = make(chan struct{})
}

func (f *feed) now() (have int, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.have, f.more
}

// from hands over the readings behind the nth, as they come.
func (f *feed) from(r *http.Request, n int, write func(text []byte) error) {
	for {
		have, more := f.now()
		for ; n < have; n++ {
			times := 1
			if f.twice {
				times = 2
			}
			for range times {
				if write(appendEvent(nil, n+1, mqttBoot, time.Now())) != nil {
					return
				}
			}
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

const position = `{"kind":"position","id":"3.0"}`

func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	have, _ := f.now()
	switch r.URL.Path {
	case "/api/v1/live/ws":
		f.webSocket(w, r)
	case "/api/v1/live/sse":
		f.stream(w, r, "retry: 2000\n: position\nid: 3.0\n\n", "id: 4.0\nevent: reading\ndata: %s\n\n")
	case "/api/v1/live/ndjson":
		f.stream(w, r, position+"\n", "%s\n")
	case "/api/v1/live/poll", "/api/v1/events":
		f.page(w, r)
	case "/api/v1/devices/101/values":
		if have == 0 {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"device":"101","values":[{"name":"HUM","value":61},{"name":"TEMP","value":%v}],"states":[]}`, valuesOf(have)[0].Num)
	default:
		http.Error(w, "no such thing", http.StatusTeapot)
	}
}

func (f *feed) webSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	defer func() { _ = c.CloseNow() }()
	ctx := c.CloseRead(r.Context())
	_ = c.Write(ctx, websocket.MessageText, []byte(position))
	f.from(r.WithContext(ctx), 0, func(text []byte) error { return c.Write(ctx, websocket.MessageText, text) })
}

func (f *feed) stream(w http.ResponseWriter, r *http.Request, begin, each string) {
	c := http.NewResponseController(w)
	_, _ = fmt.Fprint(w, begin)
	_ = c.Flush()
	f.from(r, 0, func(text []byte) error {
		if _, err := fmt.Fprintf(w, each, text); err != nil {
			return err
		}
		return c.Flush()
	})
}

// page answers both kinds of polling: after is a number of readings here, and a
// page holds three at most.
func (f *feed) page(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.FormValue("after"))
	wait, _ := time.ParseDuration(r.FormValue("wait"))
	if err != nil || r.FormValue("kind") != "reading" {
		f.t.Errorf("asked for %s", r.URL)
	}
	have, more := f.now()
	if have == after && wait > 0 {
		select {
		case <-more:
		case <-r.Context().Done():
		}
		have, _ = f.now()
	}
	upto := min(have, after+3)
	var events []string
	for n := after + 1; n <= upto; n++ {
		events = append(events, string(appendEvent(nil, n, mqttBoot, time.Now())))
	}
	fmt.Fprintf(w, `{"events":[%s],"next":"%d","more":%t}`, strings.Join(events, ","), upto, upto < have)
}
