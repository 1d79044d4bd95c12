package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/web/api"
)

func (p *program) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Aliases: []string{"clave"},
		Short: p.say("Tokens for programs, people and other computers", "Claves para programas, personas y otros equipos"),
		Args:  p.knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.createTokenCommand(), p.listTokensCommand(), p.revokeTokenCommand())
	return cmd
}

func (p *program) createTokenCommand() *cobra.Command {
	r := &remote{}
	n := api.NewToken{}
	var good time.Duration
	cmd := &cobra.Command{
		Use: "create", Aliases: []string{"crear"},
		Short: p.say("Make a token; it is printed this once", "Crea una clave; se muestra esta única vez"),
		Long: p.say(
			"create prints a token on stdout. --can says what it may do: read (devices, readings,\nevents), set (change states), send (bring readings by HTTP), admin (everything). The server\nkeeps only its SHA-256: who loses it makes another.",
			"create muestra una clave en la salida estándar. --can dice qué puede: read (dispositivos,\nlecturas, eventos), set (cambiar estados), send (traer lecturas por HTTP), admin (todo). El\nservidor solo guarda su SHA-256: quien la pierde crea otra."),
		Example: "  vaiven token create --can read --name " + p.say("dashboard", "tablero") + "\n  vaiven token create --can read,set --devices '1*' --expires 30d --name " + p.say("garden", "huerta"),
		Args:    p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			if _, err := vaiven.ParseRights(n.Can, p.lang); err != nil {
				return usageError{fmt.Errorf("--can: %w", err)}
			}
			if err := vaiven.CheckPatterns(n.Devices, p.lang); err != nil {
				return usageError{fmt.Errorf("--devices: %w", err)}
			}
			n.ForMS = good.Milliseconds()
			token, err := c.CreateToken(cmd.Context(), n)
			if err != nil {
				return p.remoteError(r, err)
			}
			if r.json {
				return p.printJSON(token)
			}
			if _, err := fmt.Fprintln(p.out, token.Text); err != nil {
				return err
			}
			p.notice(fmt.Sprintf(p.say("keep it: it is told this once; its id is %s", "guárdala: se dice esta única vez; su id es %s"), token.ID),
				fmt.Sprintf(p.say("`vaiven token revoke %s` takes it back", "`vaiven token revoke %s` la retira"), token.ID))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&n.Can, "can", []string{"read"}, p.say("what it may do: read, set, send, admin", "qué puede: read, set, send, admin"))
	f.StringSliceVar(&n.Devices, "devices", nil, p.say("only for these boards, as 101 or 1* (default: all)", "solo para estas placas, como 101 o 1* (por defecto, todas)"))
	f.Var(age{&good}, "expires", p.say("how long it is good, as 12h or 30d (0: for ever)", "cuánto tiempo vale, como 12h o 30d (días) (0: siempre)"))
	f.StringVar(&n.Name, "name", "", p.say("what people call it", "cómo la llama la gente"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

func (p *program) listTokensCommand() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"lista"},
		Short: p.say("The tokens that are good, and the browsers that came in", "Las claves que valen, y los navegadores que entraron"),
		Args:  p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			list, err := c.Tokens(cmd.Context())
			if err != nil {
				return p.remoteError(r, err)
			}
			return p.listTokens(r, list)
		},
	}
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

func (p *program) listTokens(r *remote, list []api.Token) error {
	if r.json {
		return printEach(p, list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(p.out, p.say("no tokens, and no browser has come in", "no hay claves, y ningún navegador ha entrado"))
		return err
	}
	rows := make([]console.TokenRow, len(list))
	for i, t := range list {
		rows[i] = console.TokenRow{
			ID: t.ID, Name: t.Name, Browser: t.Use == vaiven.UseBrowser, Can: strings.Join(t.Can, ","), Devices: strings.Join(t.Devices, ","),
			Created: t.Created, Expires: t.Expires, By: t.By,
		}
	}
	return console.WriteTokens(p.stdout(), p.lang, rows, time.Now())
}

func (p *program) revokeTokenCommand() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use: "revoke ID...", Aliases: []string{"retirar"},
		Short:   p.say("Take back tokens, or send browsers away, by their ids", "Retira claves, o cierra navegadores, por sus ids"),
		Example: "  vaiven token revoke 9f3c02aa51d0",
		Args:    p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			for _, id := range ids {
				if strings.HasPrefix(id, vaiven.TokenPrefix) {
					return hinted(usageError{fmt.Errorf("%s", p.say("that is a token itself: give its id", "eso es una clave: da su id"))},
						p.say("`vaiven token list` shows the ids", "`vaiven token list` muestra los ids"))
				}
			}
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := c.RevokeToken(cmd.Context(), vaiven.TokenID(id)); err != nil {
					return p.remoteError(r, err)
				}
				if _, err := fmt.Fprintf(p.out, p.say("%s  revoked\n", "%s  retirada\n"), vaiven.Shorten(id)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	p.remoteFlags(cmd, r)
	return cmd
}

func (p *program) loginLinkCommand() *cobra.Command {
	r := &remote{}
	noQR := false
	cmd := &cobra.Command{
		Use:   "login-link",
		Short: p.say("Print a link that opens one browser as administrator, once", "Muestra un enlace que abre un navegador como administrador, una vez"),
		Args:  p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client(cmd, r)
			if err != nil {
				return err
			}
			link, err := c.LoginLink(cmd.Context())
			if err != nil {
				return p.remoteError(r, err)
			}
			if r.json {
				return p.printJSON(link)
			}
			minutes := minutesUntil(link.Expires.UnixMilli(), time.Now().UnixMilli())
			return console.WriteLink(p.stdout(), p.lang, console.Link{URLs: link.URLs, Minutes: minutes, QR: !noQR})
		},
	}
	cmd.Flags().BoolVar(&noQR, "no-qr", false, p.say("show no QR code", "no muestra ningún código QR"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}
