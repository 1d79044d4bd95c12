//go:build suites && linux

package board

import (
	"fmt"
	"slices"
	"strings"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// tally is what a fleet's run had in it.
type tally struct {
	taken, lost, failed, sendings, connections, restarts int
	worst                                                int64 // ms
}

// check holds the CSV, the log and the boards' own events against each other.
func (f *fleet) check() {
	f.t.Helper()
	csv := map[string][]string{}
	rows, err := harness.ReadCSV(f.server.CSV())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, r := range rows {
		csv[r.Device] = append(csv[r.Device], r.Temp+","+r.Hum)
	}
	log := map[string][]stored{}
	for _, r := range readings(f.t, f.server.Addr, "") {
		log[r.Device] = append(log[r.Device], r)
	}
	var sum tally
	for i, b := range f.boards {
		f.checkBoard(&sum, b, device(i), csv[device(i)], log[device(i)], int64(i%2))
	}
	if len(rows) != sum.taken-sum.lost {
		f.t.Errorf("%d rows, %d readings taken, %d of them lost", len(rows), sum.taken, sum.lost)
	}
	f.t.Logf("%d boards, %.3g simulated hours, server killed %d times: %d readings taken, %d lost, %d rows; sent %d times over %d connections; "+
		"%d failed conversions, %d restarts of boards; measured times off by %d simulated ms at most",
		len(f.boards), *hours, *kills, sum.taken, sum.lost, len(rows), sum.sendings, sum.connections, sum.failed, sum.restarts, sum.worst)
	for _, b := range f.boards {
		b.Quit()
	}
	verify(f.t, f.server)
}

// checkBoard proves that a board's readings, less those that it counted as lost,
// are there once and in order, and that its LED is what everybody thinks it is.
func (f *fleet) checkBoard(sum *tally, b *boardtest.Board, id string, csv []string, log []stored, led int64) {
	f.t.Helper()
	st := ask(f.t, b)
	want := taken(b)
	sum.taken, sum.lost, sum.failed = sum.taken+len(want), sum.lost+st.lost, sum.failed+st.failed
	sum.connections += len(b.Events("connected"))
	sum.restarts += len(b.Events("restart")) - 1 // the first ended its setting up
	var held []string
	last := 0
	for _, r := range log {
		if r.Boot != st.boot || r.Seq <= last || r.Seq > len(want) {
			f.t.Errorf("%s: SEQ %d of BOOT %s behind %d; the board has %s, and took %d readings", id, r.Seq, r.Boot, last, st.boot, len(want))
			return
		}
		if r.row() != want[r.Seq-1] {
			f.t.Errorf("%s: SEQ %d is %s in the log and %s on the board", id, r.Seq, r.row(), want[r.Seq-1])
		}
		last = r.Seq
		held = append(held, r.row())
	}
	if len(log) != len(want)-st.lost {
		f.t.Errorf("%s: %d readings taken, %d lost, %d in the log", id, len(want), st.lost, len(log))
	}
	if !slices.Equal(csv, held) {
		f.t.Errorf("%s: the CSV's %d rows are not the log's %d readings", id, len(csv), len(held))
	}
	for _, s := range sendings(f.t, b) {
		sum.sendings += len(s)
	}
	sum.worst = max(sum.worst, checkTimes(f.t, b, log))
	if got := b.Pin(pinLED); got != led || int64(st.led) != led || int64(desired(f.t, f.server.Addr, id)) != led {
		f.t.Errorf("%s: LED %d, the board says %d, the server wants %d, asked for was %d", id, got, st.led, desired(f.t, f.server.Addr, id), led)
	}
	if dogs := b.Events("watchdog"); len(dogs) > 0 {
		f.t.Errorf("%s: %s", id, fmt.Sprint(dogs))
	}
	f.noFight(b, id)
}

// noFight: fifty boards with fifty numbers never get into each other's way.
func (f *fleet) noFight(b *boardtest.Board, id string) {
	f.t.Helper()
	for _, e := range b.Events("serial") {
		if strings.Contains(e.Text, "Another board has this number") {
			f.t.Errorf("%s at %d ms: %s", id, e.At, e.Text)
		}
	}
}
