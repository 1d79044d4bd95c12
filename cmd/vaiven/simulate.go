package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/sim"
)

func (p *program) simulateCommand() *cobra.Command {
	o := sim.Options{URL: "ws://127.0.0.1:8080", Devices: 1, First: 101, Interval: 2 * time.Second}
	asJSON, ca, tokens := false, "", ""
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: p.say("Play boards against a server", "Hace de placas ante un servidor"),
		Long: p.say(
			"simulate connects as many boards as asked, over real sockets, and sends readings as\na DHT11 would make them. At the end it says how many were sent, acknowledged, sent\nagain and rejected, and how long the acknowledgements took.",
			"simulate conecta tantas placas como se pidan, por sockets de verdad, y envía lecturas\ncomo las haría un DHT11. Al final dice cuántas se enviaron, confirmaron, repitieron y\nrechazaron, y cuánto tardaron las confirmaciones."),
		Example: "  vaiven simulate --devices 20 --interval 2s --readings 50\n" +
			"  vaiven simulate --url ws://192.168.1.20:8080 --loss 0.05 --drop 0.02 --nan 0.01 --readings 100",
		Args: p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			var err error
			if o.TLS, err = p.trustOnly(ca); err != nil {
				return err
			}
			return p.simulate(cmd.Context(), o, tokens, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.URL, "url", o.URL, p.say("the server", "el servidor"))
	p.caFlag(f, &ca)
	f.IntVar(&o.Devices, "devices", o.Devices, p.say("how many boards", "cuántas placas"))
	f.IntVar(&o.First, "first", o.First, p.say("id of the first one; the others count up", "id de la primera; las demás siguen"))
	f.DurationVar(&o.Interval, "interval", o.Interval, p.say("time between two readings of a board (0: as fast as acknowledged)",
		"tiempo entre dos lecturas de una placa (0: tan rápido como se confirmen)"))
	f.Uint64Var(&o.Readings, "readings", 0, p.say("readings per board (0: until Ctrl-C)", "lecturas por placa (0: hasta Ctrl-C)"))
	f.Float64Var(&o.Loss, "loss", 0, p.say("probability that a reading is lost on its way and must be sent again", "probabilidad de que una lectura se pierda y deba repetirse"))
	f.Float64Var(&o.Drop, "drop", 0, p.say("probability that the connection ends behind a reading", "probabilidad de que la conexión se corte tras una lectura"))
	f.Float64Var(&o.NaN, "nan", 0, p.say("probability that the sensor does not answer (nan)", "probabilidad de que el sensor no responda (nan)"))
	f.BoolVar(&o.Course, "course", false, p.say("boards of the course: no acknowledgements", "placas del curso: sin confirmaciones"))
	f.StringVar(&tokens, "tokens", "", p.say("file of the boards' tokens, lines of id,token; those that the server gives are added",
		"archivo con las claves de las placas, en líneas id,clave; se añaden las que da el servidor"))
	f.BoolVar(&asJSON, "json", false, p.say("the result as a JSON object", "el resultado como un objeto JSON"))
	return cmd
}

func (p *program) simulate(ctx context.Context, o sim.Options, tokens string, asJSON bool) error {
	if o.Devices < 1 || o.Devices > 10_000 {
		return usageError{fmt.Errorf(p.say("--devices %d: want 1 to 10000", "--devices %d: debe ser de 1 a 10000"), o.Devices)}
	}
	if !strings.Contains(o.URL, "://") {
		o.URL = "ws://" + o.URL // as the server shows it to people
	}
	access := &simulatedAccess{p: p, path: tokens}
	if err := access.follow(&o); err != nil {
		return err
	}
	bar := console.NewProgress(p.stderr(), p.lang, p.say("readings acknowledged", "lecturas confirmadas"), o.Readings*uint64(o.Devices), nil)
	o.OnProgress = func(s sim.Progress) {
		if o.Course {
			bar.Set(s.Sent)
		} else {
			bar.Set(s.Acked)
		}
	}
	defer bar.Done()
	r, err := sim.Run(ctx, o)
	bar.Done()
	if wrong := p.untrusted(o.URL, err); wrong != nil {
		return wrong
	}
	if err != nil {
		return hinted(err, p.say("is the server running, and is the address the one that it printed?",
			"¿está el servidor en marcha, y es esa la dirección que mostró?"))
	}
	if asJSON {
		err = p.printSimulationJSON(&r)
	} else {
		p.printSimulation(&r)
	}
	if n := r.Failed(); n > 0 && err == nil {
		return p.simulationFailed(&r, n)
	}
	return err
}

