package access

import (
	"net/netip"
	"sync"
	"time"

	"vaiven"
	"vaiven/internal/limit"
)

// What an address may try in vain: so many at once, then one each tryEvery.
const (
	tryBurst = 20
	tryEvery = 3 * time.Second

	maxFailing  = 1024             // addresses that are counted; beyond, all others together
	firstAgain  = 10 * time.Second // after its first record an address gets its next
	longestWait = 10 * time.Minute // between two records of an address
	forgetTries = 15 * time.Minute // after the last one

	summaryTick = time.Second
	recordWait  = 5 * time.Second
	maxRecords  = 8 // of all addresses, each summaryTick
)

// failing is what one address tried in vain.
type failing struct {
	room  float64 // tries that are left
	last  time.Time
	next  time.Time     // when it is recorded again
	pause time.Duration // until the record behind that
	tries map[denial]uint64
}

// denial is what is counted together.
type denial struct {
	why vaiven.DeniedReason
	dev vaiven.Device
}

// failures counts what each address tries in vain (of IPv6 each /64, which is what one
// machine is given), so that guessing is slow and the log tells of it in summaries.
type failures struct {
	mu    sync.Mutex
	all   map[netip.Addr]*failing
	swept time.Time // when those were dropped last that had not tried for long
}

func (f *failures) of(from netip.Addr, now time.Time) *failing {
	key := limit.Key(from)
	a := f.all[key]
	if a == nil && f.full(now) {
		key = netip.Addr{}
		a = f.all[key]
	}
	if a == nil {
		if f.all == nil {
			f.all = make(map[netip.Addr]*failing)
		}
		a = &failing{room: tryBurst, last: now, pause: firstAgain, tries: make(map[denial]uint64)}
		f.all[key] = a
	}
	a.room = min(a.room+now.Sub(a.last).Seconds()/tryEvery.Seconds(), tryBurst)
	return a
}

// full reports whether there is no room for another address.
func (f *failures) full(now time.Time) bool {
	if len(f.all) >= maxFailing && now.Sub(f.swept) >= summaryTick {
		f.swept = now
		for k, old := range f.all {
			if now.Sub(old.last) > forgetTries && len(old.tries) == 0 {
				delete(f.all, k)
			}
		}
	}
	return len(f.all) >= maxFailing
}

// wait is how long an address must not try, 0 when it may. While there is no room for
// another address, those that are not counted singly wait together: one who has
// addresses without end would otherwise guess without end.
func (f *failures) wait(from netip.Addr, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[limit.Key(from)] == nil && !f.full(now) {
		return 0
	}
	a := f.of(from, now)
	a.last = now
	return a.left()
}

func (a *failing) left() time.Duration {
	if a.room >= 1 {
		return 0
	}
	return time.Duration((1 - a.room) * float64(tryEvery))
}

// isGuess reports whether somebody tried something that could have been right. A page of
// another site that has a visitor's browser ask is not to keep the visitor out.
func isGuess(why vaiven.DeniedReason) bool {
	return why != vaiven.DeniedOrigin && why != vaiven.DeniedHost
}

// add counts a try, and returns how long its address must wait, 0 when it need not.
func (f *failures) add(why vaiven.DeniedReason, from netip.Addr, d vaiven.Device, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.of(from, now)
	a.last = now
	wait := time.Duration(0)
	if isGuess(why) {
		if wait = a.left(); wait == 0 {
			a.room--
		}
	}
	what := denial{why, d}
	if _, known := a.tries[what]; !known && len(a.tries) >= maxRecords {
		what.dev = "" // one address names ever other devices
	}
	a.tries[what]++
	return wait
}

// due are the summaries that are to be recorded now: of an address the first at once,
// the next after ever longer pauses; all that there are at the end.
func (f *failures) due(now time.Time, end bool) (denied []vaiven.Denied) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for addr, a := range f.all {
		if len(a.tries) == 0 {
			if now.Sub(a.last) > forgetTries {
				delete(f.all, addr)
			}
			continue
		}
		if !end && (now.Before(a.next) || len(denied) >= maxRecords) {
			continue
		}
		for what, n := range a.tries {
			d := vaiven.Denied{Device: what.dev, Reason: what.why, Count: n}
			if addr.IsValid() {
				d.Remote = addr.String()
			}
			denied = append(denied, d)
		}
		clear(a.tries)
		a.next, a.pause = now.Add(a.pause), min(2*a.pause, longestWait)
	}
	return denied
}

// giveBack takes back summaries that were not recorded.
func (f *failures) giveBack(denied []vaiven.Denied) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range denied {
		addr, _ := netip.ParseAddr(d.Remote)
		if a := f.all[addr]; a != nil {
			a.tries[denial{d.Reason, d.Device}] += d.Count
		}
	}
}
