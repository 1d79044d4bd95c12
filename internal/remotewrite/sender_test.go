package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

// memLog is a log of one event in each record.
type memLog struct {
	mu     sync.Mutex
	first  uint64
	events []vaiven.Event // record first+i
}

func (l *memLog) add(events ...vaiven.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, events...)
}

// trim forgets the oldest records.
func (l *memLog) trim(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events, l.first = l.events[n:], l.first+uint64(n)
}

func (l *memLog) Bounds() (first, last vaiven.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		return first, last
	}
	return vaiven.ID{Record: l.first}, vaiven.ID{Record: l.first + uint64(len(l.events)) - 1, Index: math.MaxUint32}
}

func (l *memLog) History(_ context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	l.mu.Lock()
	events, first := l.events, l.first
	l.mu.Unlock()
	for i, ev := range events {
		id := vaiven.ID{Record: first + uint64(i)}
		if !after.Before(id) {
			continue
		}
		if err := fn(vaiven.Entry{ID: id, Event: ev}); err != nil {
			return err
		}
	}
	return nil
}

func reading(i int) *vaiven.Reading {
	at := 1_795_000_000_000 + 2000*int64(i)
	return &vaiven.Reading{
		Stamp: vaiven.Stamp{At: at + 40}, Device: vaiven.Device(fmt.Sprintf("%03d", 101+i%3)), Measured: at,
		Values: []vaiven.Value{{Name: "TEMP", Num: 20 + float64(i)/10}, {Name: "HUM", Num: 60}}, States: []vaiven.Value{{Name: "LED", Num: 1}},
	}
}

func readings(from, to int) (events []vaiven.Event) {
	for i := from; i < to; i++ {
		events = append(events, reading(i))
	}
	return events
}

