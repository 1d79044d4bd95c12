package server

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

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
	if err := s.access.OpenLocal(s.o.Data); err != nil {
		return s.explain.Folder(s.o.Data, err)
	}
	return nil
}

// ShortestToken is how many characters Options.APIToken has at least.
const ShortestToken = access.ShortestToken

// TokenPath is where a data folder keeps the token of the commands on the same machine.
func TokenPath(data string) string { return filepath.Join(data, access.LocalFile) }

// Access answers who may do what here.
func (s *Server) Access() *access.Control { return s.access }

// tellWaiting tells a person of a board that waits to be let in.
func (s *Server) tellWaiting(w vaiven.Waiting) {
	if s.o.Waiting != nil {
		s.o.Waiting(w)
		return
	}
	s.o.Notify(fmt.Sprintf(s.o.Lang.Say("%s (%s) waits for somebody to approve it", "%s (%s) espera a que alguien la apruebe"), w.Device, w.Remote),
		fmt.Sprintf(s.o.Lang.Say("`vaiven devices approve %s` lets it in", "`vaiven devices approve %s` la deja entrar"), w.Device))
}

// Free takes a device from the connection that speaks for it, and keeps that address from
// it for a while; it returns the address, false when nobody speaks for the device.
func (s *Server) Free(d vaiven.Device) (remote string, ok bool) { return s.gateway.Free(d) }

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
func (k keys) Free(_ context.Context, d vaiven.Device, _ string) (bool, error) {
	_, ok := k.server.Free(d)
	return ok, nil
}

// mostAdmitted are let in by one record.
const mostAdmitted = 500

func (s *Server) admit(ctx context.Context, boards []vaiven.Device, by string) error {
	stamp := s.clock.Stamp()
	for part := range slices.Chunk(boards, mostAdmitted) {
		var events []vaiven.Event
		for _, d := range part {
			events = append(events, &vaiven.Admitted{Stamp: stamp, Device: d, By: by})
		}
		if err := s.write(ctx, events...); err != nil {
			return err
		}
	}
	return nil
}

// AwaitRunning returns once boards and people are let in: what is written then stands
// behind what a start itself writes.
func (s *Server) AwaitRunning(ctx context.Context) error {
	select {
	case <-s.running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// admitKnown lets in the boards of a log from before boards were asked to wait: whoever
// sent readings to this server yesterday is to go on today. If we die in the middle, the
// rest waits for a person.
func (s *Server) admitKnown(ctx context.Context) {
	if s.o.Class || s.book.Begun() {
		return
	}
	var known []vaiven.Device
	for _, d := range s.registry.List() {
		known = append(known, d.ID)
	}
	if len(known) == 0 {
		return
	}
	if err := s.admit(ctx, known, "upgrade"); err != nil {
		s.o.Logger.Warn("boards of before were not let in", "err", err)
		return
	}
	s.o.Notify(fmt.Sprintf(s.o.Lang.Say(
		"%s of this log may go on sending; a new one waits until you approve it", "%s de este registro pueden seguir enviando; una nueva espera a que la apruebes"),
		s.o.Lang.Boards(uint64(len(known)))), s.o.Lang.Say("`vaiven devices` lists them, `vaiven devices revoke BOARD` takes it back", "`vaiven devices` las muestra, `vaiven devices revoke PLACA` lo retira"))
}
