package server

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"vaiven/internal/gateway"
	"vaiven/internal/history"
	"vaiven/internal/views"
	"vaiven/internal/web/live"
)

// newMetrics makes what /metrics shows: counts of the whole server, never a series
// per device.
func (s *Server) newMetrics() *prometheus.Registry {
	g, m := s.gateway.Stats(), prometheus.NewRegistry()
	counter := func(name, help string, value func() uint64) {
		m.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(value()) }))
	}
	gauge := func(name, help string, value func() float64) {
		m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	m.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		rejectedCollector{g},
		viewCollector{s.pump},
		feedCollector{s.feed},
	)
	gauge("vaiven_connections", "WebSockets of boards that are open.", func() float64 { return float64(g.Connections.Load()) })
	counter("vaiven_connections_refused_total", "Connections refused by a limit.", g.RefusedConnections.Load)
	counter("vaiven_handshakes_total", "WebSockets that were opened.", g.Handshakes.Load)
	counter("vaiven_handshakes_bad_total", "Requests that were no WebSocket handshake.", g.BadHandshakes.Load)
	counter("vaiven_messages_total", "Messages received from boards.", g.Messages.Load)
	counter("vaiven_readings_admitted_total", "Readings that went to the log.", g.Readings.Load)
	counter("vaiven_repeats_total", "Readings that came again and were acknowledged again.", g.Repeats.Load)
	counter("vaiven_takeovers_total", "Devices whose connection was replaced by another.", g.Takeovers.Load)
	counter("vaiven_finished_returns_total", "Boards that came back after their session.", g.Finished.Load)
	counter("vaiven_posts_total", "Messages of boards that came by HTTP.", g.Posts.Load)
	counter("vaiven_states_delivered_total", "Messages with desired states that were written to boards.", g.Delivered.Load)
	counter("vaiven_states_resent_total", "Of these, repetitions.", g.Resent.Load)
	counter("vaiven_changes_confirmed_total", "Changes of state that boards confirmed.", g.Confirmed.Load)
	counter("vaiven_connections_evicted_total", "Connections that only waited, and gave way to newcomers.", func() uint64 { return s.places.Stats().Evicted })
	counter("vaiven_connections_no_place_total", "Connections closed at once since no place was left.", func() uint64 { return s.places.Stats().Refused })
	gauge("vaiven_connections_accepted", "Connections of every kind that are open.", func() float64 { return float64(s.places.Stats().Taken) })
	counter("vaiven_messages_paused_total", "Messages behind which a board was not read for a while, since it sends too much.", g.Paused.Load)
	counter("vaiven_readings_crowded_total", "Readings that waited since their device has its share of what waits for the disk.", g.Crowded.Load)
	counter("vaiven_day_exceeded_total", "Readings refused since what may be sent in a day was used up.", g.OverDay.Load)
	gauge("vaiven_log_ready", "1 while the log accepts readings.", func() float64 {
		if s.log.Health() != nil {
			return 0
		}
		return 1
	})
	gauge("vaiven_log_records", "The log's last record that the views were given.", func() float64 {
		pos, _ := s.pump.Position()
		return float64(pos)
	})
	gauge("vaiven_log_first_record", "The first record that the log still has.", func() float64 { return float64(s.log.First()) })
	gauge("vaiven_log_bytes", "Bytes that the log's records take.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		n, err := s.log.Size(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	})
	gauge("vaiven_log_snapshots", "Snapshots beside the log, from which a start may go on.", func() float64 { return float64(s.pump.Snapshots()) })
	gauge("vaiven_readings", "Readings that the log holds, each counted once.", func() float64 {
		return float64(s.pump.Stats().Readings)
	})
	if s.history != nil {
		m.MustRegister(historyCollector{s.history})
	}
	s.storeMetrics(counter, gauge)
	return m
}

// storeMetrics shows who asks the history as a Prometheus, and what is sent on to one.
func (s *Server) storeMetrics(counter func(name, help string, value func() uint64), gauge func(name, help string, value func() float64)) {
	if s.queries != nil {
		q := s.queries.Stats()
		counter("vaiven_prometheus_requests_total", "Requests to the Prometheus API.", q.Requests.Load)
		counter("vaiven_prometheus_failed_total", "Of these, requests that were answered with an error.", q.Failed.Load)
		counter("vaiven_prometheus_no_place_total", "Of these, requests that waited in vain for others to end.", q.NoPlace.Load)
		gauge("vaiven_prometheus_reading", "Requests to the Prometheus API that read the history now.", func() float64 { return float64(q.Reading.Load()) })
	}
	if s.sender != nil {
		r := s.sender.Stats()
		counter("vaiven_remote_write_samples_total", "Samples that the store has taken.", r.Sent.Load)
		counter("vaiven_remote_write_dropped_samples_total", "Samples that the store has refused for good.", r.Dropped.Load)
		counter("vaiven_remote_write_failures_total", "Requests that failed and are made again.", r.Failures.Load)
		counter("vaiven_remote_write_trimmed_records_total", "Records that left the log before they were sent.", r.Trimmed.Load)
		gauge("vaiven_remote_write_lag_records", "Records of the log that the store lacks.", func() float64 { return float64(s.sender.Lag()) })
		gauge("vaiven_remote_write_ok", "1 while the store takes what it is sent.", func() float64 {
			if s.sender.Trouble() != nil {
				return 0
			}
			return 1
		})
	}
}

// historyCollector shows what the history has, and what became of samples.
type historyCollector struct{ history *history.History }