// simulationFailed names the first of the boards that failed.
func (p *program) simulationFailed(r *sim.Result, n int) error {
	text := fmt.Sprintf(p.say("%d of %d boards failed", "fallaron %d de %d placas"), n, len(r.Devices))
	for _, d := range r.Devices {
		if d.Outcome == sim.Failed && d.Err != nil {
			return fmt.Errorf("%s: %s: %w", text, d.ID, d.Err)
		}
	}
	return errors.New(text)
}

func (p *program) printSimulation(r *sim.Result) {
	row := func(label string, format string, args ...any) {
		fmt.Fprintf(p.out, "%-14s %s\n", label, fmt.Sprintf(format, args...))
	}
	row(p.say("boards", "placas"), "%d", len(r.Devices))
	row(p.say("time", "tiempo"), "%v", r.Elapsed.Round(time.Millisecond))
	row(p.say("sent", "enviadas"), "%d", r.Sent)
	row(p.say("acknowledged", "confirmadas"), "%d", r.Acked)
	row(p.say("sent again", "repetidas"), "%d", r.Resent)
	row(p.say("connections", "conexiones"), "%d", r.Connects)
	codes := slices.Sorted(maps.Keys(r.Rejected))
	row(p.say("rejected", "rechazadas"), "%d", rejectedTotal(r))
	for _, c := range codes {
		row("", "%s %d", c, r.Rejected[c])
	}
	if r.Acked > 0 {
		row(p.say("ack latency", "confirmación"), "p50 %v  p99 %v  max %v", r.Latency.Quantile(0.5), r.Latency.Quantile(0.99), r.Latency.Max())
	}
}

func rejectedTotal(r *sim.Result) (n uint64) {
	for _, c := range r.Rejected {
		n += c
	}
	return n
}

// simulationJSON is the result for programs; durations are milliseconds.
type simulationJSON struct {
	Devices   int                    `json:"devices"`
	Failed    int                    `json:"failed"`
	ElapsedMs float64                `json:"elapsed_ms"`
	Sent      uint64                 `json:"sent"`
	Acked     uint64                 `json:"acked"`
	Resent    uint64                 `json:"resent"`
	Refused   uint64                 `json:"refused"`
	Connects  uint64                 `json:"connects"`
	NaN       uint64                 `json:"nan"`
	Rejected  map[vaiven.Code]uint64 `json:"rejected,omitempty"`
	AckP50Ms  float64                `json:"ack_p50_ms"`
	AckP99Ms  float64                `json:"ack_p99_ms"`
	AckMaxMs  float64                `json:"ack_max_ms"`
}

func (p *program) printSimulationJSON(r *sim.Result) error {
	inMs := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return json.NewEncoder(p.out).Encode(simulationJSON{
		Devices: len(r.Devices), Failed: r.Failed(), ElapsedMs: inMs(r.Elapsed),
		Sent: r.Sent, Acked: r.Acked, Resent: r.Resent, Refused: r.Refused, Connects: r.Connects, NaN: r.NaN, Rejected: r.Rejected,
		AckP50Ms: inMs(r.Latency.Quantile(0.5)), AckP99Ms: inMs(r.Latency.Quantile(0.99)), AckMaxMs: inMs(r.Latency.Max()),
	})
}

// startSimulation plays boards against this very server, through its socket, as
// long as it runs; the channel is closed when they have ended.
func (a *attended) startSimulation(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	if a.c.Simulate == 0 {
		close(done)
		return done
	}
	addresses := a.Addresses()
	url := "ws://" + addresses.Local
	if addresses.Local == "" {
		url = "wss://" + addresses.LocalSecure
	}
	o := sim.Options{URL: url, Devices: a.c.Simulate, Interval: a.c.Interval, TLS: a.OwnTLS(), Background: true, Logger: a.logger()}
	go func() {
		defer close(done)
		var err error
		if !a.c.Open { // they come as boards that were let in, with tokens that nobody else has
			if err = a.AwaitRunning(ctx); err == nil {
				o.Tokens, err = a.Access().AddDevices(ctx, o.IDs(), "simulation")
			}
		}
		if err == nil {
			_, err = sim.Run(ctx, o)
		}
		if err != nil && ctx.Err() == nil {
			a.notice(a.say("simulation: ", "simulación: ")+err.Error(), "")
		}
	}()
	return done
}
