package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
)

// slide is the course's line as it is printed, typed as it stands.
var slide = strings.ReplaceAll(`{IDDEVICE: N, TEMP: N, HUM: N}`, "N", "X"+"XX")

// refusedMessages are messages of which nothing is taken, each with an id in it.
var refusedMessages = map[string]string{
	"the slide, literally":    slide,
	"an id that is none":      `{"IDDEVICE":0x65,"TEMP":20}`,
	"text":                    `{"IDDEVICE":101,"TEMP":"24.5"}`,
	"a broken sensor":         `{"IDDEVICE":101,"TEMP":nan}`,
	"out of range":            `{"IDDEVICE":101,"TEMP":900}`,
	"nothing measured":        `{"IDDEVICE":101,"TEMP":null}`,
	"a SEQ without a BOOT":    `{"IDDEVICE":101,"SEQ":1,"TEMP":20}`,
	"such a SEQ, refused":     `{"IDDEVICE":101,"SEQ":1,"TEMP":900}`,
	"a bad BOOT":              `{"IDDEVICE":101,"BOOT":"x","SEQ":1,"TEMP":20}`,
	"a HELLO turned around":   `{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":9,"NEXT":2}`,
	"a message cut in pieces": `{"IDDEVICE":101,"TEMP":`,
}

func TestWhoIsOnlyRefusedIsNobody(t *testing.T) {
	for name, message := range refusedMessages {
		t.Run(name, func(t *testing.T) {
			r := start(t, Limit{Readings: 2, For: time.Hour})
			b := r.dial()
			b.send("%s", message)
			if m := b.want("ERROR"); m["CODE"] == nil {
				t.Errorf("told %v", m)
			}
			if r.known() != 0 || r.g.Connected("101") {
				t.Errorf("%d devices are known", r.known())
			}
			_ = b.c.CloseNow()
			r.until("gone", func() bool { return r.g.Stats().Connections.Load() == 0 })
			for _, e := range events[vaiven.Event](r.m) {
				if !vaiven.Refuses(e) {
					t.Errorf("the log has %T %+v", e, e)
				}
			}
			if got := events[*vaiven.Rejected](r.m); len(got) != 1 || got[0].Text == "" {
				t.Errorf("rejected %+v", got)
			}
			r.dial().send(`{"IDDEVICE":101,"TEMP":20}`)
			r.until("it begins with what is taken", func() bool { return len(events[*vaiven.SessionStart](r.m)) == 1 })
		})
	}
}

// The same over HTTP: the presence of a board that brought nothing is over.
func TestWhoIsOnlyRefusedOverHTTPIsNobody(t *testing.T) {
	for name, message := range refusedMessages {
		t.Run(name, func(t *testing.T) {
			r := start(t, Limit{Readings: 2})
			if a := r.post(home, "%s", message); a.Refused != 1 {
				t.Errorf("result %+v", a.PostResult)
			}
			if n := len(r.g.presences.all); n != 0 || r.g.Connected("101") {
				t.Errorf("%d presences go on", n)
			}
			if got := len(events[*vaiven.Presence](r.m)) + len(events[*vaiven.SessionStart](r.m)); got != 0 {
				t.Errorf("%d events of presence and session", got)
			}
		})
	}
}

// A SEQ that is refused for good is settled, and makes no device either.
func TestARefusedSEQIsSettledAndNobody(t *testing.T) {
	r := start(t, Limit{Readings: 1})
	b := r.dial()
	b.send(reading, 1, 900)
	b.wantAckAmongErrors(1)
	if got := len(events[*vaiven.Presence](r.m)) + len(events[*vaiven.SessionStart](r.m)); got != 0 || r.g.Connected("101") {
		t.Errorf("%d events of presence and session", got)
	}
	if err := r.g.NewSession(t.Context(), "101"); err != nil || len(events[*vaiven.SessionStart](r.m)) != 0 {
		t.Errorf("a session began for nobody: %v", err)
	}
	b.send(reading, 2, 20)
	b.wantAckAmongErrors(2) // the first one's error may come behind its ACK
	b.want("BYE")
	b.wantClose(websocket.StatusNormalClosure)
	r.until("it has left", func() bool { return slices.Equal(r.presences("101"), []string{"here", "gone 0"}) })
}

