package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/atomicfile"
	"vaiven/internal/console"
	"vaiven/internal/picture"
	"vaiven/internal/web/api"
)

// pngPoints is how many points a curve has in a picture.
const pngPoints = 800

// plotAsk is what the command line of a plot says.
type plotAsk struct {
	past   api.Past
	png    string // the file; "-": stdout; "": the terminal
	points int    // of a curve, at most
	r      remote
}

func (p *program) plotCommand() *cobra.Command {
	a := &plotAsk{past: api.Past{Last: time.Hour}}
	var from, to string
	cmd := &cobra.Command{
		Use:   "plot BOARD...",
		Short: p.say("Draw what boards have measured, in the terminal or as a picture", "Dibuja lo que han medido las placas, en la terminal o como imagen"),
		Long: p.say(
			"plot asks a running server for its history and draws it: each measurement with its axes,\nin this computer's time. A column that stands for several readings is a band from the\nlowest to the highest of them. Where readings are missing there is no line; a state, as LED,\nholds until the next report. Without --from it begins where there is something to draw.",
			"plot pide su historial a un servidor en marcha y lo dibuja: cada medida con sus ejes, en la\nhora de este equipo. Una columna que reúne varias lecturas es una banda de la más baja a la\nmás alta. Donde faltan lecturas no hay línea; un estado, como LED, dura hasta el siguiente\ninforme. Sin --from empieza donde hay algo que dibujar."),
		Example: "  vaiven plot 101 --last 1h\n  vaiven plot 101 102 --measurement TEMP --from 08:00 --to 12:30\n  vaiven plot 101 --last 1y --png " +
			p.say("year.png", "curso.png") + "\n  vaiven plot 101 --last 7d --json | jq .",
		Args: p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, err := p.client(cmd, &a.r)
			if err != nil {
				return err
			}
			if a.past.Devices, err = p.parseDevices(ids); err != nil {
				return err
			}
			if err := p.plotRange(a, from, to, cmd.Flags().Changed("last")); err != nil {
				return err
			}
			if err := p.checkPNG(a); err != nil {
				return err
			}
			return p.plot(cmd.Context(), c, a)
		},
	}
	f := cmd.Flags()
	f.Var(age{&a.past.Last}, "last", p.say("how long, as 15m, 1h, 7d or 1y", "cuánto tiempo, como 15m, 1h, 7d (días) o 1y (año)"))
	f.StringVar(&from, "from", "", p.say("from this time on, as 08:30, 2026-11-22 or \"2026-11-22 08:30\"", "desde esta hora, como 08:30, 2026-11-22 o \"2026-11-22 08:30\""))
	f.StringVar(&to, "to", "", p.say("until this time, likewise; a day alone is included (default: now)", "hasta esta hora, igual; un día solo se incluye (por defecto, ahora)"))
	f.StringSliceVar(&a.past.Measurements, "measurement", nil, p.say("only these, as TEMP,LED", "solo estas, como TEMP,LED"))
	f.StringVar(&a.png, "png", "", p.say("write a picture into this file instead; - is stdout", "escribe en cambio una imagen en este archivo; - es la salida estándar"))
	p.remoteFlags(cmd, &a.r)
	p.jsonFlag(cmd, &a.r)
	return cmd
}

// plotRange reads which part of the past is asked for.
func (p *program) plotRange(a *plotAsk, from, to string, last bool) (err error) {
	past := &a.past
	if past.From, err = p.parseTime("from", from); err != nil {
		return err
	}
	if past.To, err = p.parseTime("to", to); err != nil {
		return err
	}
	since, until := !past.From.IsZero(), !past.To.IsZero()
	switch {
	case last && past.Last < time.Millisecond:
		return usageError{errors.New("--last: " + vaiven.WantAge(p.lang))}
	case since && until && last:
		return usageError{errors.New(p.say("--last: --from and --to say already how long", "--last: --from y --to ya dicen cuánto tiempo"))}
	case since && until && !past.From.Before(past.To):
		return usageError{errors.New(p.say("--to: want a time behind --from", "--to: se espera una hora posterior a --from"))}
	case since && past.From.After(time.Now()):
		return usageError{errors.New(p.say("--from: that is yet to come", "--from: eso aún no ha llegado"))}
	case since && !last:
		past.Last = 0 // until --to, or now
	}
	for i, name := range past.Measurements {
		past.Measurements[i] = strings.ToUpper(strings.TrimSpace(name))
	}
	past.Measurements = slices.DeleteFunc(past.Measurements, func(name string) bool { return name == "" }) // a comma too many
	return nil
}

