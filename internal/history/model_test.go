package history

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"pgregory.net/rapid"

	"vaiven"
	"vaiven/test/leaks"
)

// TestMain: a block costs some fsyncs, so that properties are tried a few times here,
// and as often as -rapid.checks says where somebody asks for it.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		_ = flag.Set("rapid.checks", "12")
	}
	leaks.VerifyMain(m)
}

// begun is when the tests' logs begin.
const begun = 1_790_000_000_000

// mirror is a log with what a history of it holds: a plain map. It is also the pump: it
// applies records, and again those behind Kept after a restart.
type mirror struct {
	dir     string
	options Options
	h       *History
	old     []*History // left behind by kills

	log    [][]vaiven.Entry // record i+1 is element i
	want   map[key]map[int64]float64
	counts counts
}

func newMirror(dir string, headSamples int) *mirror {
	return &mirror{dir: dir, want: map[key]map[int64]float64{}, options: Options{Dir: dir, Log: "0f", headSamples: headSamples}}
}

// open opens the history, and applies what the log has from the record behind Kept, or
// an earlier one, on.
func (m *mirror) open(t fatal, earlier uint64) {
	h, err := Open(m.options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	m.h = h
	if err := h.Restore(nil); err != nil {
		t.Fatal(err)
	}
	for i := h.Kept() - min(earlier, h.Kept()); i < uint64(len(m.log)); i++ {
		if err := h.Apply(i+1, m.log[i]); err != nil {
			t.Fatalf("apply record %d again: %v", i+1, err)
		}
	}
}

// fatal is what a test and a property have in common.
type fatal interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// append adds a record, to the log and to the map.
func (m *mirror) append(t fatal, events ...vaiven.Event) {
	var entries []vaiven.Entry
	for i, ev := range events {
		entries = append(entries, vaiven.Entry{ID: vaiven.ID{Record: uint64(len(m.log) + 1), Index: uint32(i)}, Event: ev})
		switch e := ev.(type) {
		case *vaiven.Reading:
			at := e.Measured
			if at == 0 {
				at = e.At
			}
			m.put(e.Device, at, e.Values, false)
			m.put(e.Device, at, e.States, true)
		case *vaiven.Report:
			m.put(e.Device, e.At, e.States, true)
		}
	}
	m.log = append(m.log, entries)
	if err := m.h.Apply(uint64(len(m.log)), entries); err != nil {
		t.Fatalf("apply record %d: %v", len(m.log), err)
	}
}

func (m *mirror) put(d vaiven.Device, at int64, values []vaiven.Value, state bool) {
	for _, v := range values {
		k := key{d, v.Name, state}
		if m.want[k] == nil {
			m.want[k] = map[int64]float64{}
		}
		old, there := m.want[k][at]
		switch {
		case !there:
			m.want[k][at] = v.Num
			m.counts.Samples++
		case old != v.Num:
			m.counts.Collisions++
		}
	}
}

// check compares the history with the map: sample by sample, and in buckets.
func (m *mirror) check(t fatal) {
	got, err := m.everything()
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	for k, want := range m.want {
		if !maps.Equal(got[k], want) {
			t.Fatalf("%v: history has %d samples %v, the log %d %v", k, len(got[k]), got[k], len(want), want)
		}
	}
	if len(got) != len(m.want) {
		t.Fatalf("history has %d series, the log %d", len(got), len(m.want))
	}
	if s := m.h.Stats(); s.Samples != m.counts.Samples || s.Collisions != m.counts.Collisions {
		t.Fatalf("%d samples and %d collisions were counted, want %d and %d", s.Samples, s.Collisions, m.counts.Samples, m.counts.Collisions)
	}
}

// everything reads every sample through the Queryable. A sample that is there twice is
// an error.
func (m *mirror) everything() (map[key]map[int64]float64, error) {
	q, err := m.h.Queryable().Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	got := map[key]map[int64]float64{}
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, vaiven.LabelDevice, ".+"))
	for set.Next() {
		k := keyOf(set.At().Labels()).clone()
		if got[k] != nil {
			return nil, fmt.Errorf("%v is there twice", k)
		}
		got[k] = map[int64]float64{}
		it := set.At().Iterator(nil)
		last := int64(math.MinInt64)
		for it.Next() != chunkenc.ValNone {
			at, v := it.At()
			if at <= last {
				return nil, fmt.Errorf("%v: %d follows %d", k, at, last)
			}
			got[k][at], last = v, at
		}
		if it.Err() != nil {
			return nil, it.Err()
		}
	}
	return got, set.Err()
}

