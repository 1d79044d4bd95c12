package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"vaiven"
)

// How long each step of the end may take.
const (
	goodbyeTimeout = 5 * time.Second
	drainTimeout   = 10 * time.Second
	stopTimeout    = 3 * time.Second // of the views, when they had drainTimeout
)

// Run serves until ctx is done, and then returns nil, or until a part of the server
// cannot go on, and then returns why. It ends in the direction of the readings: no
// new boards, the boards are answered and sent away, the log commits what is queued,
// the views catch up with it. It is called once.
func (s *Server) Run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	log := start(fail, "log", s.log.Run)
	pump := start(fail, "views", s.pump.Run)
	gateway := start(fail, "gateway", s.gateway.Run)
	twin := start(fail, "twin", s.twin.Run)
	defer s.pump.Follow(s.feed)()
	// Who asks for changes, or says how the log is, ends before the log does.
	askers := []part{start(fail, "watch", s.watchHealth), start(fail, "access", s.access.Run)}
	if s.panel != nil {
		askers = append(askers, start(fail, "buttons", s.panel.Run))
	}
	if s.o.ForgetAfter > 0 {
		askers = append(askers, start(fail, "forget", s.forgetSilentDevices))
	}
	stopSender := func() {}
	if s.sender != nil {
		stopSender = start(fail, "remote-write", s.sender.Run).stop
	}
	memory := start(fail, "memory", s.giveMemoryBack)
	defer memory.stop()
	s.forgetConnections(ctx)
	s.admitKnown(ctx)
	http := s.startHTTP(fail)
	close(s.running)

	<-ctx.Done()
	for _, a := range askers {
		a.stop()
	}
	s.sayGoodbye(http)
	twin.stop()
	gateway.stop()
	log.stop()
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if last, err := s.log.Last(drain); err == nil {
		if err := s.pump.Wait(drain, last); err != nil {
			s.o.Logger.Warn("views end behind the log and catch up at the next start", "err", err)
		}
	}
	stopSender() // with what came last
	pump.stop()
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return nil
	}
	return cmp.Or(s.explain.disk(s.o.Data, cause), cause)
}

// part is a part of the server that runs.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (p part) stop() {
	p.cancel()
	<-p.done
}

// start runs a part until it is stopped; its error ends the server.
func start(fail context.CancelCauseFunc, name string, run func(context.Context) error) part {
	ctx, cancel := context.WithCancel(context.Background())
	p := part{cancel, make(chan struct{})}
	go func() {
		defer close(p.done)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	return p
}

// forgetConnections says in the log that the boards are gone which were
// connected when the last process ended without a word. On an external log
// they may be another gateway's, so nothing is said of them there.
func (s *Server) forgetConnections(ctx context.Context) {
	if s.o.NATS != "" {
		return
	}
	stamp := s.clock.Stamp()
	for _, d := range s.registry.List() {
		if !d.Connected {
			continue
		}
		gone := &vaiven.Presence{Stamp: stamp, Device: d.ID, Remote: d.Remote, Reason: "restart"}
		if err := s.log.Append(ctx, []vaiven.Event{gone}, nil); err != nil {
			if ctx.Err() == nil {
				s.o.Logger.Warn("disconnections not recorded", "err", err)
			}
			return // the log does not take anything now: it says so itself
		}
	}
}

// sayGoodbye closes the listeners, sends the boards away, and gives requests
// that are under way as long as that takes: a client that never finishes its
// request must not cost the boards their goodbye.
func (s *Server) sayGoodbye(http *httpServer) {
	bye, cancel := context.WithTimeout(context.Background(), goodbyeTimeout)
	defer cancel()
	s.end() // of what takes long, and is begun anew
	requests := make(chan struct{})
	go func() { defer close(requests); _ = http.Shutdown(bye) }()
	_ = s.feed.Close()
	s.gateway.Shutdown(bye)
	_ = http.Close()
	<-requests
	http.accepting.Wait()
}
