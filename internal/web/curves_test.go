package web

import (
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vaiven"
	"vaiven/internal/web/api"
)

// TestHistoryIsAskedFor asks in every way, through the client where it can.
func TestHistoryIsAskedFor(t *testing.T) {
	at := noon.UnixMilli()
	hour := time.Hour.Milliseconds()
	for path, want := range map[string]vaiven.CurveQuery{
		"":                  {From: at - hour, To: at, Points: 300},
		"last=2d&points=50": {From: at - 48*hour, To: at, Points: 50},
		"device=7,101&device=kitchen.1&measurement=temp&measurement=HUM,LED": {
			Devices: []vaiven.Device{"007", "101", "kitchen.1"}, Names: []string{"TEMP", "HUM", "LED"}, From: at - hour, To: at, Points: 300,
		},
		"from=2026-11-22T08:00:00Z":                           {From: at - 2*hour - 30_000, To: at, Points: 300},
		"from=2026-11-22T08:00:00Z&last=90s":                  {From: at - 2*hour - 30_000, To: at - 2*hour + 60_000, Points: 300},
		"to=2026-11-22T09:00:30Z&last=90s":                    {From: at - hour - 90_000, To: at - hour, Points: 300},
		"from=2026-11-22T08:00:30Z&to=2026-11-22T09:00:30Z":   {From: at - 2*hour, To: at - hour, Points: 300},
		"from=2026-11-22T05:00:30-03:00&to=2026-11-22T10:00Z": {}, // no seconds
	} {
		w := newWorld(t)
		a := send(t, w.serve(t), "GET", prefix+"/history?"+path, "")
		if want.To == 0 {
			if p := a.problem(t); p.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %+v", path, p)
			}
			continue
		}
		a.into(t, &api.Curves{})
		if len(w.curves) != 1 || !reflect.DeepEqual(w.curves[0], want) {
			t.Errorf("%s asks for %+v, want %+v", path, w.curves, want)
		}
	}
	for _, path := range []string{"last=0", "last=-1h", "device=a..b", "points=1", "points=10001", "from=2026-11-22T11:00:00Z",
		"from=2026-11-22T08:00:00Z&to=2026-11-22T08:00:00Z", "from=2026-11-22T08:00:00Z&to=2026-11-22T09:00:00Z&last=1h", "since=1", "last=4000000y"} {
		w := newWorld(t)
		if p := send(t, w.serve(t), "GET", prefix+"/history?"+path, "").problem(t); p.Status != http.StatusUnprocessableEntity || len(w.curves) != 0 {
			t.Errorf("%s: %+v, %v", path, p, w.curves)
		}
	}
}

