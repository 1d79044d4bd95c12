package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vaiven"
)

// deviceMetrics serves the last value of every measurement and state of every device,
// for a Prometheus that scrapes it, under the names that the history has. It is a page
// of its own, since it has series for each device, and as open as the API.
func (o Options) deviceMetrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(lastValues{o.Devices})
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: maxScanning, EnableOpenMetrics: true})
}

var (
	lastReadingDesc = prometheus.NewDesc(vaiven.MetricReading, "Last value of a measurement.", []string{vaiven.LabelDevice, vaiven.LabelMeasurement}, nil)
	lastStateDesc   = prometheus.NewDesc(vaiven.MetricState, "A state as the board reported it last.", []string{vaiven.LabelDevice, vaiven.LabelState}, nil)
	connectedDesc   = prometheus.NewDesc("vaiven_device_connected", "1 while the device is connected.", []string{vaiven.LabelDevice}, nil)
	receivedDesc    = prometheus.NewDesc("vaiven_device_last_reading_seconds", "Unix time at which its last reading was received.", []string{vaiven.LabelDevice}, nil)
	readingsDesc    = prometheus.NewDesc("vaiven_device_readings_total", "Readings of the device in the log.", []string{vaiven.LabelDevice}, nil)
)

// lastValues collects from the table of devices.
type lastValues struct{ devices Devices }

func (c lastValues) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lastReadingDesc, lastStateDesc, connectedDesc, receivedDesc, readingsDesc} {
		ch <- d
	}
}

// Collect copies first: the table takes no news while it is looked at, and the channel
// is as slow as its reader.
func (c lastValues) Collect(ch chan<- prometheus.Metric) {
	var all []prometheus.Metric
	add := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		all = append(all, prometheus.MustNewConstMetric(d, kind, v, labels...))
	}
	c.devices.Each(func(d *vaiven.DeviceInfo) bool {
		id, connected := string(d.ID), 0.0
		for _, v := range d.Values {
			add(lastReadingDesc, prometheus.GaugeValue, v.Num, id, v.Name)
		}
		for _, v := range d.States {
			add(lastStateDesc, prometheus.GaugeValue, v.Num, id, v.Name)
		}
		if d.Connected {
			connected = 1
		}
		add(connectedDesc, prometheus.GaugeValue, connected, id)
		if d.Reading != 0 {
			add(receivedDesc, prometheus.GaugeValue, float64(d.Reading)/1000, id)
		}
		add(readingsDesc, prometheus.CounterValue, float64(d.Readings), id)
		return true
	})
	for _, m := range all {
		ch <- m
	}
}
