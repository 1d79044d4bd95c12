package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/event"
)

// memory is a log in memory.
type memory []vaiven.Entry

func (m memory) Bounds() (first, last vaiven.ID) {
	if len(m) == 0 {
		return first, last
	}
	return vaiven.ID{Record: m[0].ID.Record}, m[len(m)-1].ID
}

func (m memory) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	for _, en := range m {
		if !after.Before(en.ID) {
			continue
		}
		if err := fn(en); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// noon is when the tests' log begins.
var noon = time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)

// story is a log of n readings of several boards with different measurements, among
// other events, received a little out of order.
func story(n int) memory {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	m := memory{{ID: vaiven.ID{Record: 1}, Event: &vaiven.LogStart{Stamp: vaiven.Stamp{At: noon.UnixMilli()}, Log: strings.Repeat("0f", 16)}}}
	boards := []vaiven.Device{"007", "101", "111", "205", "lora-1.a_b"}
	for i := range n {
		s := vaiven.Stamp{At: noon.UnixMilli() + int64(i)*7_001 - r.Int64N(4000), Offset: -18000, Synced: true}
		rd := &vaiven.Reading{Stamp: s, Device: boards[r.IntN(len(boards))]}
		if r.IntN(2) == 0 {
			rd.Measured = s.At - r.Int64N(100_000)
		}
		for _, name := range []string{"TEMP", "HUM", "CO2"} {
			if r.IntN(4) > 0 {
				rd.Values = append(rd.Values, vaiven.Value{Name: name, Num: []float64{24.5, -0.25, 61, 0, 1e-9, 412, 24.299999237060547}[r.IntN(7)]})
			}
		}
		if len(rd.Values) == 0 {
			rd.Values = []vaiven.Value{{Name: "PM25", Num: 3}}
		}
		m = append(m, vaiven.Entry{ID: vaiven.ID{Record: uint64(i/3 + 2), Index: uint32(i % 3 * 2)}, Event: rd})
		if i%3 == 0 {
			m = append(m, vaiven.Entry{ID: vaiven.ID{Record: uint64(i/3 + 2), Index: 1}, Event: &vaiven.Presence{Stamp: s, Device: "101", Connected: true}})
		}
	}
	return m
}

func exporter(m Log) *Exporter {
	return New(Options{Log: m, Disorder: func() time.Duration { return event.Disorder }, Columns: []string{"TEMP", "HUM"}, Zone: "America/Bogota", Now: func() time.Time { return noon.Add(time.Hour) }})
}

// run exports what the query asks for.
func run(t *testing.T, x *Exporter, query string) (*Export, []byte) {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	e, err := x.Prepare(q, vaiven.English)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var out bytes.Buffer
	if err := e.Write(t.Context(), &out, nil); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return e, out.Bytes()
}

// readings are those of the log that keep says.
func (m memory) readings(keep func(*vaiven.Reading) bool) (out []vaiven.Entry) {
	for _, en := range m {
		if r, ok := en.Event.(*vaiven.Reading); ok && keep(r) {
			out = append(out, en)
		}
	}
	return out
}

// An export of all of a log is byte for byte the file that the server keeps, in both
// dialects.
func TestAllOfALogIsTheServersFile(t *testing.T) {
	m := story(1000)
	for _, dialect := range []string{"", csvfile.ExcelES} {
		path := filepath.Join(t.TempDir(), "readings.csv")
		f, err := csvfile.Open(csvfile.Options{Path: path, Log: "a", Columns: []string{"TEMP", "HUM"}, Zone: "America/Bogota", Dialect: dialect})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Restore(nil), f.Apply(1, m), f.Replayed(), f.Close()); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e, got := run(t, exporter(m), "dialect="+dialect)
		if !bytes.Equal(got, want) {
			t.Errorf("dialect %q: %d bytes, want %d", dialect, len(got), len(want))
		}
		rows := uint64(bytes.Count(want, []byte("\n")) - 1)
		if d := cmp.Diff(vaiven.Exported{Rows: rows, Without: 1000 - rows, LeftOut: []string{"CO2", "PM25"}}, e.Result()); d != "" {
			t.Error(d)
		}
	}
}

