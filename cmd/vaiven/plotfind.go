package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/web/api"
)

// plot asks for what is to be drawn, and draws it, or says why there is nothing.
func (p *program) plot(ctx context.Context, c *api.Client, a *plotAsk) error {
	ascii := p.plotASCII()
	a.points = console.PlotPoints(p.stdout(), ascii)
	if a.png != "" {
		a.points = pngPoints
	}
	past := a.past
	past.Points = pointsFor(past, a.points)
	got, err := c.History(ctx, past)
	if err != nil {
		return p.historyError(&a.r, err)
	}
	if a.r.json {
		return p.printJSON(got)
	}
	if err := p.checkFound(ctx, c, a, got); err != nil {
		return err
	}
	if a.past.From.IsZero() {
		if got, err = p.narrowed(ctx, c, a, got); err != nil {
			return p.historyError(&a.r, err)
		}
	}
	if len(got.Unread) > 0 {
		part := got.Unread[0] // one is enough to know
		p.notice(fmt.Sprintf(p.say("something from %s to %s is on the server's disk and cannot be read: it may be missing here", "algo del %s al %s está en el disco del servidor y no se puede leer: puede faltar aquí"),
			minute(part.From), minute(part.To)), p.say("`vaiven verify` says more, and what to do, while the server is stopped", "`vaiven verify` dice más, y qué hacer, con el servidor detenido"))
	}
	arrange(got, a)
	if a.png != "" {
		return p.writePNG(a.png, got)
	}
	return p.drawPlot(ascii, got)
}

// pointsFor is how many points a curve should have: a day each in a long time, where
// there is no room for what happens between day and night. most is what there is room for.
func pointsFor(past api.Past, most int) int {
	span := past.Last
	if !past.From.IsZero() && span == 0 {
		to := past.To
		if to.IsZero() {
			to = time.Now()
		}
		span = to.Sub(past.From)
	}
	if days := int(span / vaiven.Day); days >= longPlot {
		return min(most, days+1)
	}
	return most
}

// longPlot is from how many days on that is.
const longPlot = 60

// historyError is remoteError for a question about the past: what the server calls a
// part of the query is a flag here.
func (p *program) historyError(r *remote, err error) error {
	var refused *api.Problem
	if errors.As(err, &refused) && refused.Code == api.CodeNoHistory {
		return hinted(errors.New(p.say("that server keeps no history", "ese servidor no guarda historial")),
			p.say("start it without --no-history (nor no-history in its configuration): it then builds one from what its log has; `vaiven export` reads the log itself",
				"inícialo sin --no-history (ni no-history en su configuración): entonces construye uno con lo que tiene su registro; `vaiven export` lee el propio registro"))
	}
	if errors.As(err, &refused) && len(refused.Errors) > 0 {
		wrong := refused.Errors[0]
		switch name, ok := strings.CutPrefix(wrong.Location, "query."); {
		case name == "points":
			return usageError{errors.New(p.say("that is too much for one picture: name fewer boards, or measurements with --measurement",
				"eso es demasiado para un dibujo: nombra menos placas, o medidas con --measurement"))}
		case ok:
			return usageError{fmt.Errorf("--%s: %s", name, wrong.Message)}
		}
	}
	return p.remoteError(r, err)
}

// Of a picture whose beginning is not given: the shortest time that it shows, and how
// often it is asked for again; each time some hundred times closer.
const (
	shortestPlot = 15 * time.Second
	maxCloser    = 6
)

