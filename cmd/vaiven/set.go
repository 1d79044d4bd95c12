package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/web/api"
)

// setOptions are the terms of a change.
type setOptions struct {
	remote
	within  time.Duration
	wait    bool
	timeout time.Duration
	ifRev   int64
}

func (p *program) setCommand() *cobra.Command {
	o := &setOptions{}
	cmd := &cobra.Command{
		Use:   "set BOARD[,BOARD...] STATE=VALUE...",
		Short: p.say("Switch states of boards", "Cambia estados de las placas"),
		Long: p.say(
			"set asks a running server for states of boards. BOARD is an id, @GROUP for all of a\ngroup, or all. A board that is not connected gets the change when it comes back,\nunless --within says that it is then too late.",
			"set pide a un servidor en marcha estados de las placas. PLACA es un identificador,\n@GRUPO para todas las de un grupo, o all. Una placa que no está conectada recibe el\ncambio cuando vuelve, salvo que --within diga que entonces es tarde."),
		Example: "  vaiven set 101 LED=1\n  vaiven set 101 LED=1 --within 5s --wait\n  vaiven set @lab LED=0 RELAY=1\n  vaiven set 101,102 DIM=40",
		Args:    p.args(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			states, err := p.parseStates(args[1:])
			if err != nil {
				return err
			}
			return p.change(cmd, o, args[0], states, nil)
		},
	}
	p.changeFlags(cmd, o)
	return cmd
}

func (p *program) toggleCommand() *cobra.Command {
	o := &setOptions{}
	cmd := &cobra.Command{
		Use:     "toggle BOARD[,BOARD...] [STATE...]",
		Short:   p.say("Turn states of boards over: 0 becomes 1, all else 0", "Invierte estados de las placas: 0 pasa a 1, lo demás a 0"),
		Example: "  vaiven toggle 101\n  vaiven toggle 101 LED --wait\n  vaiven toggle @lab RELAY",
		Args:    p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			names := []string{"LED"}
			if len(args) > 1 {
				names = nil
			}
			for _, name := range args[min(1, len(args)):] {
				name = strings.ToUpper(name)
				if !vaiven.ValidName(name) {
					return usageError{fmt.Errorf(p.say("%q is no name of a state", "%q no puede ser el nombre de un estado"), name)}
				}
				names = append(names, name)
			}
			return p.change(cmd, o, args[0], nil, names)
		},
	}
	p.changeFlags(cmd, o)
	return cmd
}

func (p *program) changeFlags(cmd *cobra.Command, o *setOptions) {
	f := cmd.Flags()
	f.DurationVar(&o.within, "within", 0, p.say("not later than so long from now, as 5s: afterwards the change is withdrawn",
		"no más tarde que este tiempo, como 5s: después el cambio se retira"))
	f.BoolVar(&o.wait, "wait", false, p.say("wait until the board has confirmed; fail if it does not (3: it never reports)", "espera a que la placa confirme; si no, falla (3: nunca informa)"))
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, p.say("how long --wait waits, 1m at most", "cuánto espera --wait, 1m como mucho"))
	f.Int64Var(&o.ifRev, "if-rev", -1, p.say("only if the board's REV is this one (compare and set)", "solo si el REV de la placa es este (comparar y cambiar)"))
	p.remoteFlags(cmd, &o.remote)
	p.jsonFlag(cmd, &o.remote)
}

// parseStates reads words as LED=1 or RELAY=on.
func (p *program) parseStates(words []string) (api.States, error) {
	states := api.States{}
	for _, w := range words {
		name, text, ok := strings.Cut(w, "=")
		name = strings.ToUpper(name)
		v, err := stateValue(text)
		if !ok || err != nil || !vaiven.ValidName(name) {
			return nil, usageError{fmt.Errorf(p.say("%q: want STATE=VALUE, as LED=1, LED=on or DIM=40", "%q: debe ser ESTADO=VALOR, como LED=1, LED=on o DIM=40"), w)}
		}
		if _, twice := states[name]; twice {
			return nil, usageError{fmt.Errorf(p.say("%s is there twice", "%s está dos veces"), name)}
		}
		states[name] = api.Number(v)
	}
	return states, nil
}

func stateValue(s string) (float64, error) {
	switch strings.ToLower(s) {
	case "on", "true", "si", "sí", "yes":
		return 1, nil
	case "off", "false", "no":
		return 0, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = strconv.ErrRange
	}
	return v, err
}

// change asks, and says what became of it.
func (p *program) change(cmd *cobra.Command, o *setOptions, boards string, states api.States, toggle []string) error {
	c, err := p.client(cmd, &o.remote)
	if err != nil {
		return err
	}
	if o.within < 0 || o.timeout <= 0 || o.timeout > time.Minute {
		return usageError{errors.New(p.say("--within is a time as 5s, --timeout one of up to 1m", "--within es un tiempo como 5s, --timeout uno de hasta 1m"))}
	}
	outcomes, err := p.askAll(cmd.Context(), c, o, boards, states, toggle)
	if err != nil {
		return p.remoteError(&o.remote, err)
	}
	return p.tellOutcomes(o, outcomes)
}