func TestHistoryThroughTheClient(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	c, err := api.New(api.Options{Server: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.History(t.Context(), api.Past{Devices: []vaiven.Device{"101", "102"}, Measurements: []string{"TEMP"}, Last: 36 * time.Hour, Points: 7})
	if err != nil {
		t.Fatal(err)
	}
	if q := w.curves[0]; q.From != noon.Add(-36*time.Hour).UnixMilli() || q.To != noon.UnixMilli() || q.Points != 7 || len(q.Devices) != 2 || len(q.Names) != 1 {
		t.Errorf("asked for %+v", q)
	}
	points := got.Curves[0].Points
	if len(points) != 5 || points[2].At.Sub(points[1].At) != time.Duration(got.WidthMS)*time.Millisecond || points[3].At.Sub(points[2].At) != 2*time.Duration(got.WidthMS)*time.Millisecond {
		t.Errorf("%+v: want five points, and a gap before the fourth", got)
	}
	led, err := c.History(t.Context(), api.Past{Measurements: []string{"LED"}})
	if err != nil || len(led.Curves) != 1 || led.Curves[0].Before == nil || led.Curves[0].Before.Value != 1 || !led.Curves[0].Before.At.Before(led.From) || led.Curves[0].Points == nil {
		t.Errorf("a state from before: %+v, %v", led, err)
	}
	if got.Curves[0].Measurement != "TEMP" || got.Curves[0].Before != nil || got.Curves[0].State != "" || points[1].Max != 24.6 {
		t.Errorf("%+v", got.Curves[0])
	}
}

// TestHistoryRefusals: what is too much, what there is not, and a disk that is gone.
func TestHistoryRefusals(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	for _, c := range []struct {
		err    error
		status int
	}{{vaiven.ErrTooManyBuckets, 422}, {errBroken, 500}} {
		w.err = fmt.Errorf("history: %w", c.err)
		if p := send(t, s, "GET", prefix+"/history", "").problem(t); p.Status != c.status {
			t.Errorf("%v: %+v", c.err, p)
		}
	}
	s = w.serve(t, func(o *Options) { o.Curves, o.Prometheus = nil, nil })
	for _, path := range []string{prefix + "/history", "/prometheus/api/v1/labels"} {
		if p := send(t, s, "GET", path, "").problem(t); p.Status != http.StatusNotFound || p.Code != api.CodeNoHistory || !strings.Contains(p.Hint, "--no-history") {
			t.Errorf("%s without a history: %+v", path, p)
		}
	}
}

// TestDeviceMetrics reads the page as a Prometheus does.
func TestDeviceMetrics(t *testing.T) {
	w := newWorld(t)
	a := send(t, w.serve(t), "GET", "/metrics/devices", "")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(a.body)))
	if err != nil {
		t.Fatalf("%v:\n%s", err, a.body)
	}
	got := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			labels := ""
			for _, l := range m.Label {
				labels += "," + l.GetName() + "=" + l.GetValue()
			}
			got[name+labels] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if m.TimestampMs != nil {
				t.Errorf("%s%s has a time: it would be refused once the board is away", name, labels)
			}
		}
	}
	for name, want := range map[string]float64{
		"vaiven_reading,device=101,measurement=TEMP": 24.5, "vaiven_reading,device=101,measurement=HUM": 61, "vaiven_reading,device=102,measurement=TEMP": 21,
		"vaiven_state,device=101,state=LED": 1, "vaiven_device_connected,device=101": 1, "vaiven_device_connected,device=103": 0,
		"vaiven_device_readings_total,device=101": 17, "vaiven_device_last_reading_seconds,device=101": float64(noon.UnixMilli()-1200) / 1000,
	} {
		if v, ok := got[name]; !ok || math.Abs(v-want) > 1e-6 {
			t.Errorf("%s is %v, %t; want %v", name, v, ok, want)
		}
	}
}

// BenchmarkDeviceMetrics serves the last values of 1,000 devices with two measurements.
func BenchmarkDeviceMetrics(b *testing.B) {
	w := newWorld(b)
	for i := range 1000 {
		d := *w.devices["101"]
		d.ID = vaiven.Device(fmt.Sprintf("board-%d", i))
		w.devices[d.ID] = &d
	}
	s := w.serve(b)
	for b.Loop() {
		if a := send(b, s, "GET", "/metrics/devices", ""); a.status != http.StatusOK {
			b.Fatal(a.status)
		}
	}
}

// TestHistoryInPart: what could not be read is said; an answer that is whole has no word
// of it.
func TestHistoryInPart(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	if a := send(t, s, "GET", prefix+"/history", ""); strings.Contains(string(a.body), "unread") {
		t.Errorf("%s", a.body)
	}
	at := noon.UnixMilli()
	w.unread = []vaiven.Stretch{{From: at - 60_000, To: at - 30_000}}
	var got api.Curves
	send(t, s, "GET", prefix+"/history", "").into(t, &got)
	if len(got.Unread) != 1 || !got.Unread[0].From.Equal(noon.Add(-time.Minute)) || !got.Unread[0].To.Equal(noon.Add(-30*time.Second)) || len(got.Curves) == 0 {
		t.Errorf("%+v", got)
	}
}