// checkPNG refuses a picture that would not be what its name says.
func (p *program) checkPNG(a *plotAsk) error {
	switch {
	case a.png == "":
		return nil
	case a.r.json:
		return usageError{errors.New(p.say("--json and --png: want one of them", "--json y --png: se espera una de las dos"))}
	case a.png == "-" && p.stdout().TTY:
		return usageError{errors.New(p.say("a picture is not for a terminal: name a file", "una imagen no es para una terminal: nombra un archivo"))}
	case a.png != "-" && !strings.EqualFold(filepath.Ext(a.png), ".png"):
		return usageError{fmt.Errorf(p.say("--png %s: it writes PNG, so the name must end in .png", "--png %s: escribe PNG, así que el nombre debe terminar en .png"), a.png)}
	}
	return nil
}

// drawPlot draws into the terminal.
func (p *program) drawPlot(ascii bool, got *api.Curves) error {
	return console.WritePlot(p.stdout(), console.PlotOptions{Lang: p.lang, Zone: time.Local, ASCII: ascii}, curvesOf(got))
}

// plotASCII reports whether the terminal has nothing better.
func (p *program) plotASCII() bool {
	return !p.stdout().TTY || !console.HasUTF8(p.getenv, runtime.GOOS)
}

// writePNG writes the picture, whole or not at all, and says what is in it.
func (p *program) writePNG(path string, got *api.Curves) error {
	names, devices := listed(got)
	if len(names) > picture.MaxPlots {
		return usageError{fmt.Errorf(p.say("%d measurements are too many for a picture: name at most %d with --measurement", "%d medidas son demasiadas para una imagen: nombra como mucho %d con --measurement"),
			len(names), picture.MaxPlots)}
	}
	write := func(w io.Writer) error {
		return picture.WritePNG(w, picture.Options{Zone: time.Local, Unit: console.Unit, Gap: console.PlotGap}, curvesOf(got))
	}
	if path == "-" {
		return write(p.out)
	}
	if err := p.explainFile(path, atomicfile.WriteWith(path, write)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.out, p.say("%s: %s of %s, from %s to %s\n", "%s: %s de %s, del %s al %s\n"),
		path, strings.Join(names, ", "), strings.Join(devices, ", "), minute(got.From), minute(got.To))
	return err
}

// minute writes a moment as a person reads it, in this computer's zone.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// curvesOf are the API's curves as values.
func curvesOf(got *api.Curves) vaiven.Curves {
	out := vaiven.Curves{From: got.From.UnixMilli(), To: got.To.UnixMilli(), Width: got.WidthMS}
	for _, c := range got.Curves {
		curve := vaiven.Curve{Device: c.Device, Name: c.Measurement + c.State, State: c.State != ""}
		if c.Before != nil {
			curve.Before = &vaiven.Held{At: c.Before.At.UnixMilli(), Num: c.Before.Value}
		}
		for _, v := range c.Points {
			curve.Buckets = append(curve.Buckets, vaiven.Bucket{Start: v.At.UnixMilli(), Count: v.N, Min: v.Min, Max: v.Max, Mean: v.Mean})
		}
		out.Curves = append(out.Curves, curve)
	}
	return out
}

// parseTime reads a time as a person writes it, in this computer's zone; "" is the zero
// time.
func (p *program) parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := vaiven.ParseMoment(text, time.Now(), flag == "to")
	if err != nil {
		return at, usageError{fmt.Errorf("--%s %q: %s", flag, text, vaiven.WantMoment(p.lang))}
	}
	return at, nil
}