// cells are the rows of an exported CSV, its heading first.
func cells(t *testing.T, b []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestDevicesAndTimes(t *testing.T) {
	m := story(500)
	at := func(s string) int64 {
		moment, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return moment.UnixMilli()
	}
	between := func(from, to int64) func(*vaiven.Reading) bool {
		return func(r *vaiven.Reading) bool { return r.At >= from && (to == 0 || r.At < to) }
	}
	is := func(of ...vaiven.Device) func(*vaiven.Reading) bool {
		return func(r *vaiven.Reading) bool { return slices.Contains(of, r.Device) }
	}
	for query, keep := range map[string]func(*vaiven.Reading) bool{
		"":                              func(*vaiven.Reading) bool { return true },
		"devices=7":                     is("007"),
		"devices=1*,205":                is("101", "111", "205"),
		"devices=*1":                    is("101", "111"),
		"devices=1*1&devices=l*-*":      is("101", "111", "lora-1.a_b"),
		"devices=11*11":                 is(),
		"devices=999":                   is(),
		"devices=*":                     func(*vaiven.Reading) bool { return true },
		"from=2026-11-22T17:10:00Z":     between(at("2026-11-22T17:10:00Z"), 0),
		"from=2026-11-22T12:10":         between(at("2026-11-22T17:10:00Z"), 0),
		"from=202611221210":             between(at("2026-11-22T17:10:00Z"), 0),
		"from=2026-11-22 12:10:30":      between(at("2026-11-22T17:10:30Z"), 0),
		"to=2026-11-22T12:20":           between(0, at("2026-11-22T17:20:00Z")),
		"from=2026-11-22&to=2026-11-22": func(*vaiven.Reading) bool { return true },
		"from=2026-11-23":               is(),
		"to=2026-11-21":                 is(),
		"last=50m":                      between(noon.Add(10*time.Minute).UnixMilli(), 0),
		"last=2w&to=2026-11-22T12:20":   between(0, at("2026-11-22T17:20:00Z")),
		"last=0.5d":                     func(*vaiven.Reading) bool { return true },
	} {
		_, got := run(t, exporter(m), "format=jsonl&"+strings.ReplaceAll(query, " ", "%20"))
		var want []byte
		for _, en := range m.readings(keep) {
			want = append(event.Append(want, en, ""), '\n')
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d lines, want %d", query, bytes.Count(got, []byte("\n")), bytes.Count(want, []byte("\n")))
		}
	}
}

func TestColumns(t *testing.T) {
	m := story(300)
	for query, want := range map[string]string{
		"columns=all":          "IDdato,IDdevice,TIMEFLAG,TEMP,HUM,CO2,PM25",
		"columns=co2,TEMP,CO2": "IDdato,IDdevice,TIMEFLAG,CO2,TEMP",
		"columns=NONE":         "IDdato,IDdevice,TIMEFLAG,NONE",
		"":                     "IDdato,IDdevice,TIMEFLAG,TEMP,HUM",
	} {
		_, got := run(t, exporter(m), query)
		rows := cells(t, got)
		if head := strings.Join(rows[0], ","); head != want {
			t.Errorf("%s: %s", query, head)
		}
		with := m.readings(func(r *vaiven.Reading) bool { return vaiven.HasAny(r.Values, rows[0][3:]) })
		if len(rows)-1 != len(with) {
			t.Errorf("%s: %d rows, want %d", query, len(rows)-1, len(with))
		}
	}
	wide := memory{}
	for i := range maxColumns + 1 {
		wide = append(wide, vaiven.Entry{ID: vaiven.ID{Record: uint64(i + 1)}, Event: &vaiven.Reading{Device: "1", Values: []vaiven.Value{{Name: fmt.Sprintf("V%d", i)}}}})
	}
	e, err := exporter(wide).Prepare(url.Values{"columns": {"all"}}, vaiven.Spanish)
	if err != nil {
		t.Fatal(err)
	}
	var tooWide *TooWideError
	if err := e.Write(t.Context(), io.Discard, nil); !errors.As(err, &tooWide) || !strings.Contains(tooWide.Text(vaiven.Spanish), "medidas") {
		t.Errorf("a table too wide: %v", err)
	}
}

func TestWhatMayNotBeAsked(t *testing.T) {
	x := exporter(story(3))
	for query, want := range map[string]string{
		"format=pdf":                            "format: want one of csv, jsonl, xlsx, parquet",
		"dialect=excel-fr":                      "dialect: the only one is excel-es",
		"dialect=excel-es&format=xlsx":          "dialect: only a csv has one",
		"columns=TEMP&format=jsonl":             "columns: a jsonl has none: it holds all that boards sent",
		"columns=all&format=jsonl":              "columns: a jsonl has none: it holds all that boards sent",
		"devices=1..2":                          `devices: "1..2" is no device's id, nor a beginning as 1*`,
		"devices=a b*":                          `devices: "a b*" is no device's id, nor a beginning as 1*`,
		"from=noon":                             "from: want a time as 08:30, 2026-11-22 or \"2026-11-22 08:30\"",
		"to=20261123":                           "to: want a time as 08:30, 2026-11-22 or \"2026-11-22 08:30\"",
		"from=2026-11-22&to=2026-11-21":         "to: want a time later than from",
		"last=7":                                "last: want a time as 90m, 36h, 7d, 2w or 1y",
		"last=-7d":                              "last: want a time as 90m, 36h, 7d, 2w or 1y",
		"last=1e99w":                            "last: want a time as 90m, 36h, 7d, 2w or 1y",
		"last=d":                                "last: want a time as 90m, 36h, 7d, 2w or 1y",
		"last=7d&from=2026-11-22":               "last: either last or from, not both",
		"columns=TEMP,_X":                       "columns: want names of measurements, as TEMP,HUM,CO2, or all",
		"cols=TEMP":                             "cols: there is no such thing; there are: format, devices, from, to, last, columns, dialect",
		"devices=" + strings.Repeat("1,", 1001): "devices: at most 1000",
	} {
		q := url.Values{}
		for part := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			q.Add(name, value)
		}
		_, err := x.Prepare(q, vaiven.English)
		var wrong *event.QueryError
		if !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
		if _, es := x.Prepare(q, vaiven.Spanish); es == nil || es.Error() == want {
			t.Errorf("%s: no Spanish in %v", query, es)
		}
	}
}

