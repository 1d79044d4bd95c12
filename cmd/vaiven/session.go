package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/web"
)

func (p *program) sessionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "session",
		Short: p.say("Sessions of a running server", "Sesiones de un servidor en marcha"),
		Args:  p.args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	server := ""
	renew := &cobra.Command{
		Use:   "new ID...",
		Short: p.say("Let boards that have finished start again", "Permite que placas que ya terminaron empiecen otra vez"),
		Example: p.say("  vaiven session new 101 102",
			"  vaiven session new 101 102"),
		Args: p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			for _, id := range ids {
				if err := p.newSession(cmd.Context(), server, id); err != nil {
					return err
				}
			}
			return nil
		},
	}
	renew.Flags().StringVar(&server, "server", "http://127.0.0.1:8080", p.say("the running server, on this machine", "el servidor en marcha, en esta máquina"))
	cmd.AddCommand(renew)
	return cmd
}

// askTimeout bounds a request to the running server.
const askTimeout = 10 * time.Second

func (p *program) newSession(ctx context.Context, server, id string) error {
	device, err := vaiven.ParseDevice(id)
	if err != nil {
		return usageError{fmt.Errorf(p.say("%q is no device id: it is a number as 101, or letters, digits, . _ -",
			"%q no es un dispositivo: es un número como 101, o letras, cifras, . _ -"), id)}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	to, err := url.JoinPath(server, "api/v1/devices", string(device), "sessions")
	if err != nil {
		return usageError{fmt.Errorf("--server %q: %w", server, err)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, nil)
	if err != nil {
		return usageError{fmt.Errorf("--server %q: %w", server, err)}
	}
	resp, err := http.DefaultClient.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return hinted{fmt.Errorf(p.say("no vaiven answers at %s", "ningún vaiven responde en %s"), server), p.say(
			"start it, or say where it listens: --server http://127.0.0.1:PORT", "inícialo, o di dónde escucha: --server http://127.0.0.1:PUERTO")}
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		_, err := fmt.Fprintf(p.out, p.say("%s: a new session begins with its next connection\n", "%s: empieza una sesión nueva con su próxima conexión\n"), device)
		return err
	}
	if resp.StatusCode == http.StatusConflict {
		return hinted{errors.New(p.say("that server has no limits, so there are no sessions to start again",
			"ese servidor no tiene límites: no hay sesiones que empezar otra vez")),
			p.say("start it with --readings or --for, or as lab or workshop", "inícialo con --readings o --for, o como lab o taller")}
	}
	var problem web.Problem
	_ = json.NewDecoder(resp.Body).Decode(&problem)
	return fmt.Errorf("%s: %s", resp.Status, problem.Detail)
}