// narrowed leaves away what is before the first reading, when that is much of the
// picture, and says so: who has just begun would see one column at its right end.
func (p *program) narrowed(ctx context.Context, c *api.Client, a *plotAsk, got *api.Curves) (*api.Curves, error) {
	asked := got.From
	for range maxCloser {
		first, span := got.To, got.To.Sub(got.From)
		for _, curve := range got.Curves {
			if len(curve.Points) > 0 {
				first = earlier(first, curve.Points[0].At)
			}
		}
		if first.Equal(got.To) { // states from before, and nothing else
			break
		}
		if span <= shortestPlot || first.Sub(got.From) < span/4 {
			break
		}
		past := a.past
		past.From, past.To, past.Last = earlier(first, got.To.Add(-shortestPlot)), got.To, 0
		past.Points = pointsFor(past, a.points)
		closer, err := c.History(ctx, past)
		if err != nil {
			return nil, err
		}
		if len(closer.Curves) == 0 { // the history was trimmed meanwhile
			break
		}
		got = closer
	}
	if got.From != asked {
		p.notice(fmt.Sprintf(p.say("nothing was measured from %s to %s: that part is left out", "no se midió nada del %s al %s: esa parte no se dibuja"),
			minute(asked), got.From.Local().Format(time.DateTime)), "")
	}
	return got, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// checkFound says what of that which was asked for there is nothing of, and why: an
// error when nothing is left, or when there is no such board or measurement at all.
func (p *program) checkFound(ctx context.Context, c *api.Client, a *plotAsk, got *api.Curves) error {
	names, devices := listed(got)
	var absent []*api.Device
	for _, id := range a.past.Devices {
		if slices.Contains(devices, string(id)) && (len(a.past.Measurements) > 0 || hasPoints(got, id)) {
			continue
		}
		board, err := c.Device(ctx, id)
		var refused *api.Problem
		if errors.As(err, &refused) && refused.Code == "unknown_device" {
			return hinted(fmt.Errorf(p.say("no board %s is known", "no se conoce la placa %s"), id),
				p.say("`vaiven devices` lists the boards that it knows", "`vaiven devices` muestra las placas que conoce"))
		}
		if err != nil {
			return p.remoteError(&a.r, err)
		}
		absent = append(absent, board)
	}
	unseen := slices.DeleteFunc(slices.Clone(a.past.Measurements), func(name string) bool { return slices.Contains(names, name) })
	if len(unseen) > 0 {
		if err := p.checkMeasured(ctx, c, a, unseen); err != nil {
			return err
		}
	}
	if len(got.Curves) == 0 {
		return p.nothingMeasured(got, absent)
	}
	for _, name := range unseen {
		p.notice(fmt.Sprintf(p.say("there is nothing of %s in that time", "no hay nada de %s en ese tiempo"), name), "")
	}
	for _, board := range absent {
		p.notice(fmt.Sprintf(p.say("%s measured nothing in that time", "%s no midió nada en ese tiempo"), board.ID), p.lastReading(board))
	}
	return nil
}

// hasPoints reports whether something came of a board in that time: a state from before
// it is drawn, but says nothing of that.
func hasPoints(got *api.Curves, id vaiven.Device) bool {
	return slices.ContainsFunc(got.Curves, func(c api.Curve) bool { return c.Device == id && len(c.Points) > 0 })
}

// checkMeasured refuses names that none of the boards ever measured or reported.
func (p *program) checkMeasured(ctx context.Context, c *api.Client, a *plotAsk, unseen []string) error {
	ever, err := c.History(ctx, api.Past{Devices: a.past.Devices, From: time.Unix(0, 0), Points: 2})
	if err != nil {
		return p.historyError(&a.r, err)
	}
	arrange(ever, &plotAsk{})
	names, _ := listed(ever)
	for _, name := range unseen {
		if !slices.Contains(names, name) {
			hint := ""
			if len(names) > 0 {
				hint = p.say("there is: ", "hay: ") + strings.Join(names, ", ")
			}
			return hinted(fmt.Errorf(p.say("there is no measurement %s", "no hay medida %s"), name), hint)
		}
	}
	return nil
}

// nothingMeasured is the error of a time in which none of the boards measured anything.
func (p *program) nothingMeasured(got *api.Curves, boards []*api.Device) error {
	hint := ""
	for _, board := range boards {
		if hint = p.lastReading(board); hint != "" {
			break
		}
	}
	if hint == "" {
		hint = p.say("`vaiven devices` says what the boards have sent", "`vaiven devices` dice qué han enviado las placas")
	}
	return hinted(fmt.Errorf(p.say("nothing was measured from %s to %s", "no se midió nada del %s al %s"), minute(got.From), minute(got.To)), hint)
}

// lastReading says where there is something of a board to draw; "" if there is not.
func (p *program) lastReading(board *api.Device) string {
	if board.LastReading.IsZero() {
		return ""
	}
	return fmt.Sprintf(p.say("the last reading of %s is of %s: look there with --from %s", "la última lectura de %s es del %s: mira ahí con --from %s"),
		board.ID, minute(board.LastReading), board.LastReading.Local().Format(time.DateOnly))
}

// arrange sorts curves as people read them: measurements before states, those of the
// command line in its order, TEMP and HUM before others. In the terminal one board
// follows the other; in a picture the boards share a plot.
func arrange(got *api.Curves, a *plotAsk) {
	order := append(slices.Clone(a.past.Measurements), "TEMP", "HUM")
	name := func(x, y api.Curve) int {
		return cmp.Or(cmp.Compare(len(x.State), 0)-cmp.Compare(len(y.State), 0),
			cmp.Compare(place(order, x.Measurement+x.State), place(order, y.Measurement+y.State)), strings.Compare(x.Measurement+x.State, y.Measurement+y.State))
	}
	board := func(x, y api.Curve) int {
		return cmp.Compare(place(a.past.Devices, x.Device), place(a.past.Devices, y.Device))
	}
	slices.SortStableFunc(got.Curves, func(x, y api.Curve) int {
		if a.png != "" {
			return cmp.Or(name(x, y), board(x, y))
		}
		return cmp.Or(board(x, y), name(x, y))
	})
}

// place is where something stands in a list; what is not there is behind it.
func place[T comparable](list []T, v T) int {
	if i := slices.Index(list, v); i >= 0 {
		return i
	}
	return len(list)
}

// listed are the names and the boards of curves, each once, in their order.
func listed(got *api.Curves) (names, devices []string) {
	for _, c := range got.Curves {
		if n := c.Measurement + c.State; !slices.Contains(names, n) {
			names = append(names, n)
		}
		if d := string(c.Device); !slices.Contains(devices, d) {
			devices = append(devices, d)
		}
	}
	return names, devices
}
