package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"vaiven/bench/internal/machine"
)

// Intervals is what commit intervals cost and save.
type Intervals struct {
	Date    string        `json:"date"`
	Version string        `json:"version"` // of the program
	Machine machine.Facts `json:"machine"`
	Live    []Interval    `json:"live"` // in real time
	Kept    []Kept        `json:"kept"`
	Method  []string      `json:"method"`
}

// Interval is what one commit interval did with so many boards; bytes and CPU are for
// each acknowledged reading.
type Interval struct {
	Boards  int           `json:"boards"`
	Every   time.Duration `json:"every_ns"`
	Device  float64       `json:"device_bytes"`  // written to the device, by whomever
	Process float64       `json:"process_bytes"` // made dirty by the server (/proc/PID/io)
	CPU     time.Duration `json:"cpu_ns"`
	P50     time.Duration `json:"ack_p50_ns"`
	P99     time.Duration `json:"ack_p99_ns"`
}

// Kept is what one commit interval leaves in the log, in bytes for each reading.
type Kept struct {
	Boards   int           `json:"boards"`
	Every    time.Duration `json:"every_ns"`
	Readings uint64        `json:"readings"`
	Log      float64       `json:"log_bytes"`
}

// Markdown writes the tables.
func (r *Intervals) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Commit intervals, %s\n\n%s. ", r.Date, r.Version)
	machineFacts(&b, r.Machine)
	rows := [][]string{{"boards", "commit every", "written to the device, B/reading", "by the process, B/reading", "CPU, µs/reading", "ack p50, ms", "ack p99, ms"}}
	for _, l := range r.Live {
		rows = append(rows, []string{fmt.Sprint(l.Boards), l.Every.String(), number(l.Device, 0), number(l.Process, 0),
			number(float64(l.CPU)/1e3, 0), number(float64(l.P50)/1e6, 1), number(float64(l.P99)/1e6, 1)})
	}
	table(&b, rows)
	rows = [][]string{{"boards", "commit every", "readings", "kept in the log, B/reading"}}
	for _, k := range r.Kept {
		rows = append(rows, []string{fmt.Sprint(k.Boards), k.Every.String(), number(float64(k.Readings), 0), number(k.Log, 1)})
	}
	table(&b, rows)
	list(&b, "What was done", r.Method)
	_, err := io.WriteString(w, b.String())
	return err
}

// Keep writes DATE-intervals.md and DATE-intervals.json into dir, and returns the path
// of the first.
func (r *Intervals) Keep(dir string) (string, error) {
	return keep(dir, r.Date+"-intervals", r, r.Markdown)
}
