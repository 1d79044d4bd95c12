package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"

	"vaiven/internal/console"
	"vaiven/internal/server"
)

// defaultData is serve's data folder.
const defaultData = "vaiven-data"

func (p *program) serveCommand() *cobra.Command {
	c := &config{Listen: []string{":8080"}, Data: defaultData, Interval: 2 * time.Second, CommitEvery: time.Second}
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
			p.checkTyped(cmd)
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
	s, err := p.open(ctx, c)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // ended before it began
	}
	if err != nil {
		return err
	}
	defer s.Close()
	p.markTurn(c)
	a := &attended{program: p, Server: s, c: c, command: name, roster: roster}
	return a.run(ctx, stop, f)
}

// open opens the server that c describes, and shows how much of the log was read.
func (p *program) open(ctx context.Context, c *config) (*server.Server, error) {
	var bar *console.Progress
	done := func() {
		if bar != nil {
			bar.Done()
		}
	}
	o := p.serverOptions(c)
	o.Progress = func(n, total uint64) {
		if n == 0 {
			bar = console.NewProgress(p.stderr(), p.lang, p.say("reading the log", "leyendo el registro"), total, nil)
			return
		}
		bar.Set(n)
	}
	o.Notify = func(text, hint string) {
		done()
		p.notice(text, hint)
	}
	defer done()
	return server.Open(ctx, o)
}

// attended is a server with the terminal in which somebody follows it.
type attended struct {
	*program
	*server.Server
	c       *config
	command string // serve, lab, workshop
	roster  console.Roster
}

// run shows what an open server does, and runs it until ctx is done.
func (a *attended) run(ctx context.Context, stop func(), f *finish) error {
	facts := a.facts()
	screen, err := a.screen(facts)
	if err != nil {
		return err
	}
	defer a.Follow(screen.view)()
	if f != nil {
		f.standing = a.Access().Standing
		f.seatKnown(a.Devices(), stop, func(line string) { a.notice(line, "") })
		defer a.Follow(f)()
	}
	if screen.keys != nil {
		defer a.Follow(screen.keys)()
		facts.Keys = true
	}
	if !screen.full {
		_ = console.Banner(a.stderr(), facts) // nobody there to read it is no reason not to serve
	}
	defer a.leaveNotes()()
	welcomed := a.welcome(ctx)
	simulated := a.startSimulation(ctx)
	shown := screen.run(ctx, stop)
	watched := f.start(ctx)
	err = a.Run(ctx)
	stop()
	<-watched
	<-welcomed
	<-simulated
	<-shown
	if err == nil && f != nil {
		err = a.summary(f)
	}
	return err
}

// endTimeout is how long an end in order may take. The parts have their own
// deadlines, which together are less on a machine that is not short of everything; a
// disk that hangs has none.
const endTimeout = 80 * time.Second

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

// roster reads the names of the boards' owners.
func (p *program) roster(path string) (console.Roster, error) {
	if path == "" {
		return nil, nil
	}
	r, err := console.LoadRoster(path, p.lang)
	if err != nil {
		return nil, hinted(fmt.Errorf("--roster: %w", err),
			p.say("the file has lines like  101,Ana Pérez", "el archivo tiene líneas como  101,Ana Pérez"))
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
