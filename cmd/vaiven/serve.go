package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/views"
)

func (p *program) serveCommand() *cobra.Command {
	c := &config{Listen: []string{":8080"}, Data: "vaiven-data", Interval: 2 * time.Second}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: p.say("Receive readings until Ctrl-C", "Recibe lecturas hasta Ctrl-C"),
		Example: p.say(
			"  vaiven serve --simulate 3                 three simulated boards\n  vaiven serve --readings 10 --for 3m        sessions as in the lab\n  vaiven serve --json | jq .                 for programs",
			"  vaiven serve --simulate 3                 tres placas simuladas\n  vaiven serve --readings 10 --for 3m        sesiones como en el laboratorio\n  vaiven serve --json | jq .                 para programas"),
		Args: p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			return p.serve(cmd.Context(), "serve", c, nil)
		},
	}
	p.flags(cmd.Flags(), c)
	return cmd
}

// serve opens a server, shows what it does, and runs it to its end. Of a
// course run, f ends it and its summary comes last.
func (p *program) serve(ctx context.Context, name string, c *config, f *finish) error {
	if err := p.check(c); err != nil {
		return err
	}
	defer p.profile(c.CPUProfile)()
	roster, err := p.roster(c.Roster)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer p.endInTime(ctx)()
	p.keepOnUnread(func() {
		if f != nil { // a class is somebody's, a server is nobody's
			stop()
		}
	})
	a, err := p.open(ctx, c)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // ended before it began
	}
	if err != nil {
		return err
	}
	defer a.close()
	return a.run(ctx, stop, name, roster, f)
}

// run shows what an open server does, and runs it until ctx is done.
func (a *app) run(ctx context.Context, stop func(), name string, roster console.Roster, f *finish) error {
	facts := a.facts(name)
	screen, err := a.screen(facts, roster)
	if err != nil {
		return err
	}
	defer a.pump.Follow(screen.view)()
	if f != nil {
		f.begin(a, stop)
		defer a.pump.Follow(f)()
	}
	if screen.keys != nil {
		defer a.pump.Follow(screen.keys)()
		facts.Keys = true
	}
	if !screen.full {
		_ = console.Banner(a.stderr(), facts) // nobody there to read it is no reason not to serve
	}
	simulated := a.startSimulation(ctx)
	shown := screen.run(ctx, stop)
	watched := f.start(ctx)
	err = a.serve(ctx)
	stop()
	<-watched
	<-simulated
	<-shown
	if err == nil && f != nil {
		err = f.summary(a, roster)
	}
	return err
}

// endTimeout is how long an end in order may take. The parts have their own
// deadlines, which together are less; a disk that hangs has none.
const endTimeout = 30 * time.Second

// endInTime ends the process when it has not ended by itself in endTimeout after
// ctx, until the returned function is called. What was acknowledged is on disk,
// so that this costs what kill -9 does: nothing.
func (p *program) endInTime(ctx context.Context) (ended func()) {
	done := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		p.leaveOutputs()
		late := time.NewTimer(endTimeout)
		defer late.Stop()
		select {
		case <-done:
		case <-late.C:
			p.notice(p.say("something hangs, and is left to the next start", "algo no responde, y queda para el próximo inicio"), "")
			p.flushOutputs()
			os.Exit(exitError)
		}
	})
	return func() { unwatch(); close(done) }
}

// screen is what the terminal shows while the server runs.
type screen struct {
	view views.View
	full bool
	tui  *console.TUI
	keys *console.Keys // of the line mode, nil: nobody types there
}

