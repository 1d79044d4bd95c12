package twin

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
)

// inBubble runs a keeper over a log, where time passes only when all wait.
func inBubble(t *testing.T, o Options, run func(t *testing.T, l *fakeLog, tw *Twin)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog(t)
		tw := l.replay(o)
		stop := l.process(tw)
		defer stop()
		run(t, l, tw)
	})
}

func now() int64 { return time.Now().UnixMilli() }

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// checkEnds proves which ends were appended, each once: "1 expired" and so on.
func checkEnds(t *testing.T, l *fakeLog, want ...string) {
	t.Helper()
	var got []string
	for _, e := range l.ends() {
		var n int
		if _, err := fmt.Sscanf(string(e.Key), "%x", &n); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s%s", n, e.Outcome, e.Reason))
		if e.By != "test" || len(e.States) == 0 || e.Asked == 0 || e.At == 0 {
			t.Errorf("not self-contained: %+v", e)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("at %v: ends %q, want %q", time.Now().Format("05.000"), got, want)
	}
}

func TestWhatTheLogDecidesIsWrittenAtOnce(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, l *fakeLog, tw *Twin) {
		l.put(set(now(), 1, "LED", 1))
		l.put(onlyIf(set(now(), 2, "LED", 0), 9), set(now(), 3, "LED", 0))
		pass(50 * time.Millisecond)
		checkEnds(t, l, "2 refusedrev", "1 overtaken")
		s, _ := tw.State("101")
		if len(s.Recent) != 2 || s.Recent[1].End.Rev != 1 || s.Recent[0].End.Rev != 0 {
			t.Errorf("%+v", s.Recent)
		}
		pass(time.Hour)
		checkEnds(t, l, "2 refusedrev", "1 overtaken")
	})
}

func TestDeadlines(t *testing.T) {
	for name, tt := range map[string]struct {
		sent, connected bool
		after           time.Duration
	}{
		"offline":                 {false, false, 5 * time.Second},
		"sent":                    {true, false, 7 * time.Second},
		"connected, not yet sent": {false, true, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Connected: func(vaiven.Device) bool { return tt.connected }}
			inBubble(t, o, func(t *testing.T, l *fakeLog, tw *Twin) {
				l.put(until(set(now(), 1, "LED", 1), now()+5000))
				if tt.sent {
					pass(time.Second)
					l.put(&vaiven.Sent{Stamp: at(now()), Device: "101", Key: key(1), Rev: 1})
					pass(tt.after - time.Second - 10*time.Millisecond)
				} else {
					pass(tt.after - 10*time.Millisecond)
				}
				checkEnds(t, l)
				pass(20 * time.Millisecond)
				checkEnds(t, l, "1 expired")
				if d, _ := tw.Desired("101"); len(d.States) != 0 || d.Until != 0 {
					t.Errorf("still desired: %+v", d)
				}
			})
		})
	}
}

func TestADeadlineThatWasMetIsNoMore(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, l *fakeLog, tw *Twin) {
		l.put(until(set(now(), 1, "LED", 1), now()+5000))
		l.put(&vaiven.Sent{Stamp: at(now()), Device: "101", Key: key(1)})
		pass(6 * time.Second) // in the grace
		end := ends(now(), 1, vaiven.Confirmed)
		end.By, end.Asked, end.States = "test", 1, values("LED", 1)
		l.put(reports(now(), 1, "LED", 1), end)
		pass(time.Hour)
		checkEnds(t, l, "1 confirmed")
		if n := len(tw.agenda.due); n != 0 {
			t.Errorf("%d on the agenda", n)
		}
	})
}

func TestOvertakenBeforeItsDeadline(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, l *fakeLog, _ *Twin) {
		l.put(until(set(now(), 1, "LED", 1), now()+5000))
		pass(time.Second)
		l.put(set(now(), 2, "LED", 0))
		pass(time.Hour)
		checkEnds(t, l, "1 overtaken")
	})
}

func TestAConfirmationThatNobodyWrote(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, l *fakeLog, _ *Twin) {
		l.put(until(set(now(), 1, "LED", 1), now()+2000), &vaiven.Sent{Stamp: at(now()), Device: "101", Key: key(1)})
		pass(time.Second)
		l.put(reports(now(), 1, "LED", 1))
		pass(2990 * time.Millisecond)
		checkEnds(t, l)
		pass(20 * time.Millisecond)
		checkEnds(t, l, "1 confirmed")
	})
}

func TestABusyLogIsTriedAgain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, l *fakeLog, _ *Twin) {
		l.put(until(set(now(), 1, "LED", 1), now()+5000))
		l.stall(true)
		pass(6 * time.Second)
		l.put(set(now(), 2, "LED", 0)) // of another node, whose log goes on
		pass(30 * time.Second)
		checkEnds(t, l)
		if l.refused < 5 || l.refused > 20 {
			t.Errorf("tried %d times", l.refused)
		}
		l.stall(false)
		pass(5 * time.Second)
		checkEnds(t, l, "1 overtaken")
	})
}

func TestARestartFindsWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog(t)
		stop := l.process(l.replay(Options{}))
		l.put(until(set(now(), 1, "LED", 1), now()+5000), &vaiven.Sent{Stamp: at(now()), Device: "101", Key: key(1)})
		l.put(until(set(now(), 2, "RELAY", 1), now()+60_000))
		stop()
		l.twin = nil                 // while the server is down
		l.put(set(now(), 3, "X", 1)) // a change that
		l.put(set(now(), 4, "X", 0)) // was overtaken just before
		l.put(set(now(), 5, "Y", 1)) // and one that
		l.put(reports(1, 5, "Y", 1)) // was confirmed, and the server died
		time.Sleep(20 * time.Second) // the first deadline
		stop = l.process(l.replay(Options{}))
		pass(50 * time.Millisecond)
		checkEnds(t, l, "3 overtaken", "5 confirmed", "1 expired")
		pass(39 * time.Second)
		stop()
		checkEnds(t, l, "3 overtaken", "5 confirmed", "1 expired")
		stop = l.process(l.replay(Options{}))
		defer stop()
		pass(2 * time.Second)
		checkEnds(t, l, "3 overtaken", "5 confirmed", "1 expired", "2 expired")
		pass(time.Hour)
		checkEnds(t, l, "3 overtaken", "5 confirmed", "1 expired", "2 expired")
	})
}

// TestTheSameKeeperAgain: what Run gave to the log, and what it did not, is
// found out anew.
func TestTheSameKeeperAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog(t)
		tw := l.replay(Options{})
		stop := l.process(tw)
		l.put(until(set(now(), 1, "LED", 1), now()+5000))
		pass(time.Second)
		stop()
		l.put(set(now(), 2, "RELAY", 1), set(now(), 3, "RELAY", 0))
		stop = l.process(tw)
		defer stop()
		pass(10 * time.Second)
		checkEnds(t, l, "2 overtaken", "1 expired")
	})
}

// TestNothingIsWrittenDuringAReplay: what is open in the middle of the log may
// have ended further on.
func TestNothingIsWrittenDuringAReplay(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, l *fakeLog, tw *Twin) {
		if err := tw.Restore(nil); err != nil {
			t.Fatal(err)
		}
		apply(t, tw, until(set(now(), 1, "LED", 1), now()+5000), set(now(), 2, "X", 1), set(now(), 3, "X", 0))
		pass(time.Minute)
		checkEnds(t, l)
		apply(t, tw, ends(now(), 1, vaiven.Expired))
		l.changes[ref{"101", key(2)}] = true
		if err := tw.Replayed(); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		checkEnds(t, l, "2 overtaken")
	})
}

// skewed is a server's clock that may be set.
type skewed struct {
	by     atomic.Int64 // ms
	synced atomic.Bool
}

func (c *skewed) stamp() vaiven.Stamp {
	return vaiven.Stamp{At: now() + c.by.Load(), Synced: c.synced.Load()}
}

func TestTheServersClockIsSet(t *testing.T) {
	for name, tt := range map[string]struct {
		by           time.Duration
		before       bool // synchronised before it was set
		early, later time.Duration
	}{
		"back an hour":                    {-time.Hour, true, 59 * time.Second, 2 * time.Second},
		"forward, or the machine slept":   {30 * time.Second, true, 29 * time.Second, 2 * time.Second},
		"synchronised for the first time": {24 * 365 * time.Hour, false, 59 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var c skewed
			c.synced.Store(tt.before)
			inBubble(t, Options{Stamp: c.stamp}, func(t *testing.T, l *fakeLog, _ *Twin) {
				l.put(until(set(now(), 1, "LED", 1), now()+60_000))
				synctest.Wait() // planned
				c.by.Store(tt.by.Milliseconds())
				c.synced.Store(true)
				pass(tt.early)
				checkEnds(t, l)
				pass(tt.later)
				checkEnds(t, l, "1 expired")
			})
		})
	}
}

// TestAClockThatWasSetBackOverARestart: a Pi without a clock comes back in the
// past; the deadline is not further away than it ever was.
func TestAClockThatWasSetBackOverARestart(t *testing.T) {
	var c skewed
	inBubble(t, Options{Stamp: c.stamp}, func(t *testing.T, l *fakeLog, _ *Twin) {
		c.by.Store(-time.Hour.Milliseconds())
		l.put(until(set(now(), 1, "LED", 1), now()+5000))
		pass(6 * time.Second)
		checkEnds(t, l, "1 expired")
	})
}

func TestOneKeeperAtATime(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, _ *fakeLog, tw *Twin) {
		synctest.Wait()
		if err := tw.Run(t.Context()); err == nil {
			t.Error("two of them")
		}
	})
	if err := New(Options{}).Run(t.Context()); err == nil {
		t.Error("without a log")
	}
}

// TestManyAtOnce: ten thousand deadlines in one moment, over a log that is
// busy now and then.
func TestManyAtOnce(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, l *fakeLog, tw *Twin) {
		const n = 10_000
		for i := range n {
			l.put(&vaiven.Change{
				Stamp: at(now()), Device: vaiven.Device(fmt.Sprintf("d%d", i%5000)), Key: key(i), By: "test",
				States: values(fmt.Sprintf("S%d", i/5000), 1), Deadline: now() + 5000,
			})
		}
		for range 10 {
			pass(500 * time.Millisecond)
			l.stall(true)
			pass(50 * time.Millisecond)
			l.stall(false)
		}
		pass(10 * time.Second)
		seen := make(map[ref]int)
		for _, e := range l.ends() {
			seen[ref{e.Device, e.Key}]++
		}
		if len(seen) != n || len(l.ends()) != n {
			t.Errorf("%d ends of %d changes", len(l.ends()), len(seen))
		}
		for _, s := range tw.List() {
			if len(s.Desired().States)+len(s.Desired().Open) != 0 {
				t.Fatalf("left: %+v", s)
			}
		}
	})
}
