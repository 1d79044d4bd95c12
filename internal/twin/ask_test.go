package twin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
)

// running is a twin with a log and a keeper, in real time.
func running(t *testing.T, o Options) (*fakeLog, *Twin) {
	t.Helper()
	l := newFakeLog(t)
	l.commit = 0
	tw := l.replay(o)
	t.Cleanup(l.process(tw))
	return l, tw
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func ask(t *testing.T, tw *Twin, r vaiven.ChangeRequest) vaiven.ChangeResult {
	t.Helper()
	if r.Device == "" {
		r.Device = "101"
	}
	a, err := tw.Ask(within(t), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAsk(t *testing.T) {
	_, tw := running(t, Options{})
	a := ask(t, tw, vaiven.ChangeRequest{States: values("RELAY", 1), Toggle: []string{"LED"}, By: "test"})
	if a.Rev != 1 || a.Refused != "" || len(a.Key) != 16 || fmt.Sprint(a.Values) != "[{LED 1} {RELAY 1}]" {
		t.Errorf("%+v", a)
	}
	b := ask(t, tw, vaiven.ChangeRequest{Toggle: []string{"LED"}, HasIf: true, If: 1})
	if b.Rev != 2 || fmt.Sprint(b.Values) != "[{LED 0}]" || b.Key == a.Key {
		t.Errorf("%+v", b)
	}
	c := ask(t, tw, vaiven.ChangeRequest{Toggle: []string{"LED"}, HasIf: true, If: 1})
	if c.Rev != 0 || c.Refused != vaiven.RefusedRev {
		t.Errorf("%+v", c)
	}
	end, err := tw.Wait(within(t), "101", a.Key)
	if err != nil || end.Outcome != vaiven.Overtaken || end.By != "test" || end.Rev != 1 {
		t.Errorf("%+v, %v", end, err)
	}
	if end, err = tw.Wait(within(t), "101", c.Key); err != nil || end.Outcome != vaiven.Refused || end.Reason != vaiven.RefusedRev {
		t.Errorf("%+v, %v", end, err)
	}
	if end, err = tw.Wait(within(t), "101", c.Key); err != nil || end.Outcome != vaiven.Refused { // again
		t.Errorf("%+v, %v", end, err)
	}
}

func TestAskingAgainIsTheSameChange(t *testing.T) {
	l, tw := running(t, Options{})
	r := vaiven.ChangeRequest{Toggle: []string{"LED"}, Key: "00000000000000AB"}
	first := ask(t, tw, r)
	if again := ask(t, tw, r); again.Rev != 1 || again.Key != "00000000000000ab" || fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("%+v, then %+v", first, again)
	}
	l.put(ends(1, 0xab, vaiven.Confirmed))
	if again := ask(t, tw, r); again.Rev != 1 {
		t.Errorf("%+v", again)
	}
	two := tw.AskMany(within(t), []vaiven.ChangeRequest{
		{Device: "101", Toggle: []string{"LED"}, Key: key(7)}, {Device: "101", Toggle: []string{"LED"}, Key: key(7)},
	})
	if two[0].Rev != 2 || two[1].Rev != 2 || two[0].Err != nil || two[1].Err != nil {
		t.Errorf("%+v", two)
	}
	old := ask(t, tw, vaiven.ChangeRequest{States: values("X", 1), HasIf: true, If: 99, Key: key(8)})
	if _, err := tw.Wait(within(t), "101", key(8)); err != nil {
		t.Error(err)
	}
	if again := ask(t, tw, vaiven.ChangeRequest{States: values("X", 1), Key: key(8)}); again.Refused != vaiven.RefusedRev || old.Refused != again.Refused {
		t.Errorf("%+v", again)
	}
}

func TestSeveralDevicesInOneRequest(t *testing.T) {
	l, tw := running(t, Options{})
	res := tw.AskMany(within(t), []vaiven.ChangeRequest{
		{Device: "101", States: values("LED", 1)}, {Device: "102"}, {Device: "103", States: values("LED", 1), HasIf: true, If: 4},
		{Device: "104", Toggle: []string{"LED"}, Within: time.Minute},
	})
	if res[0].Rev != 1 || res[1].Err == nil || res[2].Refused != vaiven.RefusedRev || res[3].Rev != 1 {
		t.Errorf("%+v", res)
	}
	if d, _ := tw.Desired("104"); d.Until < time.Now().UnixMilli() || d.Until-d.Open[0].Asked != 60_000 {
		t.Errorf("%+v", d)
	}
	if raw := l.all(); len(raw) < 3 || raw[0].Of() != "101" || raw[1].Of() != "103" || raw[2].Of() != "104" {
		t.Errorf("not next to each other: %v", raw)
	}
	if res := tw.AskMany(within(t), nil); len(res) != 0 {
		t.Errorf("%+v", res)
	}
}

func TestTheEarlierBoundCounts(t *testing.T) {
	_, tw := running(t, Options{Stamp: func() vaiven.Stamp { return at(1_000_000) }})
	ask(t, tw, vaiven.ChangeRequest{States: values("A", 1), Within: 2 * time.Second, Deadline: 1_009_000})
	ask(t, tw, vaiven.ChangeRequest{States: values("B", 1), Within: 2 * time.Second, Deadline: 1_001_000})
	ask(t, tw, vaiven.ChangeRequest{States: values("C", 1), Within: time.Microsecond})
	ask(t, tw, vaiven.ChangeRequest{States: values("D", 1), Deadline: 1_005_000})
	s, _ := tw.State("101")
	got := make(map[string]int64)
	for _, p := range s.Desired().Open {
		got[p.States[0].Name] = p.Deadline
	}
	for _, l := range s.Recent { // whichever expired meanwhile
		got[l.End.States[0].Name] = l.Deadline
	}
	if fmt.Sprint(got) != "map[A:1002000 B:1001000 C:1000001 D:1005000]" {
		t.Errorf("%v", got)
	}
}

func TestWhatIsWrongIsNotWritten(t *testing.T) {
	l, tw := running(t, Options{})
	many := make([]string, vaiven.MaxStates+1)
	for i := range many {
		many[i] = fmt.Sprintf("S%d", i)
	}
	for name, tt := range map[string]struct {
		r    vaiven.ChangeRequest
		code vaiven.Code
	}{
		"no device":        {vaiven.ChangeRequest{Device: "-", States: values("LED", 1)}, vaiven.CodeMissingDevice},
		"nothing":          {vaiven.ChangeRequest{}, vaiven.CodeNoValues},
		"a bad name":       {vaiven.ChangeRequest{Toggle: []string{"led"}}, vaiven.CodeBadName},
		"a reserved name":  {vaiven.ChangeRequest{States: values("REV", 1)}, vaiven.CodeBadName},
		"not a number":     {vaiven.ChangeRequest{States: []vaiven.Value{{Name: "LED", Num: math.NaN()}}}, vaiven.CodeNotANumber},
		"twice":            {vaiven.ChangeRequest{States: values("LED", 1, "LED", 0)}, vaiven.CodeBadName},
		"set and toggled":  {vaiven.ChangeRequest{States: values("LED", 1), Toggle: []string{"LED"}}, vaiven.CodeBadName},
		"too many":         {vaiven.ChangeRequest{Toggle: many}, vaiven.CodeTooLarge},
		"a negative bound": {vaiven.ChangeRequest{States: values("LED", 1), Within: -1}, vaiven.CodeOutOfRange},
		"a long name":      {vaiven.ChangeRequest{States: values("LED", 1), By: strings.Repeat("x", 200)}, vaiven.CodeTooLarge},
	} {
		switch tt.r.Device {
		case "":
			tt.r.Device = "101"
		case "-":
			tt.r.Device = ""
		}
		_, err := tw.Ask(within(t), tt.r)
		if e, ok := errors.AsType[*vaiven.Error](err); !ok || e.Code != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tw.Ask(within(t), vaiven.ChangeRequest{Device: "101", States: values("LED", 1), Key: "x"}); err == nil {
		t.Error("a bad key was taken")
	}
	if raw := l.all(); len(raw) != 0 {
		t.Errorf("written: %v", raw)
	}
	if _, err := New(Options{}).Ask(within(t), vaiven.ChangeRequest{Device: "101", States: values("LED", 1)}); err == nil {
		t.Error("without a log")
	}
}

func TestABusyLogIsTold(t *testing.T) {
	l, tw := running(t, Options{})
	known := ask(t, tw, vaiven.ChangeRequest{States: values("LED", 1)})
	l.stall(true)
	res := tw.AskMany(within(t), []vaiven.ChangeRequest{
		{Device: "101", States: values("LED", 0)}, {Device: "101", States: values("LED", 1), Key: known.Key},
	})
	if e, ok := errors.AsType[*vaiven.Error](res[0].Err); !ok || e.Code != vaiven.CodeBusy {
		t.Errorf("%v", res[0].Err)
	}
	if res[1].Err != nil || res[1].Rev != 1 {
		t.Errorf("%+v", res[1])
	}
	l.stall(false)
	if a := ask(t, tw, vaiven.ChangeRequest{States: values("LED", 0)}); a.Rev != 2 {
		t.Errorf("%+v", a)
	}
	left(t, tw)
}

// The log's readers remember so many changes without an end, and drop the ends
// of older ones. So many are not asked for that it comes to that, whether they
// are in the log or on their way.
func TestACrowdIsTurnedAway(t *testing.T) {
	l := newFakeLog(t)
	l.commit = 0
	tw := l.replay(Options{}) // no keeper writes ends
	ctx, cancel := context.WithCancel(within(t))
	var crowd sync.WaitGroup
	defer crowd.Wait()
	defer cancel()
	var busy atomic.Int64
	turnedAway := func(id vaiven.Device) bool {
		_, err := tw.Ask(ctx, vaiven.ChangeRequest{Device: id, Toggle: []string{"LED"}})
		e, ok := errors.AsType[*vaiven.Error](err)
		return ok && e.Code == vaiven.CodeBusy
	}
	for range 2 * maxAsked { // nothing is applied yet
		crowd.Go(func() {
			if turnedAway("101") {
				busy.Add(1)
			}
		})
	}
	for busy.Load() < maxAsked && ctx.Err() == nil {
		runtime.Gosched()
	}
	crowd.Go(func() { l.run(ctx) })
	for asked := 0; asked < maxAsked && ctx.Err() == nil; runtime.Gosched() {
		d, _ := tw.Desired("101")
		asked = int(d.Rev)
	}
	if !turnedAway("101") || turnedAway("102") || busy.Load() != maxAsked {
		t.Errorf("%d turned away, want %d", busy.Load(), maxAsked)
	}
	left(t, tw)
}

// left proves that nobody is registered any more.
func left(t *testing.T, tw *Twin) {
	t.Helper()
	tw.mu.RLock()
	defer tw.mu.RUnlock()
	if len(tw.askers)+len(tw.waiters) != 0 {
		t.Errorf("left: devices with askers: %d, changes with waiters: %d", len(tw.askers), len(tw.waiters))
	}
}

func TestWhoWaitsIsBoundedByItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog(t)
		tw := l.replay(Options{}) // nobody commits
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, err := tw.Ask(ctx, vaiven.ChangeRequest{Device: "101", States: values("LED", 1)})
		if !errors.Is(err, context.DeadlineExceeded) || len(a.Key) != 16 {
			t.Errorf("%+v, %v", a, err)
		}
		apply(t, tw, set(1, 1, "LED", 1))
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := tw.Wait(ctx, "101", key(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		for _, id := range []vaiven.Device{"101", "102"} {
			if _, err := tw.Wait(t.Context(), id, key(2)); !errors.Is(err, ErrUnknown) {
				t.Error(err)
			}
		}
		done := make(chan error)
		go func() {
			_, err := tw.Wait(t.Context(), "101", key(1))
			done <- err
		}()
		synctest.Wait()
		apply(t, tw, &vaiven.Forgotten{Stamp: at(2), Device: "101"})
		if err := <-done; !errors.Is(err, ErrForgotten) {
			t.Error(err)
		}
		left(t, tw)
	})
}

func TestWithoutRandomnessThereIsNoKey(t *testing.T) {
	_, tw := running(t, Options{Rand: strings.NewReader("short")})
	if _, err := tw.Ask(within(t), vaiven.ChangeRequest{Device: "101", States: values("LED", 1)}); err == nil {
		t.Error("no error")
	}
}

// TestAnOldKeyIsAnswered: whoever asks again after many other changes is told
// what came of the first time, at once and as often as he likes.
func TestAnOldKeyIsAnswered(t *testing.T) {
	tw := New(Options{Log: newFakeLog(t)})
	refused := ends(1, 2, vaiven.Refused)
	refused.Reason = vaiven.RefusedRev
	apply(t, tw, set(1, 1, "LED", 1), onlyIf(set(1, 2, "LED", 1), 77), ends(1, 1, vaiven.Confirmed), refused)
	for n := 3; n < vaiven.MaxRecent+vaiven.MaxPast; n++ {
		apply(t, tw, set(2, n, "LED", 1), ends(2, n, vaiven.Confirmed))
	}
	for range 2 {
		a, err := tw.Ask(within(t), vaiven.ChangeRequest{Device: "101", States: values("LED", 1), Key: key(1)})
		if err != nil || a.Rev != 1 || a.Refused != "" {
			t.Errorf("%+v, %v: want REV 1", a, err)
		}
		a, err = tw.Ask(within(t), vaiven.ChangeRequest{Device: "101", States: values("LED", 1), Key: key(2)})
		if err != nil || a.Rev != 0 || a.Refused != vaiven.RefusedRev {
			t.Errorf("%+v, %v: want it refused", a, err)
		}
		if end, err := tw.Wait(within(t), "101", key(1)); err != nil || end.Outcome != vaiven.Confirmed || end.Rev != 1 || end.Asked != 1 {
			t.Errorf("%+v, %v", end, err)
		}
		snap, err := tw.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if tw = New(Options{Log: newFakeLog(t)}); tw.Restore(snap) != nil || tw.Replayed() != nil {
			t.Fatal("the snapshot is not accepted")
		}
	}
	if d := tw.devices["101"]; len(d.Past) > vaiven.MaxPast || len(d.Recent) > vaiven.MaxRecent {
		t.Errorf("%d and %d are remembered", len(d.Past), len(d.Recent))
	}
}

// TestEverybodyAtOnce: button, key, CLI and API race on few devices; boards
// confirm; everybody learns of one end, REVs have no holes, and all agree.
func TestEverybodyAtOnce(t *testing.T) {
	l, tw := running(t, Options{})
	unwatch := tw.Watch(func(id vaiven.Device) { // the gateway and the board in one
		d, _ := tw.Desired(id)
		if len(d.Open) == 0 {
			return
		}
		events := []vaiven.Event{&vaiven.Report{Stamp: at(1), Device: id, Rev: d.Rev, States: d.States}}
		for _, p := range d.Open {
			events = append(events, &vaiven.ChangeEnd{Stamp: at(1), Device: id, Key: p.Key, Rev: p.Rev, Outcome: vaiven.Confirmed})
		}
		select {
		case l.queue <- events:
		default: // lost on the way; the keeper, or the next one, ends it
		}
	})
	defer unwatch()
	const people, each = 8, 60
	var mu sync.Mutex
	revs := make(map[vaiven.Device][]uint64)
	outcomes := make(map[vaiven.Outcome]int)
	var tasks sync.WaitGroup
	for p := range people {
		tasks.Go(func() {
			for i := range each {
				id := vaiven.Device(fmt.Sprint(101 + (p+i)%3))
				a, err := tw.Ask(within(t), vaiven.ChangeRequest{Device: id, Toggle: []string{"LED"}, By: fmt.Sprint(p)})
				if err != nil || a.Rev == 0 {
					t.Errorf("%+v, %v", a, err)
					return
				}
				end, err := tw.Wait(within(t), id, a.Key)
				if errors.Is(err, ErrUnknown) { // ended, and very many others since
					end.Outcome = "forgotten"
				} else if err != nil || end.Rev != a.Rev || end.By != fmt.Sprint(p) && end.By != "" { // "": long ago
					t.Errorf("%+v, %v", end, err)
					return
				}
				tw.State(id)
				mu.Lock()
				revs[id] = append(revs[id], a.Rev)
				outcomes[end.Outcome]++
				mu.Unlock()
			}
		})
	}
	tasks.Wait()
	t.Log(outcomes)
	for id, list := range revs {
		slices.Sort(list)
		for i, r := range list {
			if r != uint64(i+1) {
				t.Fatalf("%s: REVs %v", id, list)
			}
		}
	}
	left(t, tw)
	l.mu.Lock()
	events := slices.Clone(l.events)
	l.mu.Unlock()
	checkLog(t, events)
}

// checkLog proves of what readers see of a log that each change ends at most
// once, and that another twin which reads it agrees with itself.
func checkLog(t *testing.T, events []vaiven.Event) {
	t.Helper()
	ended := make(map[ref]int)
	for _, e := range events {
		if end, ok := e.(*vaiven.ChangeEnd); ok {
			ended[ref{end.Device, end.Key}]++
		}
	}
	for r, n := range ended {
		if n != 1 {
			t.Errorf("%v ended %d times", r, n)
		}
	}
	one, each := New(Options{}), New(Options{})
	apply(t, one, events...)
	for _, e := range events {
		apply(t, each, e)
	}
	if !bytes.Equal(snap(t, one), snap(t, each)) {
		t.Error("replays differ")
	}
}