func (a *app) screen(facts console.Facts, roster console.Roster) (*screen, error) {
	o := console.Options{Lang: a.lang, Out: a.stdout(), Err: a.stderr(), Roster: roster, After: a.replayed}
	switch {
	case a.c.JSON:
		return &screen{view: console.NewJSON(o)}, nil
	case a.c.UI != "tui":
		plain := console.NewPlain(o)
		plain.Seed(a.replayed, a.known())
		return &screen{view: plain, keys: a.keys(roster)}, nil
	case !console.FullScreen(a.in, o.Out):
		return nil, hinted{errors.New(a.say("--ui tui needs a terminal", "--ui tui necesita una terminal")),
			a.say("leave it out when the output goes to a file or a program", "omítela cuando la salida va a un archivo o a un programa")}
	}
	t := console.NewTUI(console.TUIOptions{
		Lang: a.lang, Title: a.title(facts), Roster: roster, Addresses: facts.Addresses, After: a.replayed,
		Input: a.in, Output: a.out.File(), Color: o.Out.Color, Fallback: a.err.Notes(),
		RequestChange: a.askFromTerminal, States: a.ownStates(),
	})
	t.Seed(a.replayed, a.known())
	w := t.LogWriter()
	a.screenLog.Store(&w)
	return &screen{view: t, full: true, tui: t}, nil
}

// keys are what a person may type beside the lines, if there is a terminal to
// type in.
func (a *app) keys(roster console.Roster) *console.Keys {
	if a.in == nil || !term.IsTerminal(int(a.in.Fd())) {
		return nil
	}
	k := console.NewKeys(console.KeysOptions{
		Lang: a.lang, In: a.in, Err: a.stderr(), Roster: roster, States: a.ownStates(), RequestChange: a.askFromTerminal, After: a.replayed,
	})
	k.Seed(a.replayed, a.known())
	return k
}

// askFromTerminal writes a change for the person at the keys.
func (a *app) askFromTerminal(ctx context.Context, r vaiven.ChangeRequest) error {
	r.By = "terminal"
	return a.tryAsk(ctx, r)
}

// title names the run in the full screen's first line.
func (a *app) title(f console.Facts) string {
	if f.Readings == 0 {
		return f.Command
	}
	return fmt.Sprintf(a.say("%s, %d readings", "%s, %d lecturas"), f.Command, f.Readings)
}

// known is what the log already says of each device.
func (a *app) known() []console.Known {
	var all []console.Known
	for _, d := range a.reg.List() {
		state, _ := a.twin.State(d.ID)
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
func (a *app) facts(command string) console.Facts {
	now := a.clock.stamp()
	if command == "workshop" {
		command = a.say("workshop", "taller")
	}
	f := console.Facts{
		Lang: a.lang, Command: command, Version: versionText(), Zone: a.csv.Zone(), Offset: zoneOffset(a.csv.Zone(), now), Synced: now.Synced,
		Data: a.c.Data, Continued: a.c.continued, CSV: a.c.csvPath(), Readings: a.c.Readings, For: a.c.For,
	}
	if a.sheet != nil {
		f.Sheet = a.c.sheetPath()
	}
	if a.c.Readings > 0 || a.c.For > 0 {
		f.Interval = a.c.Interval
	}
	for _, l := range a.listeners {
		port := strconv.Itoa(l.port())
		for _, host := range l.reach() {
			if addr := net.JoinHostPort(host, port); l.tls {
				f.Secure = append(f.Secure, addr)
			} else {
				f.Addresses = append(f.Addresses, addr)
			}
		}
		if f.Local == "" && !l.tls {
			f.Local = net.JoinHostPort("127.0.0.1", port)
		}
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

// roster reads the names of the boards' owners.
func (p *program) roster(path string) (console.Roster, error) {
	if path == "" {
		return nil, nil
	}
	r, err := console.LoadRoster(path, p.lang)
	if err != nil {
		return nil, hinted{fmt.Errorf("--roster: %w", err),
			p.say("the file has lines like  101,Ana Pérez", "el archivo tiene líneas como  101,Ana Pérez")}
	}
	return r, nil
}

// profile writes a CPU profile until the returned function is called.
func (p *program) profile(path string) (stop func()) {
	if path == "" {
		return func() {}
	}
	f, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		p.notice("--cpuprofile: "+err.Error(), "")
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}
}