// buckets are what a query must find, from the map.
func (m *mirror) buckets(q vaiven.CurveQuery, width int64) map[key][]vaiven.Bucket {
	out := map[key][]vaiven.Bucket{}
	for k, samples := range m.want {
		if len(q.Devices) > 0 && !slices.Contains(q.Devices, k.device) || len(q.Names) > 0 && !slices.Contains(q.Names, k.name) {
			continue
		}
		for _, at := range slices.Sorted(maps.Keys(samples)) {
			if at < q.From || at >= q.To {
				continue
			}
			list, v, start := out[k], samples[at], floorDiv(at, width)*width
			if n := len(list); n == 0 || list[n-1].Start != start {
				list = append(list, vaiven.Bucket{Start: start, Min: v, Max: v})
			}
			b := &list[len(list)-1]
			b.Count++
			b.Min, b.Max, b.Mean = min(b.Min, v), max(b.Max, v), b.Mean+(v-b.Mean)/float64(b.Count)
			out[k] = list
		}
	}
	return out
}

// before is what must have held at a query's beginning, from the map.
func (m *mirror) before(q vaiven.CurveQuery, found map[key][]vaiven.Bucket) map[key]vaiven.Held {
	there := func(d vaiven.Device) bool {
		for k := range found {
			if k.device == d {
				return true
			}
		}
		return slices.Contains(q.Devices, d)
	}
	out := map[key]vaiven.Held{}
	for k, samples := range m.want {
		if !k.state || !there(k.device) || len(q.Devices) > 0 && !slices.Contains(q.Devices, k.device) || len(q.Names) > 0 && !slices.Contains(q.Names, k.name) {
			continue
		}
		for at, v := range samples {
			if old, ok := out[k]; at < q.From && (!ok || at > old.At) {
				out[k] = vaiven.Held{At: at, Num: v}
			}
		}
	}
	return out
}

