package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/web/api"
)

// auditKinds are what an audit shows: who was let in and what was denied, and what was
// switched.
var auditKinds = []string{"access", "change", "change_end", "forgotten", "described"}

func (p *program) auditCommand() *cobra.Command {
	r := &remote{}
	var since time.Duration
	goOn := false
	cmd := &cobra.Command{
		Use: "audit [BOARD...]", Aliases: []string{"auditoria"},
		Short: p.say("Who was let in, by whom, what was switched, and what was denied", "Quién fue admitido, por quién, qué se cambió, y qué se denegó"),
		Long: p.say("audit reads the server's log: admissions, tokens, logins, changes of state and what was\ntried in vain, with who did it. --follow goes on with what happens.",
			"audit lee el registro del servidor: admisiones, claves, accesos, cambios de estado y lo que se\nintentó en vano, con quién lo hizo. --follow sigue con lo que pase."),
		Example: "  vaiven audit\n  vaiven audit --since 7d --json | jq .\n  vaiven audit 101 --follow",
		RunE: func(cmd *cobra.Command, ids []string) error {
			devices, err := p.parseDevices(ids)
			if err != nil {
				return err
			}
			if since < time.Millisecond {
				return usageError{errors.New("--since: " + vaiven.WantAge(p.lang))}
			}
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			return p.audit(cmd, c, r, api.Filter{Devices: devices, Kinds: auditKinds}, since, goOn)
		},
	}
	since = vaiven.Day
	f := cmd.Flags()
	f.Var(age{&since}, "since", p.say("how far back, as 12h, 7d or 1y", "desde hace cuánto, como 12h, 7d (días) o 1y (año)"))
	f.BoolVar(&goOn, "follow", false, p.say("go on with what happens, until Ctrl-C", "sigue con lo que pase, hasta Ctrl-C"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

// audit prints what the log says, and follows it where that is asked for.
func (p *program) audit(cmd *cobra.Command, c *api.Client, r *remote, f api.Filter, since time.Duration, goOn bool) error {
	show := p.rawEvent
	if !r.json {
		show = p.eventLine("")
	}
	stretch, last := api.Stretch{Since: time.Now().Add(-since)}, ""
	for {
		page, err := c.Events(cmd.Context(), f, stretch)
		if err != nil {
			return p.remoteError(r, err)
		}
		for _, e := range page.Events {
			if err := show(e); err != nil {
				return err
			}
		}
		last = page.Next
		if !page.More {
			break
		}
		stretch.After = page.Next
	}
	if !goOn {
		return nil
	}
	return p.follow(cmd.Context(), c, r, f, last)
}
