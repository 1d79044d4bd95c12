package gateway

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
)

const hello = `{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"UP":734000,"LED":0}`

// greeted is a board that said HELLO and was answered.
func (r *rig) greeted() *board {
	r.t.Helper()
	b := r.dial()
	b.send(hello)
	b.want("WELCOME")
	return b
}

// wantDesired waits for the desired message, and nothing before it.
func (b *board) wantDesired(led, rev float64) map[string]any {
	b.r.t.Helper()
	m := b.want("REV")
	if m["LED"] != led || m["REV"] != rev || m["IDDEVICE"] != 101.0 || m["WELCOME"] != nil {
		b.r.t.Fatalf("got %v, want LED %v REV %v", m, led, rev)
	}
	return m
}

// quiet proves that nothing was sent: what answers the next message comes first.
func (b *board) quiet() {
	b.r.t.Helper()
	b.send(`{"IDDEVICE":101,"TEMP":"?"}`)
	b.want("ERROR")
}

// later is a round of the gateway that much after now.
func (r *rig) later(after time.Duration) { r.round(r.g.uptime() + after) }

// round is one of the gateway's that finds nobody busy with what was answered
// before.
func (r *rig) round(now time.Duration) {
	r.g.mu.Lock()
	all := slices.Collect(maps.Values(r.g.devices))
	r.g.mu.Unlock()
	for _, d := range all {
		d.mu.Lock()
		_ = d.gone // whoever had it is done
		d.mu.Unlock()
	}
	r.g.runRound(now)
}

// wantSent waits until the log has these sent, each once. It is told right behind
// the writing.
func (r *rig) wantSent(keys ...vaiven.Key) {
	r.t.Helper()
	r.until("sent is recorded", func() bool { return len(r.sentKeys()) >= len(keys) })
	if got := r.sentKeys(); !slices.Equal(got, keys) {
		r.t.Errorf("sent %v, want %v", got, keys)
	}
}

func (r *rig) sentKeys() (keys []vaiven.Key) {
	for _, e := range events[*vaiven.Sent](r.m) {
		keys = append(keys, e.Key)
	}
	return keys
}

func TestChangeIsSentAtOnceAndConfirmed(t *testing.T) {
	r := startWithTwins(t)
	b := r.greeted()
	key := r.ask("101", 1, led(1))
	if m := b.wantDesired(1, 1); m["UNTIL"] != nil {
		t.Errorf("UNTIL without a deadline: %v", m)
	}
	b.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
	r.until("confirmed", func() bool { return slices.Equal(r.ends("101"), []string{"confirmed"}) })
	r.wantSent(key)
	e := events[*vaiven.ChangeEnd](r.m)[0]
	if e.Key != key || e.Rev != 1 || e.By != "test" || e.Asked == 0 || !slices.Equal(e.States, led(1)) {
		t.Errorf("end %+v", e)
	}
	var order []string
	for _, e := range events[vaiven.Event](r.m) {
		switch e.(type) {
		case *vaiven.Change:
			order = append(order, "change")
		case *vaiven.Sent:
			order = append(order, "sent")
		case *vaiven.Report:
			order = append(order, "report")
		case *vaiven.ChangeEnd:
			order = append(order, "end")
		}
	}
	if !slices.Equal(order, []string{"change", "sent", "report", "end"}) {
		t.Errorf("in the log: %v", order)
	}
}

func TestManyChangesAreSentAsTheLast(t *testing.T) {
	r := startWithTwins(t)
	b := r.greeted()
	for i := range 50 {
		r.ask("101", i+1, led(float64(i%2)))
	}
	for {
		if m := b.want("REV"); m["REV"] == 50.0 {
			break
		}
	}
	b.send(`{"IDDEVICE":101,"LED":1,"REV":50}`)
	r.until("confirmed", func() bool { return slices.Equal(r.ends("101"), []string{"confirmed"}) })
}

