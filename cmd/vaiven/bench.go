package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"vaiven/internal/console"
	"vaiven/internal/transports"
)

func (p *program) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: p.say("Measure on this machine", "Mide en este equipo"),
		Args:  p.knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.benchTransportsCommand(), p.benchFollowCommand())
	return cmd
}

func (p *program) benchTransportsCommand() *cobra.Command {
	o := transports.Options{}
	var only []string
	asJSON := false
	cmd := &cobra.Command{
		Use:   "transports",
		Short: p.say("Follow readings over every transport, side by side", "Sigue lecturas por cada transporte, para compararlos"),
		Long: p.say(
			`transports sends the same readings once for each transport, through a server of
its own on this machine, and measures its followers: WebSocket, Server-Sent Events,
streaming HTTP, long polling, plain polling (of the events, and of the latest
values), and MQTT through Mosquitto if it is installed. The transports run one
after the other, so that none disturbs another: about a minute. Nothing is left
behind.`,
			`transports envía las mismas lecturas una vez por cada transporte, a través de un
servidor propio en este equipo, y mide a sus seguidores: WebSocket, Server-Sent
Events, streaming por HTTP, long polling, polling simple (de los eventos, y de
los últimos valores) y MQTT con Mosquitto si está instalado. Los transportes van
uno tras otro, para que ninguno estorbe a otro: un minuto más o menos. No deja
nada en el disco.`),
		Example: "  vaiven bench transports\n  vaiven bench transports --only ws,longpoll,values --poll 5s\n  vaiven bench transports --followers 50 --json | jq .",
		Args:    p.args(cobra.NoArgs),
		// The variables that configure a server are not looked at: --readings is
		// another number here.
		RunE: func(cmd *cobra.Command, _ []string) error {
			var unknown *transports.UnknownError
			var err error
			if o.Transports, err = transports.Parse(only); errors.As(err, &unknown) {
				return usageError{errors.New("--only: " + unknown.Text(p.lang))}
			}
			var bounds *transports.BoundsError
			if err := o.Check(); errors.As(err, &bounds) {
				return usageError{errors.New(bounds.Text(p.lang))}
			}
			return p.benchTransports(cmd.Context(), o, asJSON)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Readings, "readings", transports.DefaultReadings, p.say("readings sent over each transport", "lecturas que se envían por cada transporte"))
	f.Float64Var(&o.Rate, "rate", transports.DefaultRate, p.say("readings a second", "lecturas por segundo"))
	f.IntVar(&o.Followers, "followers", transports.DefaultFollowers, p.say("followers at once", "seguidores a la vez"))
	f.DurationVar(&o.Poll, "poll", transports.DefaultPoll, p.say("time between the requests of plain polling", "tiempo entre las peticiones del polling simple"))
	f.StringSliceVar(&only, "only", nil, p.say("only these: ws,sse,ndjson,longpoll,poll,values,mqtt", "solo estos: ws,sse,ndjson,longpoll,poll,values,mqtt"))
	f.StringVar(&o.Mosquitto, "mosquitto", "", p.say("Mosquitto's program (default: looked for)", "el programa de Mosquitto (por defecto, se busca)"))
	f.BoolVar(&asJSON, "json", false, p.say("the result as a JSON object", "el resultado como un objeto JSON"))
	return cmd
}

func (p *program) benchTransports(ctx context.Context, o transports.Options, asJSON bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o.Server = func(addr, data string) *exec.Cmd {
		return p.again(self, "serve", "--open", "--listen", addr, "--data", data, "--ui", "plain", "--commit-every", "0")
	}
	o.Follower = func(task string) *exec.Cmd { return p.again(self, "bench", "follow", task) }
	bar := console.NewProgress(p.stderr(), p.lang, p.say("readings sent", "lecturas enviadas"), uint64(o.Steps()), nil)
	o.OnProgress = func(n int) { bar.Set(uint64(n)) }
	defer bar.Done()
	r, err := transports.Run(ctx, o)
	bar.Done()
	switch {
	case ctx.Err() != nil:
		return errors.New(p.say("interrupted; nothing was left behind", "interrumpido; no quedó nada en el disco"))
	case err != nil:
		return err
	}
	if asJSON {
		err = json.NewEncoder(p.out).Encode(r)
	} else {
		err = r.Write(p.out, p.lang)
	}
	if failed := r.Problems(); err == nil && len(failed) > 0 {
		return errors.New(strings.Join(failed, "\n"))
	}
	return err
}

// again is this program with other arguments, and without the variables that
// configure it: what is measured are its defaults.
func (p *program) again(self string, args ...string) *exec.Cmd {
	cmd := exec.Command(self, append(args, "--lang", string(p.lang))...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(strings.ToUpper(v), envPrefix) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// benchFollowCommand is what benchTransports starts for the followers.
func (p *program) benchFollowCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "follow TASK",
		Hidden: true,
		Args:   p.args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var task transports.Task
			if err := json.Unmarshal([]byte(args[0]), &task); err != nil {
				return usageError{fmt.Errorf("TASK: %w", err)}
			}
			sent := make(chan struct{})
			go func() { // ends with the input, or with the program
				_, _ = io.Copy(io.Discard, p.in)
				close(sent)
			}()
			return transports.Follow(cmd.Context(), task, sent, p.out)
		},
	}
}