// sent runs a sender; the returned function ends it, as a process that ends in order.
func sent(t *testing.T, o Options) (*Sender, func()) {
	t.Helper()
	o.Log, o.Retry, o.RetryMax = "abc", time.Millisecond, 4*time.Millisecond
	if o.Every == 0 {
		o.Every = time.Millisecond
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func TestEverythingIsThereOnce(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	all := append(readings(0, 1200),
		&vaiven.Reading{Stamp: vaiven.Stamp{At: 1_795_100_000_000}, Device: "sala-3", Values: []vaiven.Value{{Name: "CO2", Num: 417}}}, // no time of measuring
		&vaiven.Report{Stamp: vaiven.Stamp{At: 1_795_100_000_500}, Device: "sala-3", States: []vaiven.Value{{Name: "LED", Num: 0}}},
		&vaiven.Hello{Stamp: vaiven.Stamp{At: 1_795_100_000_600}, Device: "101", States: []vaiven.Value{{Name: "RELAY", Num: 1}}},
		&vaiven.Presence{Stamp: vaiven.Stamp{At: 1_795_100_000_700}, Device: "101"})
	log.add(&vaiven.LogStart{Log: "abc"})
	log.add(all[:700]...)
	o := Options{Source: log, URL: st.URL, Dir: t.TempDir()}
	s, stop := sent(t, o)
	log.add(all[700:]...)
	st.until(t, "all of it", func() bool { return s.Lag() == 0 })
	stop()
	if d := st.once(all); d != "" {
		t.Error(d)
	}
	if n := s.Stats().Sent.Load(); n != 3*1200+3 {
		t.Errorf("%d samples", n)
	}
	// A start behind an end in order sends what is new, and nothing else.
	more := readings(1200, 1210)
	log.add(more...)
	s, stop = sent(t, o)
	st.until(t, "what is new", func() bool { return s.Lag() == 0 })
	stop()
	if d := st.once(append(all, more...)); d != "" {
		t.Error(d)
	}
}

func TestStoreThatFailsIsAskedUntilItTakesIt(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	all := readings(0, 600)
	log.add(all...)
	hung, given := make(chan struct{}), make(chan struct{})
	defer close(given)
	n := 0
	st.say = func(*http.Request) int {
		switch n++; n {
		case 1:
			return http.StatusInternalServerError
		case 2:
			return http.StatusTooManyRequests
		case 3:
			return http.StatusServiceUnavailable
		case 4:
			panic(http.ErrAbortHandler) // the connection ends
		case 5:
			close(hung)
			<-given // the sender does not wait for so long
			return http.StatusOK
		case 6:
			return http.StatusTemporaryRedirect
		}
		return 0
	}
	var mu sync.Mutex
	var told []string
	s, stop := sent(t, Options{Source: log, URL: st.URL, Dir: t.TempDir(), Timeout: 300 * time.Millisecond, Lang: vaiven.Spanish,
		Notify: func(text, _ string) { mu.Lock(); defer mu.Unlock(); told = append(told, text) }})
	<-hung
	if s.Trouble() == nil || s.Lag() == 0 {
		t.Error("nobody is told that nothing is sent")
	}
	st.until(t, "all of it", func() bool { return s.Lag() == 0 })
	stop()
	if d := st.once(all); d != "" {
		t.Error(d)
	}
	if s.Stats().Failures.Load() < 6 || s.Stats().Dropped.Load() != 0 || s.Trouble() != nil {
		t.Errorf("failures %d, dropped %d, %v", s.Stats().Failures.Load(), s.Stats().Dropped.Load(), s.Trouble())
	}
	if len(told) != 2 || !strings.Contains(told[0], "no recibe") || !strings.Contains(told[1], "vuelve") {
		t.Errorf("told %q", told)
	}
}

func TestSecretsOfTheURLAreNotTold(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	addr := st.Listener.Addr().String()
	st.Close()
	log.add(readings(0, 5)...)
	told := make(chan string, 1)
	s, stop := sent(t, Options{Source: log, URL: "http://us:secret@" + addr + "/secret?token=secret", Dir: t.TempDir(),
		Notify: func(text, hint string) { told <- text + hint }})
	text := <-told
	stop()
	if err := s.Trouble(); err == nil || strings.Contains(text+err.Error(), "secret") || !strings.Contains(text, addr) {
		t.Errorf("told %q, %v", text, err)
	}
}

func TestStoreThatIsAwayForAWhile(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	addr := st.Listener.Addr().String()
	st.Close()
	all := readings(0, 50)
	log.add(all...)
	s, stop := sent(t, Options{Source: log, URL: "http://" + addr, Dir: t.TempDir()})
	for s.Trouble() == nil { // until it has tried
		time.Sleep(time.Millisecond)
	}
	stop() // and it ends at once, whatever it waits for
	if s.Lag() == 0 {
		t.Error("nothing was sent, and nothing is missing")
	}
}

func TestTheLastReadingsAreSentAtTheEnd(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	all := readings(0, 40)
	log.add(all[:10]...)
	s, stop := sent(t, Options{Source: log, URL: st.URL, Dir: t.TempDir(), Every: time.Hour})
	st.until(t, "the first look", func() bool { return s.Lag() == 0 })
	log.add(all[10:]...)
	stop()
	if d := st.once(all); d != "" {
		t.Error(d)
	}
}

func TestOnlyWhatIsRefusedIsDropped(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	all := readings(0, 400)
	st.poison = 66.6
	bad := reading(400)
	bad.Values[0].Num = st.poison
	log.add(all[:333]...)
	log.add(bad)
	log.add(all[333:]...)
	var text, hint string
	s, stop := sent(t, Options{Source: log, URL: st.URL, Dir: t.TempDir(), Notify: func(a, b string) { text, hint = a, b }})
	st.until(t, "all of it", func() bool { return s.Lag() == 0 })
	stop()
	if d := st.once(all); d != "" {
		t.Error(d)
	}
	if n := s.Stats().Dropped.Load(); n != 3 { // its event
		t.Errorf("dropped %d", n)
	}
	if !strings.Contains(text, "refused") || !strings.Contains(hint, "400") {
		t.Errorf("told %q, %q", text, hint)
	}
	if st.requests > 40 {
		t.Errorf("%d requests for one bad sample", st.requests)
	}
}

func TestStoreThatRefusesAllIsNotAskedAgain(t *testing.T) {
	for _, code := range []int{400, 413, 422} {
		log, st := &memLog{first: 1}, newStore(t)
		log.add(readings(0, 10)...)
		st.say = func(*http.Request) int { return code }
		var told []string
		s, stop := sent(t, Options{Source: log, URL: st.URL, Dir: t.TempDir(), Notify: func(text, _ string) { told = append(told, text) }})
		st.until(t, "all of it", func() bool { return s.Lag() == 0 })
		stop()
		if n := s.Stats().Dropped.Load(); n != 30 || st.requests != 19 || len(told) != 1 || !strings.Contains(told[0], fmt.Sprint(code)) {
			t.Errorf("%d: dropped %d in %d requests, told %q", code, n, st.requests, told)
		}
	}
}

// TestStoreThatAPersonMustPutRightHasAllOfItThen: a password that was changed, a path
// that is wrong and a store that does not receive yet cost nothing.
func TestStoreThatAPersonMustPutRightHasAllOfItThen(t *testing.T) {
	for code, want := range map[int]string{401: "password", 403: "password", 404: "path", 405: "path", 407: "password", 415: "wait in the log"} {
		log, st := &memLog{first: 1}, newStore(t)
		all := readings(0, 10)
		log.add(all...)
		n := 0
		st.say = func(*http.Request) int {
			if n++; n <= 3 {
				return code
			}
			return 0
		}
		var told, hints []string
		s, stop := sent(t, Options{Source: log, URL: st.URL, Dir: t.TempDir(), Notify: func(text, hint string) { told, hints = append(told, text), append(hints, hint) }})
		st.until(t, "all of it", func() bool { return s.Lag() == 0 })
		stop()
		if d := st.once(all); d != "" || s.Stats().Dropped.Load() != 0 || s.Stats().Failures.Load() != 3 {
			t.Errorf("%d: dropped %d, failed %d: %s", code, s.Stats().Dropped.Load(), s.Stats().Failures.Load(), d)
		}
		if len(told) != 2 || !strings.Contains(told[0], fmt.Sprint(code)) || !strings.Contains(hints[0], want) {
			t.Errorf("%d: told %q %q", code, told, hints)
		}
	}
}

// TestTheLongestPauseIsForWhatAPersonMustPutRight asks once for each status.
func TestTheLongestPauseIsForWhatAPersonMustPutRight(t *testing.T) {
	st := newStore(t)
	s, err := Open(Options{Source: &memLog{}, URL: st.URL, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.client.CloseIdleConnections()
	for code, want := range map[int]time.Duration{401: time.Minute, 403: time.Minute, 404: time.Minute, 407: time.Minute, 408: 0, 429: 0, 500: 0} {
		st.say = func(*http.Request) int { return code }
		var later *laterError
		if err := s.post(t.Context(), nil); !errors.As(err, &later) || later.after != want || later.status != code {
			t.Errorf("%d: %#v", code, err)
		}
	}
}

// TestAfterACrashAStoreThatRefusesRepeatsHasEverythingOnce has the position lost.
func TestAfterACrashAStoreThatRefusesRepeatsHasEverythingOnce(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	st.strict = true
	all := readings(0, 90)
	log.add(all[:60]...)
	o := Options{Source: log, URL: st.URL, Dir: t.TempDir()}
	s, stop := sent(t, o)
	st.until(t, "the first part", func() bool { return s.Lag() == 0 })
	stop()
	if err := os.Remove(filepath.Join(o.Dir, FileName)); err != nil {
		t.Fatal(err)
	}
	log.add(all[60:]...)
	s, stop = sent(t, o)
	st.until(t, "all of it", func() bool { return s.Lag() == 0 })
	stop()
	if d := st.once(all); d != "" {
		t.Error(d)
	}
}

func TestWhatWasTrimmedIsSaidAndTheRestIsSent(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	all := readings(0, 100)
	log.add(all[:10]...)
	o := Options{Source: log, URL: st.URL, Dir: t.TempDir(), Lang: vaiven.Spanish}
	s, stop := sent(t, o)
	st.until(t, "the first part", func() bool { return s.Lag() == 0 })
	stop()
	log.add(all[10:]...)
	log.trim(40)
	var told []string
	o.Notify = func(text, _ string) { told = append(told, text) }
	s, stop = sent(t, o)
	st.until(t, "the rest", func() bool { return s.Lag() == 0 })
	stop()
	if d := st.once(append(all[:10:10], all[40:]...)); d != "" {
		t.Error(d)
	}
	if len(told) != 1 || !strings.Contains(told[0], "30 entradas") || s.Stats().Trimmed.Load() != 30 {
		t.Errorf("told %q, %d trimmed", told, s.Stats().Trimmed.Load())
	}
}

func TestPositionIsOfOneLogAndOneStore(t *testing.T) {
	log, st := &memLog{first: 1}, newStore(t)
	log.add(readings(0, 10)...)
	o := Options{Source: log, URL: st.URL, Dir: t.TempDir()}
	s, stop := sent(t, o)
	st.until(t, "all of it", func() bool { return s.Lag() == 0 })
	stop()
	for _, other := range []func(*Options){
		func(o *Options) { o.Log = "other" },
		func(o *Options) { o.URL += "/other" },
		func(o *Options) { o.Log = "abc\n" },
	} {
		o := o
		o.Log = "abc"
		other(&o)
		if s, err := Open(o); err != nil || s.pos != (vaiven.ID{}) {
			t.Errorf("%+v: %v %v", o, s.pos, err)
		}
	}
	o.Log = "abc"
	for _, url := range []string{o.URL, strings.Replace(o.URL, "http://", "http://us:other@", 1), o.URL + "?key=other"} {
		o := o
		o.URL = url
		if s, err := Open(o); err != nil || s.Lag() != 0 {
			t.Errorf("the same store, %s: %v", url, err)
		}
	}
	if info, err := os.Stat(filepath.Join(o.Dir, FileName)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the file: %v, %v", info.Mode(), err)
	}
	// An older copy of the log: the store has all of it, and what comes now is new.
	log.mu.Lock()
	log.events = log.events[:4]
	log.mu.Unlock()
	if s, err := Open(o); err != nil || s.pos.Record != 4 {
		t.Errorf("at %v, %v", s.pos, err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, FileName), []byte("\x00\xff"), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(o); err != nil || s.pos != (vaiven.ID{}) {
		t.Errorf("damaged: %v, %v", s.pos, err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, text := range []string{"", "host:9090", "ftp://host/", "http://", "http://us er:secret@host/", "/api/v1/write"} {
		if _, err := Open(Options{Source: &memLog{}, URL: text, Dir: t.TempDir()}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
