package transports

import (
	"slices"
	"time"
)

// Result is what Run has measured.
type Result struct {
	Readings  int     `json:"readings"` // in each run
	Rate      float64 `json:"rate"`     // readings a second, on average
	Followers int     `json:"followers"`
	PollMS    float64 `json:"poll_ms"`

	// What a server spends on one reading without any follower, µs of processor
	// time. Absent: there was no such run.
	VaivenUs *float64 `json:"vaiven_alone_us,omitempty"`
	BrokerUs *float64 `json:"broker_alone_us,omitempty"`

	Rows []Row `json:"transports"`
}

// Row is one transport. A run that failed has a Problem and no figures; neither
// has one for which something must be installed first. Counts are of all
// followers together.
type Row struct {
	Transport  Transport `json:"transport"`
	Received   int       `json:"received"`
	Missed     int       `json:"missed"`
	Duplicates int       `json:"duplicates"`
	Requests   int64     `json:"requests"`  // HTTP requests, handshakes included; connections of MQTT
	BytesIn    int64     `json:"bytes_in"`  // of TCP's payload, to the followers
	BytesOut   int64     `json:"bytes_out"` // from them

	// For each reading that was received; absent when none was.
	Figures *Figures `json:"per_reading,omitempty"`

	Problem string `json:"problem,omitempty"`
	Install string `json:"install,omitempty"` // command, or where to find it
}

// Figures are a transport's cost for each reading that was received.
type Figures struct {
	Bytes      float64 `json:"bytes"` // both directions
	P50MS      float64 `json:"latency_p50_ms"`
	P99MS      float64 `json:"latency_p99_ms"`
	ServerUs   float64 `json:"server_cpu_us"` // beyond what the stream costs without followers
	FollowerUs float64 `json:"follower_cpu_us"`
}

// Problems lists what went wrong, transport by transport.
func (r *Result) Problems() (all []string) {
	for _, row := range r.Rows {
		if row.Problem != "" {
			all = append(all, string(row.Transport)+": "+row.Problem)
		}
	}
	return all
}

func newResult(o Options, vaiven, broker *measured) *Result {
	r := &Result{Readings: o.Readings, Rate: o.Rate, Followers: o.Followers, PollMS: ms(o.Poll)}
	if vaiven != nil {
		r.VaivenUs = new(us(vaiven.server) / float64(o.Readings))
	}
	if broker != nil {
		r.BrokerUs = new(us(broker.server) / float64(o.Readings))
	}
	return r
}

// add makes a row of a run, or of why it failed.
func (r *Result) add(t Transport, m, base *measured, err error) {
	if err != nil {
		r.Rows = append(r.Rows, Row{Transport: t, Problem: err.Error()})
		return
	}
	row := Row{Transport: t}
	var late []time.Duration
	for _, n := range m.notes {
		row.Duplicates += n.Duplicates
		row.Requests += n.Requests
		row.BytesIn += n.In
		row.BytesOut += n.Out
		for i, at := range n.Arrived {
			if at == 0 {
				row.Missed++
				continue
			}
			late = append(late, time.Duration(at-m.sent[i]))
		}
	}
	if row.Received = len(late); row.Received > 0 {
		slices.Sort(late)
		each := float64(row.Received)
		row.Figures = &Figures{
			Bytes: float64(row.BytesIn+row.BytesOut) / each,
			P50MS: ms(quantile(late, 0.5)), P99MS: ms(quantile(late, 0.99)),
			ServerUs: us(m.server-base.server) / each, FollowerUs: us(m.follower-base.follower) / each,
		}
	}
	r.Rows = append(r.Rows, row)
}

// quantile returns the smallest of the sorted durations that a share q of them
// does not exceed (nearest rank).
func quantile(sorted []time.Duration, q float64) time.Duration {
	rank := int(q * float64(len(sorted)))
	if float64(rank) < q*float64(len(sorted)) {
		rank++
	}
	return sorted[max(rank, 1)-1]
}

func ms(d time.Duration) float64 { return us(d) / 1000 }
func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// row returns a transport's row if it has figures.
func (r *Result) row(t Transport) *Row {
	for i := range r.Rows {
		if r.Rows[i].Transport == t && r.Rows[i].Figures != nil {
			return &r.Rows[i]
		}
	}
	return nil
}
