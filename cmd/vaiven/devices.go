package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/web/api"
)

func (p *program) devicesCommand() *cobra.Command {
	r := &remote{}
	q := api.Query{}
	status := ""
	cmd := &cobra.Command{
		Use:   "devices [TEXT]",
		Short: p.say("The boards that a running server knows", "Las placas que conoce un servidor en marcha"),
		Long: p.say("devices lists the boards of a running server: who is connected, silent, asleep or gone,\nsince when, and what they measured last. TEXT is searched for in id, name, note and group.",
			"devices muestra las placas de un servidor en marcha: cuál está conectada, callada, dormida\no ausente, desde cuándo, y qué midió. TEXTO se busca en identificador, nombre, nota y grupo."),
		Example: "  vaiven devices\n  vaiven devices --status silent\n  vaiven devices --server http://192.168.1.20:8080 --json",
		Args:    p.args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			q.Text, q.Status = strings.Join(args, ""), api.Status(status)
			list, err := c.AllDevices(cmd.Context(), q)
			if err != nil {
				return p.remoteError(r, err)
			}
			return p.listDevices(r, list)
		},
	}
	f := cmd.Flags()
	f.StringVar(&status, "status", "", p.say("only those: connected, silent, asleep, disconnected, never", "solo esas: connected, silent, asleep, disconnected, never"))
	f.StringVar(&q.Group, "group", "", p.say("only those of this group", "solo las de este grupo"))
	f.StringVar(&q.Sort, "sort", "id", p.say("by id, name, last, readings or status; with - the other way round", "por id, name, last, readings o status; con - al revés"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	cmd.AddCommand(p.describeCommand(), p.forgetCommand())
	cmd.AddCommand(p.admitCommands()...)
	return cmd
}

func (p *program) listDevices(r *remote, list []api.Device) error {
	if r.json {
		for _, d := range list {
			if err := p.printJSON(d); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(p.out, p.say("no boards", "no hay placas"))
		return err
	}
	rows := make([]console.Listed, len(list))
	for i := range list {
		rows[i] = p.listed(&list[i])
	}
	return console.WriteListing(p.stdout(), p.lang, rows, time.Now())
}

func (p *program) listed(d *api.Device) console.Listed {
	row := console.Listed{
		Device: d.ID, Title: d.Name, Trust: d.Trust, Status: d.Status, Since: d.Since, Until: d.Until, Readings: d.Readings,
	}
	for _, v := range d.Values {
		row.Values = append(row.Values, vaiven.Value{Name: v.Name, Num: v.Value})
	}
	for _, v := range d.States {
		row.States = append(row.States, vaiven.Value{Name: v.Name, Num: v.Value})
	}
	// Boards that fight over an id are the classroom's commonest mistake.
	if d.Status != api.Disconnected && time.Since(d.ConflictAt) < 2*time.Minute {
		row.Problem = p.say("two boards say this id: ", "dos placas dicen este identificador: ") + strings.Join(d.Remotes, ", ")
	}
	return row
}

func (p *program) describeCommand() *cobra.Command {
	r := &remote{}
	var name, note string
	var groups []string
	cmd := &cobra.Command{
		Use:     "describe BOARD",
		Short:   p.say("Give a board a name, a note, groups", "Da a una placa nombre, nota y grupos"),
		Example: p.say("  vaiven devices describe 101 --name \"desk 3\" --group lab", "  vaiven devices describe 101 --name \"mesa 3\" --group lab"),
		Args:    p.args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := p.parseDevice(args[0])
			if err != nil {
				return err
			}
			words := api.Description{}
			if cmd.Flags().Changed("name") {
				words.Name = &name
			}
			if cmd.Flags().Changed("note") {
				words.Note = &note
			}
			if cmd.Flags().Changed("group") {
				words.Groups = &groups
			}
			if words == (api.Description{}) {
				return usageError{errors.New(p.say("say what to change: --name, --note or --group", "di qué cambiar: --name, --note o --group"))}
			}
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			known, err := c.Describe(cmd.Context(), d, words)
			if err != nil {
				return p.remoteError(r, err)
			}
			return p.listDevices(r, []api.Device{*known})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", p.say("what people call it; \"\" removes it", "cómo la llama la gente; \"\" lo quita"))
	f.StringVar(&note, "note", "", p.say("what there is to say about it", "lo que haya que decir de ella"))
	f.StringSliceVar(&groups, "group", nil, p.say("groups that it belongs to; they replace the earlier ones", "grupos a los que pertenece; reemplazan a los anteriores"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

func (p *program) forgetCommand() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use:   "forget BOARD...",
		Short: p.say("Remove boards from every table; their readings stay", "Quita placas de todas las tablas; sus lecturas se quedan"),
		Args:  p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			for _, id := range ids {
				d, err := p.parseDevice(id)
				if err != nil {
					return err
				}
				if err := c.Forget(cmd.Context(), d); err != nil {
					return p.remoteError(r, err)
				}
				if _, err := fmt.Fprintf(p.out, p.say("%s  forgotten\n", "%s  olvidada\n"), d); err != nil {
					return err
				}
			}
			return nil
		},
	}
	p.remoteFlags(cmd, r)
	return cmd
}

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
		return hinted(errors.New(p.say("that server has no limits, so there are no sessions to start again",
			"ese servidor no tiene límites: no hay sesiones que empezar otra vez")),
			p.say("start it with --readings or --for, or as lab or workshop", "inícialo con --readings o --for, o como lab o taller"))
	}
	if err != nil {
		return p.remoteError(r, err)
	}
	_, err = fmt.Fprintf(p.out, p.say("%s: a new session begins with its next connection\n", "%s: empieza una sesión nueva con su próxima conexión\n"), device)
	return err
}
