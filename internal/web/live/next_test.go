package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaiven"
	"vaiven/internal/event"
)

// world is a feed without a server, whose pump may be behind the log.
func world(t failer, o Options) *rig {
	t.Helper()
	r := &rig{book: &book{}}
	o.History = r.book
	if o.Encode == nil {
		o.Encode = encode("")
	}
	f, err := New(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	r.Feed = f
	return r
}

// reader is a follower without a socket.
type reader struct {
	at   vaiven.ID
	from vaiven.ID
	flt  event.Filter
	got  []string
	b    Batch
}

func (rd *reader) read(t failer, f *Feed, m Max) int {
	t.Helper()
	next, err := f.Next(context.Background(), rd.at, &rd.flt, m, 0, &rd.b)
	if err != nil || next.Record < rd.at.Record {
		t.Fatalf("from %s to %s: %v", rd.at, next, err)
	}
	rd.at = next
	for _, e := range rd.b.Events {
		rd.got = append(rd.got, e.ID.String())
		if !strings.HasPrefix(string(rd.b.JSON(e)), `{"id":"`+e.ID.String()+`"`) {
			t.Fatalf("%s has %s", e.ID, rd.b.JSON(e))
		}
	}
	return len(rd.b.Events)
}

func drawRecord(t *rapid.T) []vaiven.Event {
	events := make([]vaiven.Event, rapid.IntRange(1, 4).Draw(t, "events"))
	for i := range events {
		if k := rapid.IntRange(0, 5).Draw(t, "event"); k > 0 {
			events[i] = reading(vaiven.Device(fmt.Sprint("10", k)))
		}
	}
	return events
}

func drawFilter(t *rapid.T) event.Filter {
	f := event.Filter{}
	for range rapid.IntRange(0, 2).Draw(t, "devices") {
		if f.Devices == nil {
			f.Devices = map[vaiven.Device]bool{}
		}
		f.Devices[vaiven.Device(fmt.Sprint("10", rapid.IntRange(1, 6).Draw(t, "device")))] = true
	}
	return f
}

// Whatever the ring's size, the pump's delay, the batches and the moments at
// which followers come, each gets everything once and in order.
func TestNothingIsMissedOrRepeated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := world(t, Options{
			MaxEvents: rapid.IntRange(1, 12).Draw(t, "ring"), MaxBytes: rapid.IntRange(1, 600).Draw(t, "bytes"),
		})
		for range rapid.IntRange(0, 5).Draw(t, "before the feed") {
			r.book.add(drawRecord(t)...)
			r.book.handed++
		}
		var readers []*reader
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) { r.book.add(drawRecord(t)...) },
			"hand":   func(t *rapid.T) { r.book.hand(r.Feed, rapid.IntRange(1, 3).Draw(t, "records")) },
			"follow": func(t *rapid.T) {
				rd := &reader{flt: drawFilter(t), from: r.Now()}
				if rapid.Bool().Draw(t, "from some id") {
					rd.from = vaiven.ID{Record: uint64(rapid.IntRange(0, int(r.book.Position())).Draw(t, "record")), Index: uint32(rapid.IntRange(0, 4).Draw(t, "index"))}
				}
				rd.at = rd.from
				readers = append(readers, rd)
			},
			"read": func(t *rapid.T) {
				if len(readers) == 0 {
					return
				}
				rd := rapid.SampledFrom(readers).Draw(t, "reader")
				rd.read(t, r.Feed, Max{rapid.IntRange(1, 5).Draw(t, "max"), rapid.IntRange(1, 300).Draw(t, "bytes")})
			},
		})
		r.book.hand(r.Feed, 1<<30)
		for _, rd := range readers {
			for at := (vaiven.ID{}); rd.read(t, r.Feed, streamMax) > 0 || at != rd.at; {
				at = rd.at
			}
			same(t, "reader", rd.got, r.book.ids(rd.from, &rd.flt))
		}
	})
}

