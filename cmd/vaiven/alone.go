package main

import (
	"fmt"
	"net/netip"
	"time"

	"vaiven"
)

// aloneFor is how long a run that the boards of one address have finished, which prove
// nothing, waits for another board: they may all be one stranger's, who was first.
const aloneFor = 30 * time.Second

// alone is what a run knows of a finish by one address.
type alone struct {
	since time.Time // zero: it is none
	said  bool
}

// witnesses is how many of the finished boards are surely not somebody else's invention:
// a board that a person let in or that has proved its token counts by itself, and so does
// one on this computer; of the others each address counts once.
func (f *finish) witnesses() (n int) {
	addresses := map[netip.Addr]bool{}
	for d, s := range f.seats {
		if !f.awaited.has(d) || !s.finished() {
			continue
		}
		at, err := netip.ParseAddrPort(s.Remote)
		if st := f.standing(d); err != nil || at.Addr().IsLoopback() || st.Approved || st.Verified || !addresses[at.Addr()] {
			n++
		}
		if err == nil {
			addresses[at.Addr()] = true
		}
	}
	return n
}

// strangers reports whether at least one of the finished boards is neither on this
// computer nor let in by a person.
func (f *finish) strangers() bool {
	for d, s := range f.seats {
		if !f.awaited.has(d) || !s.finished() {
			continue
		}
		at, err := netip.ParseAddrPort(s.Remote)
		if st := f.standing(d); err == nil && !at.Addr().IsLoopback() && !st.Approved && !st.Verified {
			return true
		}
	}
	return false
}

// endUnlessAlone ends a run that everybody has finished for whom it waits. One that was
// asked to wait for several boards is not ended by one address under several ids, and one
// that waits for whoever comes gives others a moment.
func (f *finish) endUnlessAlone() {
	n := f.witnesses()
	needed := max(f.awaited.least, min(len(f.awaited.names), 2), 1)
	if n > 1 && n >= needed || !f.strangers() {
		f.stop()
		return
	}
	now := f.now()
	if f.alone.since.IsZero() {
		f.alone.since = now
	}
	if needed > 1 {
		if !f.alone.said {
			f.queueLine(fmt.Sprintf(f.lang.Say(
				"those who have finished come from %s, and nobody has approved them: the run goes on; Ctrl-C ends it",
				"las que terminaron vienen de %s y nadie las ha aprobado: la sesión continúa; Ctrl-C la termina"),
				vaiven.Count(uint64(n), f.lang.Say("address", "dirección"), f.lang.Say("addresses", "direcciones"))))
		}
	} else if !f.alone.said {
		f.queueLine(fmt.Sprintf(f.lang.Say(
			"all who came have finished: the run ends in %d s unless another board comes; Ctrl-C ends it now",
			"todas las que llegaron terminaron: la sesión acaba en %d s si no llega otra placa; Ctrl-C la termina ya"), int(aloneFor.Seconds())))
	}
	f.alone.said = true
	if needed == 1 && now.Sub(f.alone.since) >= aloneFor {
		f.stop()
	}
}