// A broken message that names a board which is connected neither asks nor moves
// that board.
func TestARefusedMessageTakesNobodysPlace(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	stranger := r.dial()
	for _, message := range []string{`{"IDDEVICE":101,"TEMP":"x"}`, `{"IDDEVICE":101,"SEQ":2,"TEMP":1}`} {
		stranger.send("%s", message)
		if m := stranger.want("CODE"); m["CODE"] == "device_in_use" {
			t.Errorf("%s: told %v", message, m)
		}
	}
	b.send(reading, 2, 20)
	b.wantAck(2)
	if n := len(events[*vaiven.Conflict](r.m)); n != 0 || r.g.Stats().Takeovers.Load() != 0 {
		t.Errorf("%d conflicts, %d takeovers", n, r.g.Stats().Takeovers.Load())
	}
}

// Nor does one that was only refused keep the place from the board that it names.
func TestWhoIsOnlyRefusedKeepsNobodyOut(t *testing.T) {
	r := start(t, Limit{})
	stranger := r.dial()
	stranger.send(`{"IDDEVICE":101,"BOOT":"aaaaaaaa","SEQ":1,"TEMP":900}`)
	stranger.wantAckAmongErrors(1)
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	if n := len(events[*vaiven.Conflict](r.m)); n != 0 || r.g.Stats().Takeovers.Load() != 0 {
		t.Errorf("%d conflicts, %d takeovers", n, r.g.Stats().Takeovers.Load())
	}
	stranger.wantClose(4409)
}

// A board that the log cannot take has not arrived.
func TestWhoIsRefusedForNowHasNotArrived(t *testing.T) {
	r := start(t, Limit{Readings: 2})
	r.m.set(func() { r.m.busy = true })
	b := r.dial()
	b.send(reading, 1, 20)
	if m := b.want("CODE"); m["CODE"] != "busy" {
		t.Errorf("told %v", m)
	}
	if r.g.Connected("101") {
		t.Error("it counts as connected")
	}
	r.m.set(func() { r.m.busy = false })
	b.send(reading, 1, 20)
	b.wantAck(1)
	if got := events[*vaiven.SessionStart](r.m); len(got) != 1 {
		t.Errorf("%d sessions began", len(got))
	}
}

func withColumns(o *Options) { o.Columns = []string{"TEMP", "HUM"} }

func TestWhatHasNoColumnIsStoredNotCountedAndTold(t *testing.T) {
	r := start(t, Limit{Readings: 2}, withColumns)
	b := r.dial()
	for range 3 {
		b.send(`{"IDDEVICE":105,"temperatura":24.5,"humedad":61,"CO2":415}`)
	}
	for i, want := range []string{"TEMPERATURA has no column in the CSV, which has TEMP, HUM: write TEMP", "HUMEDAD has", "CO2 has"} {
		if m := b.want("ERROR"); !strings.HasPrefix(m["ERROR"].(string), want) || m["SEQ"] != nil {
			t.Errorf("%d: told %v", i, m)
		}
	}
	b.send(`{"IDDEVICE":105,"TEMP":24.5,"LUX":3}`)
	b.send(`{"IDDEVICE":105,"HUM":61}`)
	if m := b.want(""); m["BYE"] != "2 readings received" { // it was told of each name once
		t.Errorf("told %v", m)
	}
	var counted []bool
	for _, e := range events[*vaiven.Reading](r.m) {
		counted = append(counted, !e.Uncounted)
	}
	if !slices.Equal(counted, []bool{false, false, false, true, true}) {
		t.Errorf("counted %v", counted)
	}
	r.until("a person is told of all four names", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.notices) == 4
	})
	if end := events[*vaiven.SessionEnd](r.m); len(end) != 1 || end[0].Count != 2 {
		t.Errorf("end %+v", end)
	}
}

