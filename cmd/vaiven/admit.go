package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/web/api"
)

// admitCommands are those of `vaiven devices` about who may speak.
func (p *program) admitCommands() []*cobra.Command {
	return []*cobra.Command{
		p.addCommand(), p.waitingCommand(), p.approveCommand(), p.openCommand(),
		p.takeCommand("revoke", p.say("Take back all that boards were given, and close their connections", "Retira todo lo que recibieron las placas, y cierra sus conexiones"),
			(*api.Client).RevokeDevice, p.say("%s  revoked: nothing of it is taken until it is approved again\n", "%s  retirada: no se acepta nada suyo hasta que se apruebe otra vez\n")),
		p.takeCommand("free", p.say("Take boards' ids from the connections that speak for them", "Quita los identificadores de placas a las conexiones que hablan por ellas"),
			(*api.Client).Free, p.say("%s  free: its board may come now; the address that held it, not for ten minutes\n", "%s  libre: ya puede venir su placa; la dirección que lo ocupaba, en diez minutos no\n")),
	}
}

// devicesOf reads ids and returns the client, for a command about boards.
func (p *program) devicesOf(cmd *cobra.Command, r *remote, ids []string) (*api.Client, []vaiven.Device, error) {
	devices, err := p.parseDevices(ids)
	if err != nil {
		return nil, nil, err
	}
	c, err := p.client(cmd, r)
	return c, devices, err
}

func (p *program) waitingCommand() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use:   "waiting",
		Short: p.say("The boards that wait to be let in", "Las placas que esperan a ser admitidas"),
		Args:  p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			return p.listWaiting(cmd.Context(), c, r)
		},
	}
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