// The same over sockets, with connections that break off anywhere.
func TestBrokenConnectionsResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, stop := start(t, Options{MaxEvents: rapid.IntRange(1, 20).Draw(t, "ring"), Linger: -1})
		defer stop()
		tr := Transport(rapid.IntRange(0, int(transports)-1).Draw(t, "transport"))
		at, got := "0", []string{}
		var l line
		defer func() {
			if l != nil {
				l.cut()
			}
		}()
		read := func(n int) {
			for n > 0 {
				if l == nil {
					var err error
					if l, err = r.connect(tr, at, "limit=3&wait=10s"); err != nil {
						t.Fatalf("%v", err)
					}
				}
				m, err := l.next()
				if err != nil {
					t.Fatalf("%v", err)
				}
				if at = m.id; m.kind != "position" {
					got = append(got, m.id)
					n--
				}
			}
		}
		due := func() int { return len(r.book.ids(vaiven.ID{}, &event.Filter{})) - len(got) }
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) { r.book.say(r.Feed, drawRecord(t)...) },
			"read":   func(t *rapid.T) { read(rapid.IntRange(0, due()).Draw(t, "events")) },
			"break": func(t *rapid.T) {
				if l != nil {
					l.cut()
					l = nil
				}
			},
		})
		read(due())
		same(t, tr.String(), got, r.book.ids(vaiven.ID{}, &event.Filter{}))
	})
}

func TestReadersOfTheLogAreBounded(t *testing.T) {
	r := begin(t, Options{Readers: 2, ReaderWait: 10 * time.Millisecond, MaxEvents: 1})
	block := make(chan struct{})
	r.book.block = block
	for range 10 {
		r.book.say(r.Feed, reading("101"))
	}
	lines := []line{}
	for range 2 {
		l, err := r.connect(NDJSON, "0", "")
		if err != nil {
			t.Fatal(err)
		}
		defer l.cut()
		lines = append(lines, l)
	}
	until(t, "both read", func() bool { return r.Stats().Readings == 2 })
	each(t, func(t *testing.T, tr Transport) {
		if tr == Poll {
			if no := problemOf(t, r.ask(tr, "0", ""), 503); no.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
		l, err := r.connect(tr, "0", "")
		if err != nil {
			t.Fatal(err)
		}
		defer l.cut()
		ended(t, tr, l, Busy, "0.0")
	})
	if s := r.Stats(); s.Ended["busy"] != 4 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	close(block)
	for _, l := range lines {
		same(t, "who came first", collect(t, l, 10), r.book.ids(vaiven.ID{}, &event.Filter{}))
	}
}

func TestLogThatCannotBeRead(t *testing.T) {
	r := begin(t, Options{MaxEvents: 1})
	for range 3 {
		r.book.say(r.Feed, reading("101"))
	}
	r.book.readErr = errors.New("the disk is gone")
	each(t, func(t *testing.T, tr Transport) {
		if tr == Poll {
			problemOf(t, r.ask(tr, "0", ""), 500)
			return
		}
		l, err := r.connect(tr, "0", "")
		if err != nil {
			t.Fatal(err)
		}
		defer l.cut()
		ended(t, tr, l, Failed, "0.0")
	})
}

func TestWhatAFeedNeeds(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a feed of nothing")
	}
	r := world(t, Options{})
	if b, err := r.Snapshot(); b != nil || err != nil || r.Name() != "live" {
		t.Error(b, err)
	}
	r.book.say(r.Feed, reading("101"), reading("102"))
	_ = r.Apply(1, r.book.records[0]) // once more, as after an error
	if s := r.Stats(); s.RingEvents != 2 {
		t.Errorf("%+v", s)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(t.Context(), r.Now(), &event.Filter{}, streamMax, patience, new(Batch)); !errors.Is(err, errShutdown) {
		t.Error(err)
	}
}

// What is written to a socket in any pieces counts each text once.
func TestFramesAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire []byte
		want := uint64(0)
		for range rapid.IntRange(0, 6).Draw(t, "frames") {
			op := rapid.SampledFrom([]byte{1, 8, 9, 10}).Draw(t, "op")
			n := rapid.SampledFrom([]int{0, 1, 125, 126, 127, 65535, 65536}).Draw(t, "size")
			wire = append(wire, 0x80|op)
			switch {
			case n < 126:
				wire = append(wire, byte(n))
			case n < 1<<16:
				wire = append(wire, 126, byte(n>>8), byte(n))
			default:
				wire = append(wire, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
			}
			wire = append(wire, make([]byte, n)...)
			if op == 1 {
				want++
			}
		}
		var f frameCounter
		got := uint64(0)
		for len(wire) > 0 {
			n := min(rapid.SampledFrom([]int{1, 2, 3, 100, 1 << 20}).Draw(t, "piece"), len(wire))
			got += f.countTexts(wire[:n])
			wire = wire[n:]
		}
		if got != want || f.rest != 0 || f.got != 0 {
			t.Fatalf("%d texts, want %d", got, want)
		}
	})
}