// What a SEQ brings without a column is acknowledged like any other.
func TestWhatHasNoColumnIsAcknowledged(t *testing.T) {
	r := start(t, Limit{Readings: 2}, withColumns)
	b := r.dial()
	b.send(`{"IDDEVICE":105,"BOOT":"9f3c02aa","SEQ":1,"CO2":415}`)
	b.wantAckAmongErrors(1)
}

func TestTenReadingsInOneMessageEndNoSession(t *testing.T) {
	r := start(t, Limit{Readings: 10, Rate: 10})
	b := r.dial()
	ten := strings.TrimSuffix(strings.Repeat(`{"IDDEVICE":101,"TEMP":20},`, 10), ",")
	b.send("[%s]", ten)
	r.until("stored", func() bool { return len(events[*vaiven.Reading](r.m)) == 10 })
	if n := len(events[*vaiven.SessionEnd](r.m)); n != 0 {
		t.Error("the session is over")
	}
	r.until("said", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.notices) == 1 })
	if text := r.notices[0].Text; !strings.Contains(text, "10 readings a second") {
		t.Errorf("said %q", text)
	}
	s, _ := r.m.Session("101")
	d := r.g.lockDevice("101", true)
	defer d.mu.Unlock()
	if s.Count != d.session.n || s.Count != together {
		t.Errorf("the log counts %d, the gateway %d, want %d", s.Count, d.session.n, together)
	}
}

// A board that was away brings what it measured meanwhile, in one message: that
// has its own pace. Ages from before the session explain nothing.
func TestABacklogHasItsOwnPace(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		name string
		now  []time.Duration // of reception, in the session
		age  []time.Duration
		want int
	}{
		{"one every 2 s", []time.Duration{0, 2 * second, 4 * second}, []time.Duration{0, 0, 0}, 3},
		{"ten at once", slices.Repeat([]time.Duration{second}, 10), make([]time.Duration, 10), together},
		{"a backlog of ten", slices.Repeat([]time.Duration{100 * second}, 10), steps(10, 20*second, 2*second), 10},
		{"ages from before the session", slices.Repeat([]time.Duration{0}, 10), steps(10, 20*second, 2*second), together},
		{"ages from the future", slices.Repeat([]time.Duration{second}, 10), steps(10, -second, second), together},
		{"a clock that is an hour slow", steps(10, 0, -2*second), slices.Repeat([]time.Duration{time.Hour}, 10), 10},
		{"exactly at the rate", steps(50, 0, -100*time.Millisecond), make([]time.Duration, 50), 50},
	} {
		r, got := rhythm{since: time.Hour}, 0
		for i := range c.now {
			if r.counts(time.Hour+c.now[i], c.age[i], 10) {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%s: %d count, want %d", c.name, got, c.want)
		}
	}
}

// steps are n times, each less than the one before.
func steps(n int, from, by time.Duration) (all []time.Duration) {
	for i := range n {
		all = append(all, from-time.Duration(i)*by)
	}
	return all
}

func TestNamesWithoutAColumnAreBounded(t *testing.T) {
	r := start(t, Limit{}, withColumns)
	b := r.dial()
	for i := range 20 {
		var values []string
		for j := range 30 {
			values = append(values, fmt.Sprintf(`"N%d_%d":1`, i, j))
		}
		b.send(`{"IDDEVICE":1,"TEMP":1,%s}`, strings.Join(values, ","))
	}
	r.until("stored", func() bool { return len(events[*vaiven.Reading](r.m)) == 20 })
	d := r.g.lockDevice("001", true)
	d.mu.Unlock()
	c := d.conn.Load()
	r.until("handled", func() bool { return !c.peer.(*webSocket).handling.Load() })
	if n := len(c.withoutColumn); n != maxUnlisted {
		t.Errorf("%d names are remembered", n)
	}
}
