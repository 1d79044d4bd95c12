package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

func (p *program) watchCommand() *cobra.Command {
	r := &remote{}
	f := api.Filter{}
	after := ""
	cmd := &cobra.Command{
		Use:   "watch [BOARD...]",
		Short: p.say("Follow a running server live, from anywhere", "Sigue en vivo un servidor en marcha, desde donde sea"),
		Long: p.say(
			"watch shows what happens on a running server as its own terminal does: readings, states,\nwho comes and goes, what was refused. A connection that breaks off is made again, and\nnothing is left out. Ctrl-C ends it.",
			"watch muestra lo que pasa en un servidor en marcha como lo hace su propia terminal:\nlecturas, estados, quién llega y se va, qué se rechazó. Si la conexión se corta se hace\notra vez, y no falta nada. Termina con Ctrl-C."),
		Example: "  vaiven watch\n  vaiven watch 101 102 --kind reading\n  vaiven watch --server http://192.168.1.20:8080 --json | jq .\n  vaiven watch --after 0",
		RunE: func(cmd *cobra.Command, ids []string) (err error) {
			if f.Devices, err = p.parseDevices(ids); err != nil {
				return err
			}
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			return p.follow(cmd.Context(), c, r, f, after)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.Kinds, "kind", nil, p.say("only these kinds of events: reading, state, presence, session, rejected ...",
		"solo estas clases de eventos: reading, state, presence, session, rejected ..."))
	flags.StringVar(&after, "after", "", p.say("begin behind the event with this id; 0: with the first one (default: now)",
		"empieza después del evento con este id; 0: con el primero (por defecto, ahora)"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

// follow prints events until Ctrl-C.
func (p *program) follow(ctx context.Context, c *api.Client, r *remote, f api.Filter, after string) error {
	show := p.rawEvent
	if !r.json {
		show = p.eventLine(after)
	}
	if _, err := c.Server(ctx); err != nil { // what is wrong at once is said at once
		return p.remoteError(r, err)
	}
	told := false
	lost := func(err error) {
		var trimmed *api.TrimmedError
		if errors.As(err, &trimmed) {
			p.notice(fmt.Sprintf(p.say("the log begins with %s now: the events before it are missing",
				"el registro empieza ahora en %s: faltan los eventos anteriores"), trimmed.First), "")
			return
		}
		if !told {
			p.notice(p.remoteError(r, err).Error(), p.say("trying again; nothing is left out", "se intenta otra vez; no faltará nada"))
		}
		told = true
	}
	err := c.Watch(ctx, f, after, func(e api.Event) error { told = false; return show(e) }, lost)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return p.remoteError(r, err)
}

func (p *program) rawEvent(e api.Event) error {
	_, err := fmt.Fprintf(p.out, "%s\n", e.Raw)
	return err
}

// eventLine prints events as the server's own terminal does.
func (p *program) eventLine(after string) func(api.Event) error {
	o := console.Options{Lang: p.lang, Out: p.stdout(), Err: p.stdout(), Roster: console.Roster{}}
	if after != "0" {
		o.After = 1 // it does not see everything, so it claims nothing of what it has not seen
	}
	plain := console.NewPlain(o)
	return func(e api.Event) error {
		en, name, err := event.Parse(e.Raw)
		if errors.Is(err, event.ErrOtherKind) {
			return nil // of a later server
		}
		if err != nil {
			return err
		}
		if name != "" {
			o.Roster[en.Event.Of()] = name
		}
		return plain.Apply(en.ID.Record, []vaiven.Entry{en})
	}
}