// askAll asks one board, or many at once.
func (p *program) askAll(ctx context.Context, c *api.Client, o *setOptions, boards string, states api.States, toggle []string) ([]api.Outcome, error) {
	many := api.ManyStates{States: states, Toggle: toggle}
	for word := range strings.SplitSeq(boards, ",") {
		switch {
		case word == "all":
			all, err := c.AllDevices(ctx, api.Query{})
			if err != nil {
				return nil, err
			}
			for _, d := range all {
				many.Devices = append(many.Devices, d.ID)
			}
		case strings.HasPrefix(word, "@"):
			many.Groups = append(many.Groups, word[1:])
		default:
			d, err := p.parseDevice(word)
			if err != nil {
				return nil, err
			}
			many.Devices = append(many.Devices, d)
		}
	}
	t := api.Terms{Within: o.within, Key: newKey()}
	if o.wait {
		t.Wait = o.timeout
	}
	if o.ifRev >= 0 {
		t.HasIf, t.If = true, uint64(o.ifRev)
	}
	if len(many.Groups) == 0 && len(many.Devices) == 1 {
		return one(ctx, c, many.Devices[0], states, toggle, t)
	}
	if t.HasIf {
		return nil, usageError{errors.New(p.say("--if-rev is about one board", "--if-rev es para una sola placa"))}
	}
	if o.within > 0 {
		many.Within = o.within.String()
	}
	if o.wait {
		many.Wait = o.timeout.String()
	}
	return c.SetMany(ctx, many, t.Key)
}

func one(ctx context.Context, c *api.Client, d vaiven.Device, states api.States, toggle []string, t api.Terms) ([]api.Outcome, error) {
	var change *api.Change
	var err error
	if toggle != nil {
		change, err = c.Toggle(ctx, d, toggle, t)
	} else {
		change, err = c.Set(ctx, d, states, t)
	}
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if !change.Done() {
		status = http.StatusAccepted
	}
	return []api.Outcome{{Device: d, Status: status, Change: change}}, nil
}

// newKey names a change, so that asking again changes nothing twice.
func newKey() vaiven.Key {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return vaiven.Key(hex.EncodeToString(b[:]))
}

// muteError marks that boards which do not report were asked to confirm.
type muteError struct{ error }

// tellOutcomes prints a line for each board. The error says that not all was done;
// the lines above it say why.
func (p *program) tellOutcomes(o *setOptions, outcomes []api.Outcome) error {
	failed, mute := 0, 0
	for _, out := range outcomes {
		line, ok := p.outcome(o, &out)
		if !ok {
			failed++
		}
		if !ok && out.Change != nil && out.Change.NoReport {
			mute++
		}
		if o.json {
			if err := p.printJSON(out); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(p.out, "%s  %s\n", out.Device, line); err != nil {
			return err
		}
	}
	switch {
	case len(outcomes) == 0:
		return errors.New(p.say("no board belongs to that", "ninguna placa pertenece a eso"))
	case failed == 0:
		return nil
	case failed == mute:
		return muteError{errors.New(p.say("whether it was done is not known: the board does not report", "no se sabe si se hizo: la placa no informa"))}
	case len(outcomes) == 1:
		return errors.New(p.say("the board has not done it", "la placa no lo ha hecho"))
	}
	return fmt.Errorf(p.say("%d of %d boards have not done it", "%d de %d placas no lo han hecho"), failed, len(outcomes))
}

// outcome puts what became of a change into a line; ok says whether that is what
// was wanted.
func (p *program) outcome(o *setOptions, out *api.Outcome) (line string, ok bool) {
	if out.Change == nil {
		return p.refused(&o.remote, out.Error).Error(), false
	}
	c := out.Change
	what := statesText(c.States)
	switch c.Phase {
	case api.PhaseConfirmed:
		return fmt.Sprintf(p.say("%s confirmed by the board in %d ms", "%s confirmado por la placa en %d ms"), what, took(c)), true
	case api.PhaseExpired:
		return fmt.Sprintf(p.say("%s expired: the board did not confirm it in time", "%s venció: la placa no lo confirmó a tiempo"), what), false
	case api.PhaseOvertaken:
		return fmt.Sprintf(p.say("%s was overtaken by a later change", "%s quedó reemplazado por un cambio posterior"), what), false
	case api.PhaseRefused:
		return fmt.Sprintf(p.say("%s refused (%s)", "%s rechazado (%s)"), what, p.refusal(c.Reason)), false
	}
	if c.NoReport && o.wait {
		return fmt.Sprintf(p.say("%s asked for (REV %d); this board does not report: nothing will confirm it",
			"%s pedido (REV %d); esta placa no informa: nada lo confirmará"), what, c.Rev), false
	}
	if c.Phase == api.PhaseSent {
		return fmt.Sprintf(p.say("%s sent to the board, not confirmed", "%s enviado a la placa, sin confirmar"), what), !o.wait
	}
	if c.Status == api.Connected || c.Status == api.Silent {
		return fmt.Sprintf(p.say("%s asked for (REV %d)", "%s pedido (REV %d)"), what, c.Rev), !o.wait
	}
	return fmt.Sprintf(p.say("%s asked for (REV %d); the board is not connected: it waits", "%s pedido (REV %d); la placa no está conectada: espera"), what, c.Rev), !o.wait
}

func (p *program) refusal(reason string) string {
	switch reason {
	case vaiven.RefusedNoUp:
		return p.say("this board has no clock to hold a deadline against: ask without --within", "esta placa no tiene reloj para un plazo: pídelo sin --within")
	case vaiven.RefusedRev:
		return p.say("its REV is another", "su REV es otro")
	case vaiven.RefusedStates:
		return p.say("it would have too many states", "tendría demasiados estados")
	}
	return reason
}

func took(c *api.Change) int64 {
	if c.TookMS == nil {
		return 0
	}
	return *c.TookMS
}

// statesText writes LED=1 RELAY=0, sorted by name.
func statesText(states api.States) string {
	var words []string
	for name, v := range states {
		words = append(words, name+"="+vaiven.FormatNumber(float64(v)))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}