func (m *mirror) checkQuery(t fatal, q vaiven.CurveQuery) {
	got, err := m.h.Curves(context.Background(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	want := m.buckets(q, got.Width)
	held := m.before(q, want)
	for k := range held {
		if _, there := want[k]; !there {
			want[k] = nil // that is all there is of it
		}
	}
	if len(got.Curves) != len(want) {
		t.Fatalf("%+v: %d curves, want %d", q, len(got.Curves), len(want))
	}
	for _, c := range got.Curves {
		k := key{c.Device, c.Name, c.State}
		w := want[k]
		if h, ok := held[k]; ok != (c.Before != nil) || ok && *c.Before != h {
			t.Fatalf("%+v: %s %s was %v before, want %v", q, c.Device, c.Name, c.Before, h)
		}
		same := slices.EqualFunc(c.Buckets, w, func(a, b vaiven.Bucket) bool {
			return a.Start == b.Start && a.Count == b.Count && a.Min == b.Min && a.Max == b.Max && math.Abs(a.Mean-b.Mean) <= 1e-9*max(1, math.Abs(b.Mean))
		})
		if !same || len(c.Buckets) > q.Points {
			t.Fatalf("%+v: %s %s has buckets of %d ms %v, want %v", q, c.Device, c.Name, got.Width, c.Buckets, w)
		}
	}
}

func (m *mirror) closeAll() {
	for _, h := range append(m.old, m.h) {
		_ = h.Close()
	}
}

// TestHistoryEqualsTheLog puts logs through a history: in order, late, very late,
// colliding, repeated, with restarts, kills, replays from further back and folders that
// are gone; it equals a plain map at every look.
func TestHistoryEqualsTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "history")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := newMirror(dir, rapid.IntRange(4, 300).Draw(t, "samples of a block"))
		m.open(t, 0)
		defer m.closeAll()
		now := int64(begun)
		devices := []vaiven.Device{"101", "102", "kitchen.1"}
		ages := rapid.SampledFrom([]int64{0, 0, 0, 0, 1, 1500, 60_000, 3_600_000, 30 * 3_600_000, 40 * 86_400_000})
		events := func(t *rapid.T) vaiven.Event {
			now += rapid.SampledFrom([]int64{0, 1, 2000, 2000, 2003, 2000, 90_000, 2 * 3_600_000}).Draw(t, "pause")
			num := float64(rapid.IntRange(-3, 3).Draw(t, "value")) / 10
			d := rapid.SampledFrom(devices).Draw(t, "device")
			stamp := vaiven.Stamp{At: now}
			if rapid.IntRange(0, 7).Draw(t, "kind") == 0 {
				return &vaiven.Report{Stamp: stamp, Device: d, States: []vaiven.Value{{Name: "LED", Num: num}}}
			}
			r := &vaiven.Reading{Stamp: stamp, Device: d, Values: []vaiven.Value{{Name: "TEMP", Num: num}, {Name: "HUM", Num: num * 3}}}
			if age := ages.Draw(t, "age"); age > 0 {
				r.Measured = now - age
			}
			return r
		}
		t.Repeat(map[string]func(*rapid.T){
			"record": func(t *rapid.T) {
				var list []vaiven.Event
				for range rapid.IntRange(1, 12).Draw(t, "events") {
					list = append(list, events(t))
				}
				m.append(t, list...)
			},
			"restart": func(t *rapid.T) {
				if err := m.h.Close(); err != nil {
					t.Fatal(err)
				}
				m.open(t, uint64(rapid.IntRange(0, 5).Draw(t, "records again")))
			},
			"kill": func(t *rapid.T) {
				m.h.cancel()
				m.h.work.Wait() // a process that is gone writes nothing
				m.old = append(m.old, m.h)
				m.open(t, uint64(rapid.IntRange(0, 5).Draw(t, "records again")))
			},
			"check": func(t *rapid.T) {
				m.h.work.Wait()
				if found := m.checkFolder(t, rapid.IntRange(1, 500).Draw(t, "window"), m.log); found.Text(vaiven.English) != "" {
					t.Fatal(found.Text(vaiven.English))
				}
			},
			"settle": func(t *rapid.T) {
				last := uint64(len(m.log))
				if err := m.h.Settle(last); err != nil || m.h.Kept() != last || m.h.Stats().InMemory > 0 {
					t.Fatalf("settled at %d of %d, %+v: %v", m.h.Kept(), last, m.h.Stats(), err)
				}
			},
			"folder gone": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "really") > 0 {
					return
				}
				if err := m.h.Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
				m.open(t, 0)
			},
			"look": func(t *rapid.T) {
				q := vaiven.CurveQuery{From: now - rapid.Int64Range(0, 4*86_400_000).Draw(t, "ago"), To: now + 1, Points: rapid.IntRange(2, 400).Draw(t, "points")}
				switch rapid.IntRange(0, 3).Draw(t, "of") {
				case 0:
					q.Devices, q.Names = devices[:1], []string{"TEMP"}
				case 1:
					q.Devices = devices[:2]
				case 2:
					q.Devices, q.Names = devices, []string{"LED"}
				}
				m.checkQuery(t, q)
			},
			"": func(t *rapid.T) { m.check(t) },
		})
	})
}
