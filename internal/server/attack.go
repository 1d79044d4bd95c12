package server

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"vaiven"
	"vaiven/internal/gateway"
	"vaiven/internal/limit"
	"vaiven/internal/stream"
	"vaiven/wire"
)

// maxPlaces is how many connections there may be where nobody says it.
const maxPlaces = 100_000

// openPlaces makes the places that connections of every kind have from the moment they
// are accepted. An address may have as many as boards of its, and an eighth more that
// only arrive: at the bound a board is told why it is refused, and an approved one or a
// person is let in all the same.
func (s *Server) openPlaces() {
	s.exhausted = make(chan exhaustion, 16)
	s.places = limit.New(limit.Options{
		Max: cmp.Or(s.o.MaxConnections, maxPlaces), PerAddress: s.o.MaxPerAddress + s.o.MaxPerAddress/7 + 16,
		Arrivals:  limit.Rate{PerSecond: 100, Burst: max(2000, 2*float64(s.o.MaxPerAddress))}, // a whole class comes back at once
		Proxies:   s.o.TrustedProxies,
		Exhausted: func(e limit.Exhaustion) { s.noteExhaustion(exhaustion{Exhaustion: e}) },
	})
}

// exhaustion is that an address has all of something.
type exhaustion struct {
	limit.Exhaustion
	followers bool // not connections
}

// noteExhaustion queues it for a person, and never waits: while several are to be told
// this one is not.
func (s *Server) noteExhaustion(e exhaustion) {
	select {
	case s.exhausted <- e:
	default:
	}
}

// followersExhausted is for the live feeds, which say it of each follower that they refuse.
func (s *Server) followersExhausted(most netip.Addr, has int) {
	s.noteExhaustion(exhaustion{limit.Exhaustion{From: most, Connections: has}, true})
}

// noteState keeps a connection's place in step with its requests: between them, and
// until it has brought a whole request, it gives way to newcomers.
func noteState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive:
		limit.Of(c).Heard()
	case http.StateIdle, http.StateHijacked:
		limit.Of(c).Wait()
	}
}

// dayShare is the part of the disk that one day of everybody that nobody vouches for may take, and the least of it.
const (
	dayShare = 8
	leastDay = 4 << 30
)

// bounds are the gateway's.
func (s *Server) bounds() gateway.Bounds {
	rate := float64(s.o.MaxRate)
	b := gateway.Bounds{Unverified: s.o.MaxUnverified, Day: s.o.MaxDay, Connection: limit.Rate{PerSecond: rate, Burst: 4 * rate}}
	if s.o.NATS == "" { // an external log's disk is not known
		if _, disk, err := stream.DiskSpace(s.o.Data); err == nil {
			b.DayInAll = max(disk/dayShare, leastDay)
		}
	}
	return b
}

// knownDevices lends the table of devices to the gateway.
type knownDevices struct{ *Server }

// Known implements [gateway.Devices].
func (k knownDevices) Known(d vaiven.Device) bool { return k.registry.Known(d) }

// Unverified implements [gateway.Devices].
func (k knownDevices) Unverified() int { return k.registry.Unapproved() }

// strained says what keeps new boards out although the server is ready.
func (s *Server) strained() []string {
	if e := s.gateway.Full(); e != nil {
		e.Retry = 0
		return []string{wire.Explain(e, s.o.Lang)}
	}
	return nil
}

// tellExhaustion tells a person which address takes all that it may.
func (s *Server) tellExhaustion(ctx context.Context) error {
	followers := time.Time{} // when it was last said of them
	for {
		select {
		case e := <-s.exhausted:
			if now := time.Now(); e.followers && now.Sub(followers) < remindEvery {
				continue
			} else if e.followers {
				followers = now
			}
			text, hint := s.exhaustionText(e)
			s.o.Notify(text, hint)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Server) exhaustionText(e exhaustion) (text, hint string) {
	if e.followers {
		if e.Connections == 0 { // all of them are of this machine
			return s.o.Lang.Say("no place for a follower of the live feeds is left", "no queda ninguna plaza para seguir los canales en vivo"), ""
		}
		return fmt.Sprintf(s.o.Lang.Say("a follower of the live feeds found no place: %s has most, %d",
			"un seguidor de los canales en vivo no encontró plaza: %s es quien más tiene, %d"), e.From, e.Connections), ""
	}
	if e.TooOften {
		return fmt.Sprintf(s.o.Lang.Say("%s opens connections too often: more than 100 a second", "%s abre conexiones demasiado a menudo: más de 100 por segundo"), e.From),
			s.o.Lang.Say("they are closed at once; turn that machine off, or keep it out of the network", "se cierran enseguida; apaga esa máquina o sácala de la red")
	}
	if e.InAll {
		return fmt.Sprintf(s.o.Lang.Say(
				"all places for connections are taken, %[2]d by %[1]s: the ones that only wait give way to newcomers",
				"no quedan plazas para conexiones, %[2]d las tiene %[1]s: las que solo esperan ceden el sitio a las que llegan"), e.From, e.Connections),
			s.o.Lang.Say("`ulimit -n` bounds how many there are; turn that machine off, or keep it out of the network",
				"`ulimit -n` dice cuántas hay; apaga esa máquina o sácala de la red")
	}
	return fmt.Sprintf(s.o.Lang.Say(
			"%s has %d connections, which is all that one address may have",
			"%s tiene %d conexiones, todas las que puede tener una dirección"), e.From, e.Connections),
		s.o.Lang.Say("if those are your boards behind one router, raise --max-per-address",
			"si son tus placas detrás de un router, sube --max-per-address")
}
