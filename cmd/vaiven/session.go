package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"vaiven/internal/web/api"
)

func (p *program) sessionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "session",
		Short: p.say("Sessions of a running server", "Sesiones de un servidor en marcha"),
		Args:  p.knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	r := &remote{}
	renew := &cobra.Command{
		Use:     "new BOARD...",
		Short:   p.say("Let boards that have finished start again", "Permite que placas que ya terminaron empiecen otra vez"),
		Example: "  vaiven session new 101 102",
		Args:    p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := p.newSession(cmd.Context(), c, r, id); err != nil {
					return err
				}
			}
			return nil
		},
	}
	p.remoteFlags(renew, r)
	cmd.AddCommand(renew)
	return cmd
}

func (p *program) newSession(ctx context.Context, c *api.Client, r *remote, id string) error {
	device, err := p.parseDevice(id)
	if err != nil {
		return err
	}
	err = c.NewSession(ctx, device)
	var refused *api.Problem
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return hinted{errors.New(p.say("that server has no limits, so there are no sessions to start again",
			"ese servidor no tiene límites: no hay sesiones que empezar otra vez")),
			p.say("start it with --readings or --for, or as lab or workshop", "inícialo con --readings o --for, o como lab o taller")}
	}
	if err != nil {
		return p.remoteError(r, err)
	}
	_, err = fmt.Fprintf(p.out, p.say("%s: a new session begins with its next connection\n", "%s: empieza una sesión nueva con su próxima conexión\n"), device)
	return err
}