func TestAllDesiredStatesAreInTheMessage(t *testing.T) {
	r := startWithTwins(t)
	b := r.dial()
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"STATES":"RELAY,FAN","LED":0,"RELAY":0,"FAN":0}`)
	b.want("WELCOME")
	r.ask("101", 1, led(1))
	b.wantDesired(1, 1)
	r.ask("101", 2, []vaiven.Value{{Name: "FAN", Num: 0.5}})
	if m := b.wantDesired(1, 2); m["FAN"] != 0.5 || m["RELAY"] != nil {
		t.Errorf("desired %v", m)
	}
	if got := events[*vaiven.Hello](r.m)[0].Names; !slices.Equal(got, []string{"RELAY", "FAN"}) {
		t.Errorf("the log knows the states %v", got)
	}
	b.send(`{"IDDEVICE":101,"LED":1,"FAN":0.5,"REV":2}`)
	r.until("both confirmed", func() bool { return len(r.ends("101")) == 2 })
}

func TestWelcomeCarriesDesiredStates(t *testing.T) {
	r := startWithTwins(t)
	key := r.ask("101", 1, led(1))
	b := r.dial()
	b.send(hello)
	if m := b.want("WELCOME"); m["LED"] != 1.0 || m["REV"] != 1.0 {
		t.Errorf("WELCOME %v", m)
	}
	r.wantSent(key)
	b.quiet()
}

func TestDeadlineComesInAMessageOfItsOwn(t *testing.T) {
	r := startWithTwins(t)
	deadline := r.g.o.Stamp().At + 60_000
	r.ask("101", 1, led(1), func(c *vaiven.Change) { c.Deadline = deadline })
	b := r.dial()
	before := r.g.o.Stamp().At
	b.send(hello)
	if m := b.want("WELCOME"); m["LED"] != nil || m["REV"] != nil {
		t.Errorf("WELCOME %v carries a state with a deadline", m)
	}
	until := b.wantDesired(1, 1)["UNTIL"].(float64)
	if latest := 734000 + float64(deadline-before); until >= latest || until <= 734000 {
		t.Errorf("UNTIL %v, want before %v", until, latest)
	}
}

// UNTIL goes on with the board's clock, which runs from its HELLO on.
func TestUntilIsOnTheBoardsClock(t *testing.T) {
	r := startWithTwins(t)
	r.greeted()
	d := r.g.lockDevice("101", true)
	defer d.mu.Unlock()
	d.greeting.at -= 10 * time.Second // HELLO came ten seconds ago
	now := r.g.o.Stamp().At
	want := vaiven.Desired{Rev: 3, States: led(1), Until: now + 1000, Open: []vaiven.Pending{{Rev: 3, States: led(1), Asked: now, Deadline: now + 1000}}}
	d.delivery = new(delivery)
	d.delivery.holdDeadlines(want, r.g.uptime(), now)
	m := string(r.g.desiredMessage(d, want))
	var until int64
	for _, c := range m[len(`{"IDDEVICE":101,"LED":1,"REV":3,"UNTIL":`) : len(m)-1] {
		until = until*10 + int64(c-'0')
	}
	if until < 744_000 || until >= 745_000+patience.Milliseconds() || until > 745_000+(r.g.uptime()-d.greeting.at).Milliseconds()-10_000 {
		t.Errorf("%s", m)
	}
}

// A server's clock that is set back while a deadline is open would otherwise
// tell the board to take the change an hour late.
func TestUntilDoesNotFollowAClockThatIsSetBack(t *testing.T) {
	var back atomic.Int64
	r := startWithTwins(t, func(o *Options) {
		stamp := o.Stamp
		o.Stamp = func() vaiven.Stamp {
			s := stamp()
			s.At -= back.Load()
			return s
		}
	})
	r.greeted()
	r.ask("101", 1, led(1), func(c *vaiven.Change) { c.Deadline = c.At + 60_000 })
	r.until("delivered", func() bool { return r.g.Stats().Delivered.Load() == 1 })
	said := func() int64 {
		d := r.g.lockDevice("101", true)
		defer d.mu.Unlock()
		var m struct{ UNTIL int64 }
		if err := json.Unmarshal(r.g.desiredMessage(d, r.g.desiredOf(d)), &m); err != nil {
			t.Error(err)
		}
		return m.UNTIL
	}
	first := said()
	back.Store(time.Hour.Milliseconds())
	if again := said(); again > first || again < first-1000 {
		t.Errorf("UNTIL %d becomes %d", first, again)
	}
	back.Store(-time.Hour.Milliseconds())
	if again := said(); again > first-59*60_000 {
		t.Errorf("UNTIL %d stays %d although the clock was set forward", first, again)
	}
}

func TestBoardWithoutUpRefusesADeadline(t *testing.T) {
	for name, begin := range map[string]string{
		"course":      `{"IDDEVICE":101,"TEMP":20}`,
		"hello":       `{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1}`,
		"seq, no UP":  `{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`,
		"state alone": `{"IDDEVICE":101,"LED":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := startWithTwins(t)
			within := func(c *vaiven.Change) { c.Deadline = c.At + 60_000 }
			r.ask("101", 1, led(1), within)
			b := r.dial()
			b.send("%s", begin)
			r.until("refused", func() bool { return slices.Equal(r.ends("101"), []string{"refused no_up"}) })
			r.ask("101", 2, led(1), within)
			r.until("refused while connected", func() bool { return len(r.ends("101")) == 2 })
			if got := r.sentKeys(); len(got) != 0 {
				t.Errorf("sent %v", got)
			}
		})
	}
}

// A refusal takes back only what the change asked for.
func TestRestIsSentAfterARefusal(t *testing.T) {
	r := startWithTwins(t)
	r.ask("101", 1, led(1))
	r.ask("101", 2, []vaiven.Value{{Name: "FAN", Num: 1}}, func(c *vaiven.Change) { c.Deadline = c.At + 60_000 })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":20}`)
	if m := b.wantDesired(1, 2); m["FAN"] != nil || m["UNTIL"] != nil {
		t.Errorf("got %v", m)
	}
}

