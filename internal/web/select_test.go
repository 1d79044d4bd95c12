package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"vaiven"
)

// many is a table of n devices.
func many(n int) []vaiven.DeviceInfo {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]vaiven.DeviceInfo, n)
	for i := range rows {
		rows[i] = vaiven.DeviceInfo{
			ID: vaiven.Device(fmt.Sprintf("board-%06d", i)), About: &vaiven.About{Name: fmt.Sprintf("Room %d", rng.IntN(n)), Groups: []string{fmt.Sprintf("floor-%d", i%10)}},
			Connected: i%3 == 0, Since: 1 + rng.Int64N(1000), Last: 1 + rng.Int64N(1000), Readings: rng.Uint64N(50),
		}
	}
	rng.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func scanOf(rows []vaiven.DeviceInfo) func(func(*vaiven.DeviceInfo) bool) {
	return func(yield func(*vaiven.DeviceInfo) bool) {
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
		var want []listPosition
		for i := range rows {
			status, _, _ := rows[i].Status(noon.UnixMilli())
			if s.matches(&rows[i], status) {
				want = append(want, s.position(&rows[i], status))
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
			if s.after, err = parseCursor(next, s.order()); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.EqualFunc(got, want, func(d vaiven.Device, p listPosition) bool { return d == p.ID }) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	})
}

func TestCursorOfAnotherOrder(t *testing.T) {
	c := listPosition{Sort: "id", ID: "101"}.cursor()
	for _, bad := range []string{c + "!", strings.ToUpper(c), "e30"} {
		if p, err := parseCursor(bad, "id"); err == nil {
			t.Errorf("%q is %+v", bad, p)
		}
	}
	if _, err := parseCursor(c, "-id"); err == nil {
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

// crowded lets those go one by one who look at the table, and counts them.
type crowded struct {
	Devices
	inside, most atomic.Int64
	arrived      chan struct{}
	release      chan struct{}
}

func (c *crowded) Each(yield func(*vaiven.DeviceInfo) bool) {
	c.most.Store(max(c.inside.Add(1), c.most.Load()))
	c.arrived <- struct{}{}
	<-c.release
	c.inside.Add(-1)
	c.Devices.Each(yield)
}

// The table takes no news while it is looked at: many readers take turns.
func TestFewLookAtTheTableAtOnce(t *testing.T) {
	w := newWorld(t)
	c := &crowded{Devices: w, arrived: make(chan struct{}, 100), release: make(chan struct{})}
	s := w.serve(t, func(o *Options) { o.Devices = c })
	var readers sync.WaitGroup
	const many = 12
	for i := range many {
		path := []string{"/devices", "/sessions", "/devices?q=lab"}[i%3]
		readers.Go(func() {
			if a := send(t, s, "GET", prefix+path, ""); a.status != http.StatusOK {
				t.Errorf("%s: %d", path, a.status)
			}
		})
	}
	for range maxScanning {
		<-c.arrived
	}
	for range many {
		c.release <- struct{}{}
	}
	readers.Wait()
	if n := c.most.Load(); n > maxScanning {
		t.Errorf("%d looked at the table at once", n)
	}
}

// One whose turn does not come is told to come again.
func TestNoTurnToLookAtTheTable(t *testing.T) {
	s := newServer(newWorld(t).options())
	for range maxScanning {
		s.scanning <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.listDevices(ctx, &listDevices{Limit: 1, Sort: "id"}); err == nil {
		t.Error("a look at the table that was not its turn")
	}
}
