package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/term"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/csvfile"
	"vaiven/internal/views"
)

// screen is what the terminal shows while the server runs.
type screen struct {
	view views.View
	full bool
	tui  *console.TUI
	keys *console.Keys // of the line mode, nil: nobody types there
}

// screen makes what the command line asks for.
func (a *attended) screen(facts console.Facts) (*screen, error) {
	o := console.Options{Lang: a.lang, Out: a.stdout(), Err: a.stderr(), Roster: a.roster, After: a.Replayed()}
	switch {
	case a.c.JSON:
		return &screen{view: console.NewJSON(o)}, nil
	case a.c.UI != "tui":
		plain := console.NewPlain(o)
		plain.Seed(a.Replayed(), a.known())
		return &screen{view: plain, keys: a.keys()}, nil
	case !console.FullScreen(a.in, o.Out):
		return nil, hinted(errors.New(a.say("--ui tui needs a terminal", "--ui tui necesita una terminal")),
			a.say("leave it out when the output goes to a file or a program", "omítela cuando la salida va a un archivo o a un programa"))
	}
	a.keyFor.Store(&whoWaits{a.Server.Access().Waiting})
	t := console.NewTUI(console.TUIOptions{
		Lang: a.lang, Title: a.title(facts), Roster: a.roster, Addresses: shownAddresses(facts), After: a.Replayed(),
		Input: a.in, Output: a.out.File(), Color: o.Out.Color, Fallback: a.err.Notes(),
		RequestChange: a.askFromTerminal, States: a.States(),
		Waiting: a.Server.Access().Waiting, Approve: a.approveFromTerminal, Trust: a.Server.Access().Trust,
	})
	t.Seed(a.Replayed(), a.known())
	w := t.LogWriter()
	a.screenLog.Store(&w)
	return &screen{view: t, full: true, tui: t}, nil
}

// shownAddresses are those to give to a board; with a scheme where it is not the usual one.
func shownAddresses(f console.Facts) []string {
	if len(f.Addresses) > 0 {
		return f.Addresses
	}
	var all []string
	for _, a := range f.Secure {
		all = append(all, "wss://"+a)
	}
	return all
}

// keys are what a person may type beside the lines, if there is a terminal to
// type in.
func (a *attended) keys() *console.Keys {
	if a.in == nil || !term.IsTerminal(int(a.in.Fd())) {
		return nil
	}
	a.keyFor.Store(&whoWaits{a.Server.Access().Waiting})
	k := console.NewKeys(console.KeysOptions{
		Lang: a.lang, In: a.in, Err: a.stderr(), Roster: a.roster, States: a.States(), RequestChange: a.askFromTerminal, After: a.Replayed(),
		Waiting: a.Server.Access().Waiting, Approve: a.approveFromTerminal,
	})
	k.Seed(a.Replayed(), a.known())
	return k
}

// askFromTerminal writes a change for the person at the keys.
func (a *attended) askFromTerminal(ctx context.Context, r vaiven.ChangeRequest) error {
	r.By = "terminal"
	return a.Ask(ctx, r)
}

// title names the run in the full screen's first line.
func (a *attended) title(f console.Facts) string {
	if f.Readings == 0 {
		return f.Command
	}
	return f.Command + ", " + a.lang.Readings(f.Readings)
}

// known is what the log already says of each device.
func (a *attended) known() []console.Known {
	var all []console.Known
	for _, d := range a.Devices() {
		state, _ := a.State(d.ID)
		all = append(all, console.Known{Info: d, State: state})
	}
	return all
}

// run shows a full screen until ctx is done; closing it ends the server.
func (s *screen) run(ctx context.Context, stop func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.keys != nil {
			_ = s.keys.Run(ctx) // the end of the input ends nothing else
		}
		if s.tui != nil {
			_ = s.tui.Run(ctx)
			stop()
		}
	}()
	return done
}

// facts are what the banner tells.
func (a *attended) facts() console.Facts {
	now, addresses, paths := a.Stamp(), a.Addresses(), a.CSVPaths()
	f := console.Facts{
		Lang: a.lang, Command: a.command, Version: versionText(),
		Addresses: addresses.Plain, Secure: addresses.Secure, OwnAuthority: a.OwnAuthority(), Local: addresses.Local,
		Zone: a.Zone(), Offset: zoneOffset(a.Zone(), now), Synced: now.Synced,
		Class: a.c.Open, View: a.c.PublicView,
		Data: a.c.Data, Continued: a.c.continued, CSV: paths[0], Readings: a.c.Readings, For: a.c.For,
	}
	if a.command == "workshop" {
		f.Command = a.say("workshop", "taller")
	}
	if len(paths) > 1 {
		f.Sheet = paths[1]
	}
	if side, err := csvfile.ReadSidecar(paths[0]); err == nil {
		f.Rotate = side.Rotate
	}
	if a.c.Readings > 0 || a.c.For > 0 {
		f.Interval = a.c.Interval
	}
	return f
}

// zoneOffset is the offset of a zone at a moment, in seconds east of UTC.
func zoneOffset(zone string, now vaiven.Stamp) int32 {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return now.Offset // the zone "recorded": each reading's own
	}
	_, offset := time.UnixMilli(now.At).In(loc).Zone()
	return int32(offset)
}
