package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/picture"
	"vaiven/internal/web/api"
)

// pngPoints is how many points a curve has in a picture.
const pngPoints = 800

func (p *program) plotCommand() *cobra.Command {
	r, past := &remote{}, api.Past{Last: time.Hour}
	var from, to, png string
	cmd := &cobra.Command{
		Use:   "plot BOARD...",
		Short: p.say("Draw what boards have measured, in the terminal or as a picture", "Dibuja lo que han medido las placas, en la terminal o como imagen"),
		Long: p.say(
			"plot asks a running server for its history and draws it: each measurement with its axes,\nin this computer's time. A column that stands for several readings is a band from the\nlowest to the highest of them. Where readings are missing there is no line.",
			"plot pide su historial a un servidor en marcha y lo dibuja: cada medida con sus ejes, en la\nhora de este equipo. Una columna que reúne varias lecturas es una banda de la más baja a la\nmás alta. Donde faltan lecturas no hay línea."),
		Example: "  vaiven plot 101 --last 1h\n  vaiven plot 101 102 --measurement TEMP --from 08:00 --to 12:30\n  vaiven plot 101 --last 1y --png year.png\n  vaiven plot 101 --last 7d --json | jq .",
		Args:    p.args(cobra.MinimumNArgs(1)),
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
				past.Devices = append(past.Devices, d)
			}
			if past.From, err = p.parseTime("from", from); err != nil {
				return err
			}
			if past.To, err = p.parseTime("to", to); err != nil {
				return err
			}
			if !past.From.IsZero() && !cmd.Flags().Changed("last") {
				past.Last = 0 // until --to, or now
			}
			return p.plot(cmd, c, r, past, png)
		},
	}
	f := cmd.Flags()
	f.Var(age{&past.Last}, "last", p.say("how long, as 15m, 1h, 7d or 1y", "cuánto tiempo, como 15m, 1h, 7d (días) o 1y (año)"))
	f.StringVar(&from, "from", "", p.say("from this time on, as 08:30, 2026-11-22 or \"2026-11-22 08:30\"", "desde esta hora, como 08:30, 2026-11-22 o \"2026-11-22 08:30\""))
	f.StringVar(&to, "to", "", p.say("until this time, likewise (default: now)", "hasta esta hora, igual (por defecto, ahora)"))
	f.StringSliceVar(&past.Measurements, "measurement", nil, p.say("only these, as TEMP,LED", "solo estas, como TEMP,LED"))
	f.StringVar(&png, "png", "", p.say("write a picture into this file instead", "escribe en cambio una imagen en este archivo"))
	p.remoteFlags(cmd, r)
	p.jsonFlag(cmd, r)
	return cmd
}

func (p *program) plot(cmd *cobra.Command, c *api.Client, r *remote, past api.Past, png string) error {
	out := p.stdout()
	ascii := !out.TTY || !console.HasUTF8(p.getenv, runtime.GOOS)
	if past.Points = console.PlotPoints(out, ascii); png != "" {
		past.Points = pngPoints
	}
	got, err := c.History(cmd.Context(), past)
	if err != nil {
		return p.remoteError(r, err)
	}
	if r.json {
		return p.printJSON(got)
	}
	curves := curvesOf(got)
	if len(curves.Curves) == 0 {
		return hinted(errors.New(p.say("nothing was measured then", "no se midió nada en ese tiempo")),
			p.say("look further back with --last 1d, or see `vaiven devices`", "mira más atrás con --last 1d, o consulta `vaiven devices`"))
	}
	if png == "" {
		return console.WritePlot(out, console.PlotOptions{Lang: p.lang, Zone: time.Local, ASCII: ascii}, curves)
	}
	return p.writePNG(png, curves)
}

// writePNG writes the picture; a file that it cannot finish is removed.
func (p *program) writePNG(path string, curves vaiven.Curves) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = picture.WritePNG(f, picture.Options{Zone: time.Local, Unit: console.Unit, Gap: console.PlotGap}, curves)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// curvesOf are the API's curves as values.
func curvesOf(got *api.Curves) vaiven.Curves {
	out := vaiven.Curves{From: got.From.UnixMilli(), To: got.To.UnixMilli(), Width: got.WidthMS}
	for _, c := range got.Curves {
		curve := vaiven.Curve{Device: c.Device, Name: c.Measurement + c.State, State: c.State != ""}
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