func TestFilesAreCalled(t *testing.T) {
	for name, want := range map[string]string{"a.csv": "csv", "A.XLSX": "xlsx", "b.ndjson": "jsonl", "x.jsonl": "jsonl", "p.parquet": "parquet", "a": "", "a.txt": ""} {
		if got := FormatOf(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	e, _ := run(t, exporter(story(3)), "format=xlsx&from=2026-11-22T17:00:00Z")
	if e.Name() != "readings-20261122T170000Z.xlsx" || !strings.Contains(e.Media(), "spreadsheetml") {
		t.Errorf("%s, %s", e.Name(), e.Media())
	}
}

// TestTheLogBeginsLater is a log of which the oldest records were trimmed, and one
// that has all, asked for what was before it.
func TestTheLogBeginsLater(t *testing.T) {
	m := story(30)
	trimmed := m[9].Event.Time().At
	for _, c := range []struct {
		log   memory
		query url.Values
		want  int64
	}{
		{m, nil, 0},
		{m, url.Values{"from": {"2026-11-22T17:00:10Z"}}, 0},
		{m, url.Values{"from": {"2020-01-01"}}, 0},
		{m[9:], nil, trimmed},
		{m[9:], url.Values{"from": {"2026-11-22T16:00:00Z"}}, trimmed},
		{m[9:], url.Values{"last": {"1m"}}, 0},
		{m[9:], url.Values{"last": {"2w"}}, trimmed},
		{m, url.Values{"last": {"2w"}}, 0},
		{nil, nil, 0},
		{nil, url.Values{"from": {"2020-01-01"}}, 0},
	} {
		e, err := exporter(c.log).Prepare(c.query, vaiven.English)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Begins(t.Context()); got != c.want || err != nil || e.Result().Begins != got {
			t.Errorf("%d of the log, %v: %d, %v; want %d", len(c.log), c.query, got, err, c.want)
		}
	}
}

// failing takes so many bytes.
type failing struct{ room int }

var errFull = errors.New("no room")

func (f *failing) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

// A writer that fails ends an export of every format, and so do the log and a context.
func TestAnExportThatFails(t *testing.T) {
	m := story(4000)
	for _, format := range Formats() {
		e, err := exporter(m).Prepare(url.Values{"format": {format}}, vaiven.English)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Write(t.Context(), &failing{20_000}, nil); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", format, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e, _ = exporter(m).Prepare(url.Values{"format": {format}}, vaiven.English)
		if err := e.Write(ctx, io.Discard, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", format, err)
		}
	}
}

func TestProgressGoesFromNothingToAll(t *testing.T) {
	for _, query := range []string{"", "columns=all"} {
		q, _ := url.ParseQuery(query)
		e, err := exporter(story(100)).Prepare(q, vaiven.English)
		if err != nil {
			t.Fatal(err)
		}
		last, all := uint64(0), uint64(0)
		err = e.Write(t.Context(), io.Discard, func(done, total uint64) {
			if done < last || done > total || all != 0 && total != all {
				t.Errorf("%d of %d behind %d of %d", done, total, last, all)
			}
			last, all = done, total
		})
		if err != nil || last != all || all == 0 {
			t.Errorf("%s: %d of %d, %v", query, last, all, err)
		}
	}
}

// generated is a long log that is nowhere: each event is made when it is read.
type generated struct {
	records uint64
	at      func(record uint64) // told of some
}

func (g *generated) Bounds() (first, last vaiven.ID) {
	return vaiven.ID{Record: 1}, vaiven.ID{Record: g.records, Index: 255}
}

func (g *generated) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	for rec := max(after.Record, 1); rec <= g.records; rec++ {
		if g.at(rec); ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range uint32(256) {
			r := &vaiven.Reading{
				Stamp: vaiven.Stamp{At: noon.UnixMilli() + int64(rec)*1000 + int64(i)}, Device: "101", Measured: noon.UnixMilli() + int64(rec),
				Values: []vaiven.Value{{Name: "TEMP", Num: float64(rec%400) / 10}, {Name: "HUM", Num: float64(i)}},
			}
			if id := (vaiven.ID{Record: rec, Index: i}); after.Before(id) {
				if err := fn(vaiven.Entry{ID: id, Event: r}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// passing counts the readings that its log has handed on.
type passing struct {
	memory
	passed int
}

func (p *passing) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	return p.memory.History(ctx, after, func(en vaiven.Entry) error {
		p.passed++
		return fn(en)
	})
}

// TestAFileIsOnItsWayAtOnce: its first bytes come long before the log has been read, a
// workbook's too, and little is held back behind them. Only Parquet is written by groups
// of rows.
func TestAFileIsOnItsWayAtOnce(t *testing.T) {
	for _, format := range []string{"csv", "jsonl", "xlsx"} {
		log := &passing{memory: story(30_000)}
		e, err := exporter(log).Prepare(url.Values{"format": {format}}, vaiven.English)
		if err != nil {
			t.Fatal(err)
		}
		var at []int // how much of the log had been read when something was written
		w := writeFunc(func(b []byte) (int, error) {
			at = append(at, log.passed)
			return len(b), nil
		})
		if err := e.Write(t.Context(), w, nil); err != nil {
			t.Fatal(err)
		}
		if len(at) == 0 || at[0] > log.passed/2 || !slices.ContainsFunc(at, func(n int) bool { return n > log.passed/2 && n < log.passed }) {
			t.Errorf("%s: of %d events, written at %v", format, log.passed, at)
		}
	}
}

type writeFunc func(b []byte) (int, error)

func (f writeFunc) Write(b []byte) (int, error) { return f(b) }

// TestMemoryStaysTheSame looks at what is held while readings pass: 50,000 more of them,
// which are 2 to 10 MB, leave nothing behind.
func TestMemoryStaysTheSame(t *testing.T) {
	const records, early = 288, 96
	for _, format := range Formats() {
		held := map[uint64]int64{}
		g := &generated{records: records}
		g.at = func(record uint64) {
			if record == early || record == records {
				var m runtime.MemStats
				runtime.GC()
				runtime.GC() // pools give back with the second
				runtime.ReadMemStats(&m)
				held[record] = int64(m.HeapAlloc)
			}
		}
		x := exporter(g)
		x.groupRows = 96 * 256 // the same of one waits whenever it is looked at
		e, err := x.Prepare(url.Values{"format": {format}}, vaiven.English)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Write(t.Context(), io.Discard, nil); err != nil || e.Result().Rows != records*256 {
			t.Fatalf("%s: %d rows, %v", format, e.Result().Rows, err)
		}
		if grown := held[records] - held[early]; grown > 1<<20 || held[records] == 0 {
			t.Errorf("%s: %d KiB more are held at the end", format, grown>>10)
		}
	}
}

func BenchmarkExport(b *testing.B) {
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			g := &generated{records: uint64(b.N/256 + 1), at: func(uint64) {}}
			e, err := exporter(g).Prepare(url.Values{"format": {format}}, vaiven.English)
			if err != nil {
				b.Fatal(err)
			}
			if err := e.Write(b.Context(), io.Discard, nil); err != nil {
				b.Fatal(err)
			}
		})
	}
}
