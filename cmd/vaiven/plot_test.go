package main

import (
	"slices"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/web/api"
)

// TestArrange has TEMP before HUM and states last; in a picture the boards share a plot.
func TestArrange(t *testing.T) {
	list := func() *api.Curves {
		got := &api.Curves{}
		for _, d := range []vaiven.Device{"101", "102"} {
			for _, name := range []string{"CO2", "HUM", "TEMP"} {
				got.Curves = append(got.Curves, api.Curve{Device: d, Measurement: name})
			}
			got.Curves = append(got.Curves, api.Curve{Device: d, State: "LED"}, api.Curve{Device: d, State: "FAN"})
		}
		return got
	}
	asked := []vaiven.Device{"102", "101"}
	for _, c := range []struct {
		a    plotAsk
		want []string
	}{
		{plotAsk{past: api.Past{Devices: asked}}, []string{"102TEMP", "102HUM", "102CO2", "102FAN", "102LED", "101TEMP", "101HUM", "101CO2", "101FAN", "101LED"}},
		{plotAsk{past: api.Past{Devices: asked}, png: "p.png"}, []string{"102TEMP", "101TEMP", "102HUM", "101HUM", "102CO2", "101CO2", "102FAN", "101FAN", "102LED", "101LED"}},
		{plotAsk{past: api.Past{Devices: asked[1:], Measurements: []string{"CO2", "LED"}}}, []string{"101CO2", "101TEMP", "101HUM", "101LED", "101FAN", "102CO2", "102TEMP", "102HUM", "102LED", "102FAN"}},
	} {
		got := list()
		arrange(got, &c.a)
		var names []string
		for _, curve := range got.Curves {
			names = append(names, string(curve.Device)+curve.Measurement+curve.State)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%+v: %v, want %v", c.a.past, names, c.want)
		}
	}
}

func TestPointsOfAPlot(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		past       api.Past
		most, want int
	}{
		{api.Past{Last: time.Hour}, 800, 800},
		{api.Past{Last: 7 * vaiven.Day}, 800, 800},
		{api.Past{Last: vaiven.Year}, 800, 366},
		{api.Past{Last: vaiven.Year}, 140, 140},
		{api.Past{From: at, To: at.AddDate(0, 0, 90)}, 140, 91},
		{api.Past{From: at.AddDate(-30, 0, 0)}, 140, 140},
	} {
		if got := pointsFor(c.past, c.most); got != c.want {
			t.Errorf("%+v: %d points, want %d", c.past, got, c.want)
		}
	}
}
