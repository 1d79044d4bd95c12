package web

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vaiven"
)

// many is a table of n devices.
func many(n int) []Row {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{
			ID: vaiven.Device(fmt.Sprintf("board-%06d", i)), Name: fmt.Sprintf("Room %d", rng.IntN(n)), Groups: []string{fmt.Sprintf("floor-%d", i%10)},
			Presence: Presence{Connected: i%3 == 0, Since: 1 + rng.Int64N(1000), Last: 1 + rng.Int64N(1000)}, Readings: rng.Uint64N(50),
		}
	}
	rng.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func scanOf(rows []Row) func(func(*Row) bool) {
	return func(yield func(*Row) bool) {
		for i := range rows {
			if !yield(&rows[i]) {
				return
			}
		}
	}
}

// TestPages shows that the pages of any selection are together what the whole
// table, sorted, holds of it.
func TestPages(t *testing.T) {
	rows := many(137)
	rapid.Check(t, func(t *rapid.T) {
		s := selection{
			sort:   rapid.SampledFrom([]string{"id", "name", "last", "readings", "status"}).Draw(t, "sort"),
			desc:   rapid.Bool().Draw(t, "desc"),
			limit:  rapid.IntRange(1, 150).Draw(t, "limit"),
			text:   rapid.SampledFrom([]string{"", "room 1", "7", "floor-3"}).Draw(t, "text"),
			group:  rapid.SampledFrom([]string{"", "floor-3", "floor"}).Draw(t, "group"),
			status: rapid.SampledFrom([]string{"", "connected", "disconnected", "asleep"}).Draw(t, "status"),
			now:    noon,
		}
		var want []place
		for i := range rows {
			status, _, _ := Status(noon, rows[i].Presence)
			if s.matches(&rows[i], status) {
				want = append(want, s.place(&rows[i], status))
			}
		}
		slices.SortFunc(want, s.compare)
		var got []vaiven.Device
		for {
			ids, total, next := s.page(scanOf(rows))
			if total != len(want) || len(ids) > s.limit || next != "" && len(ids) != s.limit {
				t.Fatalf("page of %d, total %d of %d, next %q", len(ids), total, len(want), next)
			}
			got = append(got, ids...)
			if next == "" {
				break
			}
			var err error
			if s.after, err = parsePlace(next, s.order()); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.EqualFunc(got, want, func(d vaiven.Device, p place) bool { return d == p.ID }) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	})
}

func TestCursorOfAnotherOrder(t *testing.T) {
	c := place{Sort: "id", ID: "101"}.cursor()
	for _, bad := range []string{c + "!", strings.ToUpper(c), "e30"} {
		if p, err := parsePlace(bad, "id"); err == nil {
			t.Errorf("%q is %+v", bad, p)
		}
	}
	if _, err := parsePlace(c, "-id"); err == nil {
		t.Error("a cursor of id is one of -id")
	}
}

// BenchmarkPage is a page of 100 of 100,000 devices.
func BenchmarkPage(b *testing.B) {
	rows := many(100_000)
	for _, s := range []selection{
		{sort: "id", limit: 100, now: noon}, {sort: "name", limit: 100, now: noon}, {sort: "last", desc: true, limit: 1000, now: noon},
		{sort: "id", limit: 100, text: "room 77", now: noon},
	} {
		b.Run(s.order()+s.text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.page(scanOf(rows))
			}
		})
	}
}