var (
	historySamplesDesc = prometheus.NewDesc("vaiven_history_samples_total", "Samples taken into the history.", nil, nil)
	historyLateDesc    = prometheus.NewDesc("vaiven_history_late_samples_total", "Of these, samples that came behind a later one of their series.", nil, nil)
	historyDroppedDesc = prometheus.NewDesc("vaiven_history_dropped_samples_total",
		"Samples that are in the log only: another value in the same millisecond (collision), or older than what is kept (expired).", []string{"reason"}, nil)
	historyHeadDesc    = prometheus.NewDesc("vaiven_history_memory_samples", "Samples that are in no block yet; the log has them.", nil, nil)
	historyBlocksDesc  = prometheus.NewDesc("vaiven_history_blocks", "Blocks on disk.", nil, nil)
	historyUnreadDesc  = prometheus.NewDesc("vaiven_history_unreadable_blocks", "Blocks that were found not to be readable in full.", nil, nil)
	historyBytesDesc   = prometheus.NewDesc("vaiven_history_bytes", "Bytes of the blocks.", nil, nil)
	historyKeptDesc    = prometheus.NewDesc("vaiven_history_kept_record", "The log's record up to which the blocks hold everything.", nil, nil)
	historyOldestDesc  = prometheus.NewDesc("vaiven_history_oldest_seconds", "Unix time of the oldest sample, 0 for none.", nil, nil)
	historyJoiningDesc = prometheus.NewDesc("vaiven_history_joining_ok", "1 while blocks can be joined.", nil, nil)
)

func (c historyCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{historySamplesDesc, historyLateDesc, historyDroppedDesc, historyHeadDesc, historyBlocksDesc, historyUnreadDesc,
		historyBytesDesc, historyKeptDesc, historyOldestDesc, historyJoiningDesc} {
		ch <- d
	}
}

func (c historyCollector) Collect(ch chan<- prometheus.Metric) {
	s, counter, gauge := c.history.Stats(), prometheus.CounterValue, prometheus.GaugeValue
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	send(historySamplesDesc, counter, float64(s.Samples))
	send(historyLateDesc, counter, float64(s.Late))
	send(historyDroppedDesc, counter, float64(s.Collisions), "collision")
	send(historyDroppedDesc, counter, float64(s.Expired), "expired")
	send(historyHeadDesc, gauge, float64(s.InMemory))
	send(historyBlocksDesc, gauge, float64(s.Blocks))
	send(historyUnreadDesc, gauge, float64(s.Unreadable))
	send(historyBytesDesc, gauge, float64(s.Bytes))
	send(historyKeptDesc, gauge, float64(c.history.Kept()))
	send(historyOldestDesc, gauge, float64(s.Oldest)/1000)
	joining := 1.0
	if s.Err != nil {
		joining = 0
	}
	send(historyJoiningDesc, gauge, joining)
}

// rejectedCollector counts refused messages by the code of the protocol.
type rejectedCollector struct{ stats *gateway.Stats }

var rejectedDesc = prometheus.NewDesc("vaiven_rejected_total", "Messages refused, by code.", []string{"code"}, nil)

func (c rejectedCollector) Describe(ch chan<- *prometheus.Desc) { ch <- rejectedDesc }

func (c rejectedCollector) Collect(ch chan<- prometheus.Metric) {
	for code, n := range c.stats.Rejected() {
		ch <- prometheus.MustNewConstMetric(rejectedDesc, prometheus.CounterValue, float64(n), string(code))
	}
}

// viewCollector shows how far each view is behind the log.
type viewCollector struct{ pump *views.Pump }

var (
	viewLagDesc = prometheus.NewDesc("vaiven_view_lag_records", "Records that the view has not applied yet.", []string{"view"}, nil)
	viewOKDesc  = prometheus.NewDesc("vaiven_view_ok", "1 while the view moves.", []string{"view"}, nil)
)

func (c viewCollector) Describe(ch chan<- *prometheus.Desc) { ch <- viewLagDesc; ch <- viewOKDesc }

func (c viewCollector) Collect(ch chan<- prometheus.Metric) {
	for _, v := range c.pump.Status() {
		ok := 1.0
		if v.Err != nil {
			ok = 0
		}
		ch <- prometheus.MustNewConstMetric(viewLagDesc, prometheus.GaugeValue, float64(v.Lag), v.Name)
		ch <- prometheus.MustNewConstMetric(viewOKDesc, prometheus.GaugeValue, ok, v.Name)
	}
}

// feedCollector shows who follows the live feeds, and how that ended.
type feedCollector struct{ feed *live.Feed }

var (
	followersDesc = prometheus.NewDesc("vaiven_followers", "Followers of the live feeds, by transport.", []string{"transport"}, nil)
	sentDesc      = prometheus.NewDesc("vaiven_feed_events_total", "Events sent to followers, by transport.", []string{"transport"}, nil)
	endedDesc     = prometheus.NewDesc("vaiven_followers_ended_total", "Followers that ended, by reason.", []string{"reason"}, nil)
	refusedDesc   = prometheus.NewDesc("vaiven_followers_refused_total", "Followers for whom there was no room.", nil, nil)
)

func (c feedCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- followersDesc
	ch <- sentDesc
	ch <- endedDesc
	ch <- refusedDesc
}

func (c feedCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.feed.Stats()
	for transport, n := range s.Followers {
		ch <- prometheus.MustNewConstMetric(followersDesc, prometheus.GaugeValue, float64(n), transport)
	}
	for transport, n := range s.Sent {
		ch <- prometheus.MustNewConstMetric(sentDesc, prometheus.CounterValue, float64(n), transport)
	}
	for reason, n := range s.Ended {
		ch <- prometheus.MustNewConstMetric(endedDesc, prometheus.CounterValue, float64(n), reason)
	}
	ch <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(s.Refused))
}
