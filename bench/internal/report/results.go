// Package report keeps what was measured and puts it into words: a table for
// the terminal and for people, JSON for machines.
//
// It does no measuring. A Results belongs to one goroutine.
package report

import (
	"slices"

	"vaiven/bench/internal/machine"
)

// Peer is a server of the comparison.
type Peer struct {
	Key     string `json:"key"`
	Title   string `json:"title"`
	Version string `json:"version"`
}

// Results is everything that a run found out.
type Results struct {
	Date     string        `json:"date"`  // AAAA-MM-DD
	Smoke    bool          `json:"smoke"` // too short to mean anything: no targets
	Machine  machine.Facts `json:"machine"`
	Method   []string      `json:"method"` // what was done, a sentence each
	Peers    []Peer        `json:"peers"`
	Samples  Samples       `json:"samples"`
	Verified []string      `json:"verified"` // what checks of stored data said
	Failures []string      `json:"failures"`
}

// Samples holds one value for each round, by metric and by column of the
// table: a peer, or what else the section has.
type Samples map[string]map[string][]float64

// Add appends the value of one round.
func (s Samples) Add(metric, column string, v float64) {
	if s[metric] == nil {
		s[metric] = map[string][]float64{}
	}
	s[metric][column] = append(s[metric][column], v)
}

// Merge appends all values of other.
func (s Samples) Merge(other Samples) {
	for metric, columns := range other {
		for column, values := range columns {
			for _, v := range values {
				s.Add(metric, column, v)
			}
		}
	}
}

// Summary is what rounds have in common.
type Summary struct{ Median, Min, Max float64 }

// Of returns the summary of a metric in a column; false when it was not
// measured.
func (s Samples) Of(metric, column string) (Summary, bool) {
	v := slices.Sorted(slices.Values(s[metric][column]))
	if len(v) == 0 {
		return Summary{}, false
	}
	half := len(v) / 2
	median := v[half]
	if len(v)%2 == 0 {
		median = (v[half-1] + v[half]) / 2
	}
	return Summary{Median: median, Min: v[0], Max: v[len(v)-1]}, true
}