func TestExpiredStateIsNeverSent(t *testing.T) {
	r := startWithTwins(t)
	r.ask("101", 1, led(1), func(c *vaiven.Change) { c.Deadline = c.At - 1 })
	b := r.dial()
	b.send(hello)
	if m := b.want("WELCOME"); m["LED"] != nil {
		t.Errorf("WELCOME %v", m)
	}
	r.later(time.Hour)
	b.quiet()
	if got := r.sentKeys(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestCourseBoardIsToldAfterItsFirstReading(t *testing.T) {
	r := startWithTwins(t)
	first := r.ask("101", 1, led(1))
	for range 2 {
		b := r.dial()
		b.send(`{"IDDEVICE":101,"TEMP":20}`)
		b.wantDesired(1, 1)
		b.send(`{"IDDEVICE":101,"TEMP":21}`)
		r.later(time.Hour) // nothing is repeated to a board that does not report
		b.quiet()
		_ = b.c.Close(websocket.StatusNormalClosure, "")
		r.until("gone", func() bool { return !r.g.Connected("101") })
	}
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":20}`)
	b.wantDesired(1, 1)
	second := r.ask("101", 2, led(0))
	b.wantDesired(0, 2)
	r.wantSent(first, second)
}

func TestBareWordsForSketchesThatCompareText(t *testing.T) {
	r := startWithTwins(t, func(o *Options) { o.LedText = [2]string{"encender", "apagar"} })
	c, _, err := websocket.Dial(t.Context(), r.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	read := func(want string) {
		t.Helper()
		if _, p, err := c.Read(ctx); err != nil || string(p) != want {
			t.Fatalf("got %q %v, want %s", p, err, want)
		}
	}
	r.ask("101", 1, led(1))
	if err := c.Write(ctx, websocket.MessageText, []byte(`{"IDDEVICE":101,"TEMP":20}`)); err != nil {
		t.Fatal(err)
	}
	read("encender")
	r.ask("101", 2, led(0))
	read("apagar")
	r.ask("101", 3, []vaiven.Value{{Name: "FAN", Num: 2}})
	read("apagar")
	read(`{"IDDEVICE":101,"FAN":2,"REV":3}`)
	_ = c.CloseNow()
	r.until("gone", func() bool { return !r.g.Connected("101") })
	b := r.dial() // one that says HELLO reads JSON
	b.send(hello)
	if m := b.want("WELCOME"); m["LED"] != 0.0 {
		t.Errorf("WELCOME %v", m)
	}
}

func TestUnconfirmedIsSentAgain(t *testing.T) {
	r := startWithTwins(t)
	b := r.greeted()
	key := r.ask("101", 1, led(1))
	b.wantDesired(1, 1)
	at := r.g.uptime()
	for _, wait := range []int{5, 10, 20, 40, 60, 60} {
		at += time.Duration(wait) * time.Second
		r.round(at - time.Second)
		b.quiet()
		r.round(at)
		b.wantDesired(1, 1)
	}
	b.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
	r.until("confirmed", func() bool { return len(r.ends("101")) == 1 })
	r.round(at + time.Hour)
	b.quiet()
	r.wantSent(key)
}

// A board that was told and changes its mind without a word of why is told again.
func TestDifferentStateIsCorrected(t *testing.T) {
	r := startWithTwins(t)
	b := r.greeted()
	r.ask("101", 1, led(1))
	b.wantDesired(1, 1)
	b.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
	r.until("confirmed", func() bool { return len(r.ends("101")) == 1 })
	b.send(`{"IDDEVICE":101,"TEMP":20,"LED":0}`)
	r.until("read", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	b.quiet()
	r.later(firstRepeat)
	b.wantDesired(1, 1)
}

func TestDeliveryToNobodyCostsNothing(t *testing.T) {
	r := startWithTwins(t)
	for i := range 1000 {
		r.ask("404", i+1, led(1))
	}
	q := &r.g.changed
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.known() != 0 || len(q.queue) != 0 {
		t.Errorf("%d devices, %d in the queue", r.known(), len(q.queue))
	}
}

// What was sent while the log was busy is said before its confirmation.
func TestSentIsRecordedWhenTheLogIsBack(t *testing.T) {
	for name, report := range map[string]bool{"by the report": true, "by the next round": false} {
		t.Run(name, func(t *testing.T) {
			r := startWithTwins(t)
			b := r.greeted()
			r.m.twins.late = true
			key := r.ask("101", 1, led(1))
			r.m.set(func() { r.m.busy = true })
			r.m.twins.catchUp()
			b.wantDesired(1, 1)
			d := r.g.lockDevice("101", true) // the worker has tried
			d.mu.Unlock()
			r.m.set(func() { r.m.busy = false })
			if report {
				b.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
				r.until("confirmed", func() bool { return len(r.ends("101")) == 1 })
			} else {
				r.later(retryEvery)
			}
			r.wantSent(key)
		})
	}
}