// listWaiting prints who waits.
func (p *program) listWaiting(ctx context.Context, c *api.Client, r *remote) error {
	list, err := c.Waiting(ctx)
	if err != nil {
		return p.remoteError(r, err)
	}
	if r.json {
		return printEach(p, list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(p.out, p.say("no board waits", "ninguna placa espera"))
		return err
	}
	rows := make([]console.WaitingRow, len(list))
	for i, b := range list {
		rows[i] = console.WaitingRow{Device: b.Device, Remote: b.Remote, Since: b.Since, Count: b.Count, Hello: b.Hello, FW: b.FW}
	}
	return console.WriteWaiting(p.stdout(), p.lang, rows, time.Now())
}

// printEach prints a list for programs, a line each.
func printEach[T any](p *program, list []T) error {
	for _, v := range list {
		if err := p.printJSON(v); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) approveCommand() *cobra.Command {
	r := &remote{}
	a := api.Approval{}
	cmd := &cobra.Command{
		Use:   "approve [BOARD...]",
		Short: p.say("Let boards in that wait; without a board: who waits", "Admite placas que esperan; sin placa: quién espera"),
		Long: p.say(
			"approve lets boards in. One that says HELLO is given its token then, keeps it, and must\nuse it from its first use on; one of the course's form stays unverified. Look at the\naddress: somebody else may wait with the id of your board.",
			"approve admite placas. Una que dice HELLO recibe entonces su clave, la guarda, y debe usarla\ndesde su primer uso; una de la forma del curso queda sin verificar. Mira la dirección:\notra placa puede esperar con el identificador de la tuya."),
		Example: "  vaiven devices approve\n  vaiven devices approve 101\n  vaiven devices approve 101 --address 192.168.1.20",
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, devices, err := p.devicesOf(cmd, r, ids)
			if err != nil {
				return err
			}
			if len(devices) == 0 {
				return p.listWaiting(cmd.Context(), c, r)
			}
			if a.Remote != "" && len(devices) > 1 {
				return usageError{errors.New(p.say("--address is of one board", "--address es de una sola placa"))}
			}
			for _, d := range devices {
				if err := p.approve(cmd.Context(), c, r, d, a); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.Remote, "address", "", p.say("the address of the board that is meant, where two wait with one id", "la dirección de la placa, cuando dos esperan con el mismo identificador"))
	f.BoolVar(&a.Concentrator, "concentrator", false, p.say("its connection may speak for many boards", "su conexión puede hablar por muchas placas"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

func (p *program) approve(ctx context.Context, c *api.Client, r *remote, d vaiven.Device, a api.Approval) error {
	device, err := c.Approve(ctx, d, a)
	var refused *api.Problem
	if errors.As(err, &refused) && refused.Code == "two_wait" {
		return hinted(errors.New(refused.Detail), fmt.Sprintf(p.say("say which one: vaiven devices approve %s --address ADDRESS", "di cuál: vaiven devices approve %s --address DIRECCIÓN"), d))
	}
	if err != nil {
		return p.remoteError(r, err)
	}
	if r.json {
		return p.printJSON(device)
	}
	_, err = fmt.Fprintf(p.out, p.say("%s  approved\n", "%s  aprobada\n"), d)
	return err
}

// takeCommand is a command that takes something from boards.
func (p *program) takeCommand(name, short string, take func(*api.Client, context.Context, vaiven.Device) error, done string) *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use: name + " BOARD...", Short: short, Example: "  vaiven devices " + name + " 101",
		Args: p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, devices, err := p.devicesOf(cmd, r, ids)
			if err != nil {
				return err
			}
			for _, d := range devices {
				if err := take(c, cmd.Context(), d); err != nil {
					return p.remoteError(r, err)
				}
				if _, err := fmt.Fprintf(p.out, done, d); err != nil {
					return err
				}
			}
			return nil
		},
	}
	p.remoteFlags(cmd, r)
	return cmd
}

func (p *program) openCommand() *cobra.Command {
	r := &remote{}
	var during time.Duration
	shut := false
	cmd := &cobra.Command{
		Use:   "open",
		Short: p.say("Let every board in for a while, unverified; without --for: whether that is so", "Admite toda placa por un rato, sin verificar; sin --for: si es así"),
		Long: p.say("While the door is open a board that nobody approved is let in, unverified, as in class mode.\nWhen it closes, such a board waits again; approve those that are to stay.",
			"Mientras la puerta está abierta se admite toda placa, sin verificar, como en el modo clase.\nCuando se cierra, esas placas esperan otra vez; aprueba las que deban quedarse."),
		Example: "  vaiven devices open --for 10m\n  vaiven devices open --close",
		Args:    p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case shut && during != 0:
				return usageError{errors.New(p.say("--for and --close: want one of them", "--for y --close: se espera una de las dos"))}
			case during < 0 || during > 7*vaiven.Day:
				return usageError{errors.New(p.say("--for: want up to 168h", "--for: debe ser hasta 168h"))}
			}
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			ask := c.Door
			if shut || during > 0 {
				ask = func(ctx context.Context) (*api.Door, error) { return c.OpenDoor(ctx, during) }
			}
			door, err := ask(cmd.Context())
			if err != nil {
				return p.remoteError(r, err)
			}
			return p.tellDoor(r, door)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&during, "for", 0, p.say("how long, as 10m", "cuánto tiempo, como 10m"))
	f.BoolVar(&shut, "close", false, p.say("close the door", "cierra la puerta"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

func (p *program) tellDoor(r *remote, door *api.Door) error {
	if r.json {
		return p.printJSON(door)
	}
	text := p.say("closed: a new board waits until it is approved", "cerrada: una placa nueva espera hasta que se apruebe")
	switch {
	case door.Class:
		text = p.say("open as long as the server runs: it was started for a class", "abierta mientras el servidor funcione: se inició para una clase")
	case door.Open:
		text = p.say("open until ", "abierta hasta las ") + door.Until.Local().Format(time.TimeOnly) + p.say(": every board is let in, unverified", ": se admite toda placa, sin verificar")
	}
	_, err := fmt.Fprintln(p.out, text)
	return err
}

func (p *program) addCommand() *cobra.Command {
	r := &remote{}
	concentrator, noQR := false, false
	cmd := &cobra.Command{
		Use:   "add BOARD",
		Short: p.say("Let a board in and make its token, with the lines for its sketch", "Admite una placa y crea su clave, con las líneas para su programa"),
		Long: p.say(
			"add prints a token that is told this once, and what to paste into the sketch: where the\nserver is, the token, and the certificate by which the board knows the server. A board that\nis replaced is added again: it keeps its id and its history, and the old token is good\nuntil the new one is used.",
			"add muestra una clave que se dice esta única vez, y lo que se pega en el programa: dónde está\nel servidor, la clave, y el certificado por el que la placa reconoce al servidor. Una placa\nque se cambia por otra se añade de nuevo: conserva su identificador y su historia, y la\nclave anterior vale hasta que se use la nueva."),
		Example: "  vaiven devices add 101",
		Args:    p.args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, devices, err := p.devicesOf(cmd, r, args)
			if err != nil {
				return err
			}
			token, err := c.AddDevice(cmd.Context(), devices[0], api.NewBoardToken{Concentrator: concentrator})
			if err != nil {
				return p.remoteError(r, err)
			}
			if r.json {
				return p.printJSON(token)
			}
			ca, err := c.CA(cmd.Context())
			if err != nil {
				p.logger().Warn("the server's certificate could not be asked for", "err", err) // the token is told this once
			}
			return p.tellBoardToken(token, ca, !noQR)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&concentrator, "concentrator", false, p.say("its connection may speak for many boards", "su conexión puede hablar por muchas placas"))
	f.BoolVar(&noQR, "no-qr", false, p.say("show no QR code", "no muestra ningún código QR"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

// tellBoardToken prints a board's token, and the lines for its sketch.
func (p *program) tellBoardToken(t *api.BoardToken, ca string, qr bool) error {
	text := console.BoardSnippet(p.lang, console.BoardFacts{Device: t.Device, Token: t.Token, Addresses: t.Addresses, CA: ca})
	if code := console.QR(p.stdout(), t.Token); qr && code != "" {
		text += p.say("The token alone, for a phone that fills in the form of the board:", "La clave sola, para un teléfono que rellena el formulario de la placa:") + "\n\n" + code
	}
	if _, err := fmt.Fprint(p.out, text); err != nil {
		return err
	}
	if ca == "" {
		p.notice(p.say("this server has no TLS: the board proves the token without sending it, and what it measures can be read on the network",
			"este servidor no tiene TLS: la placa demuestra la clave sin enviarla, y lo que mide se puede leer en la red"), "")
	}
	return nil
}
