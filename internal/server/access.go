package server

import (
	"context"
	"fmt"

	"vaiven"
	"vaiven/internal/access"
	"vaiven/internal/web"
)

// openAccess prepares who may do what, and the token of the commands on this machine.
func (s *Server) openAccess() error {
	s.access = access.NewControl(access.Options{
		Book: s.book, Write: s.write, Stamp: s.clock.Stamp,
		Open: s.o.Class, PublicView: s.o.PublicView, Configured: s.o.APIToken,
		Failed: func(err error) { s.o.Logger.Warn("what was denied is not recorded", "err", err) },
	})
	if err := s.access.WriteLocal(s.o.Data); err != nil {
		return s.explain.Folder(s.o.Data, err)
	}
	return nil
}

// Access answers who may do what here.
func (s *Server) Access() *access.Control { return s.access }

// admin is what an administrator decides over HTTP.
func (s *Server) admin() web.Admin {
	return web.Admin{Boards: s.access, Keys: keys{s.access, s}, Door: s.access, Tokens: s.access, LoginLink: s.access.LoginLink}
}

// keys are given to boards, whose connections the gateway has.
type keys struct {
	*access.Control
	server *Server
}

// Free implements [web.BoardKeys].
func (k keys) Free(_ context.Context, d vaiven.Device, by string) (bool, error) {
	return k.server.Free(d, by), nil
}

// mostAdmitted are let in by one record of an upgrade.
const mostAdmitted = 500

// admitKnown lets in the boards of a log from before boards were asked to wait: whoever
// sent readings to this server yesterday is to go on today. If we die in the middle, the
// rest waits for a person.
func (s *Server) admitKnown(ctx context.Context) {
	if s.o.Class || s.book.Begun() {
		return
	}
	stamp := s.clock.Stamp()
	var events []vaiven.Event
	for _, d := range s.registry.List() {
		events = append(events, &vaiven.Admitted{Stamp: stamp, Device: d.ID, By: "upgrade"})
	}
	if len(events) == 0 {
		return
	}
	for at := 0; at < len(events); at += mostAdmitted {
		if err := s.write(ctx, events[at:min(at+mostAdmitted, len(events))]...); err != nil {
			s.o.Logger.Warn("boards of before were not let in", "err", err)
			return
		}
	}
	s.o.Notify(fmt.Sprintf(s.o.Lang.Say(
		"%s of this log may go on sending; a new one waits until you approve it", "%s de este registro pueden seguir enviando; una nueva espera a que la apruebes"),
		s.o.Lang.Boards(uint64(len(events)))), s.o.Lang.Say("`vaiven devices` lists them, `vaiven devices revoke BOARD` takes it back", "`vaiven devices` las muestra, `vaiven devices revoke PLACA` lo retira"))
}
