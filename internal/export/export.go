package export

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"vaiven"
	"vaiven/internal/csvform"
	"vaiven/internal/event"
)

// Log is what an export reads.
type Log interface {
	// Bounds returns the ids of the oldest event and of the newest; both are
	// zero for an empty log.
	Bounds() (first, last vaiven.ID)
	// History hands the events behind after to fn, in log order, up to the newest
	// at the time of the call, without repeats. It ends with fn's first error, which
	// it returns.
	History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error
}

// Options of an Exporter. Log and Zone are required.
type Options struct {
	Log Log
	// Disorder is how far an event's time may be behind that of an earlier one, for a
	// log that can be read from anywhere at little cost; nil: all of it is read.
	Disorder func() time.Duration

	// Columns, Zone and Digits are those of the CSV file: a table has the same where
	// nothing else is asked for.
	Columns []string
	Zone    string
	Digits  int

	Version string           // of this program, for a file that says what made it
	Now     func() time.Time // time.Now by default
}

// Exporter makes exports of a log.
type Exporter struct {
	o Options
	// Of a workbook, and of a row group of Parquet: a test has small ones.
	sheetRows, groupRows, groupBytes, chunks int
}

// New returns an Exporter.
func New(o Options) *Exporter {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Exporter{o, maxSheetRows, maxGroupRows, maxGroupBytes, maxChunks}
}

// Export is a file that was asked for. It is written once.
type Export struct {
	x        *Exporter
	ask      request
	lang     vaiven.Lang // of what the file calls itself
	columns  []string
	done     vaiven.Exported
	progress func(done, total uint64)
	passed   uint64 // records of earlier passes
	passes   uint64
}

// ShowTo leaves out what somebody may not see. It is called before Begins and Write; by
// default everything is shown.
func (e *Export) ShowTo(v event.View) { e.ask.view = v }

// Name is what the file may be called.
func (e *Export) Name() string { return e.ask.name() }

// Media is the media type of the file.
func (e *Export) Media() string { return formats[e.ask.format].media }

// Result is what the file holds, once it is written.
func (e *Export) Result() vaiven.Exported { return e.done }

// Begins returns Exported.Begins, which can be known before the file is written: the
// time of the oldest event of a log that was trimmed, when the export begins before it.
func (e *Export) Begins(ctx context.Context) (ms int64, err error) {
	whole := false
	err = e.x.o.Log.History(ctx, vaiven.ID{}, func(en vaiven.Entry) error {
		_, whole = en.Event.(*vaiven.LogStart)
		ms = en.Event.Time().At
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	if whole || e.ask.from > ms {
		ms = 0
	}
	e.done.Begins = ms
	return ms, nil
}

// errEnough ends the reading of the log early.
var errEnough = errors.New("enough")

// file is a format at work.
type file interface {
	// add writes an event, a reading for a table; n counts them from 1.
	add(n uint64, en vaiven.Entry) error
	// end writes what is still to be written.
	end() error
}

// Write writes the file. progress, which may be nil, is told how much of the log was
// read: records, of so many. After an error the file is not whole.
func (e *Export) Write(ctx context.Context, w io.Writer, progress func(done, total uint64)) error {
	e.progress, e.passes = progress, 1
	table := formats[e.ask.format].table
	e.columns = slices.Clone(e.x.o.Columns)
	if len(e.ask.columns) > 0 {
		e.columns = e.ask.columns
	}
	if table && e.ask.allColumns {
		e.passes = 2
		if err := e.findColumns(ctx); err != nil {
			return err
		}
	}
	out, err := formats[e.ask.format].open(e, w)
	if err != nil {
		return err
	}
	left := &leftOut{columns: e.columns}
	err = e.read(ctx, func(en vaiven.Entry) error {
		if r, ok := en.Event.(*vaiven.Reading); ok && table {
			if len(e.ask.columns) == 0 {
				left.look(r) // who names columns knows what is left out
			}
			if !vaiven.HasAny(r.Values, e.columns) {
				e.done.Without++
				return nil
			}
		}
		e.done.Rows++
		return out.add(e.done.Rows, en)
	})
	if err != nil {
		return err
	}
	e.done.LeftOut = left.names
	return out.end()
}

// maxColumns bounds the columns of a table: a board cannot make one that no program
// opens by counting its measurements up.
const maxColumns = 1000

// findColumns reads the part that is asked for, for the names of what was measured:
// TEMP and HUM first, as in the course, then by the alphabet.
func (e *Export) findColumns(ctx context.Context) error {
	seen := map[string]bool{}
	err := e.read(ctx, func(en vaiven.Entry) error {
		r, ok := en.Event.(*vaiven.Reading)
		for i := 0; ok && i < len(r.Values); i++ {
			seen[r.Values[i].Name] = true
		}
		if len(seen) > maxColumns {
			return &TooWideError{Columns: maxColumns}
		}
		return nil
	})
	e.columns = e.columns[:0]
	for _, name := range []string{"TEMP", "HUM"} {
		if seen[name] {
			e.columns = append(e.columns, name)
			delete(seen, name)
		}
	}
	from := len(e.columns)
	for name := range seen {
		e.columns = append(e.columns, name)
	}
	slices.Sort(e.columns[from:])
	return err
}

// TooWideError says that a table would have more columns than a table may have.
type TooWideError struct{ Columns int }

func (e *TooWideError) Error() string { return e.Text(vaiven.English) }

// Text is the error in words.
func (e *TooWideError) Text(l vaiven.Lang) string {
	return l.Say("the readings have too many measurements for one table: name its columns", "las lecturas tienen demasiadas medidas para una tabla: nombra sus columnas")
}

// read hands on what is asked for, in log order.
func (e *Export) read(ctx context.Context, fn func(vaiven.Entry) error) error {
	first, last := e.x.o.Log.Bounds()
	after, err := e.start(ctx, first, last)
	if err != nil {
		return err
	}
	enough := int64(math.MaxInt64) // behind an event of this time nothing is asked for
	if e.ask.to != 0 && e.x.o.Disorder != nil {
		enough = e.ask.to + e.x.o.Disorder().Milliseconds()
	}
	records := last.Record - min(after.Record, last.Record)
	err = e.x.o.Log.History(ctx, after, func(en vaiven.Entry) error {
		e.tell(min(en.ID.Record-after.Record, records), records)
		if last.Before(en.ID) {
			return errEnough // came since
		}
		at := en.Event.Time().At
		if e.ask.to != 0 && at >= e.ask.to {
			if at >= enough {
				return errEnough
			}
			return nil
		}
		if at < e.ask.from || !e.ask.passes(en.Event) {
			return nil
		}
		return fn(en)
	})
	e.passed += records
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

// tell says how far the reading of the log has got.
func (e *Export) tell(done, records uint64) {
	if e.progress != nil {
		e.progress(e.passed+done, records*e.passes)
	}
}

// start returns an id in front of everything that is asked for.
func (e *Export) start(ctx context.Context, first, last vaiven.ID) (vaiven.ID, error) {
	if e.ask.from == 0 || e.x.o.Disorder == nil {
		return vaiven.ID{}, nil
	}
	return event.Seek(first, last, e.ask.from, e.x.o.Disorder(), func(record uint64) (at int64, found bool, err error) {
		err = e.x.o.Log.History(ctx, vaiven.ID{Record: record - 1, Index: math.MaxUint32}, func(en vaiven.Entry) error {
			at, found = en.Event.Time().At, true
			return errEnough
		})
		if errors.Is(err, errEnough) {
			err = nil
		}
		return at, found, err
	})
}

// maxLeftOut bounds how many names of measurements are told.
const maxLeftOut = 20

// leftOut notes which measurements have no column.
type leftOut struct {
	columns, names []string
}

func (l *leftOut) look(r *vaiven.Reading) {
	for i := range r.Values {
		name := r.Values[i].Name
		if i < len(l.columns) && l.columns[i] == name || len(l.names) >= maxLeftOut {
			continue // boards send their measurements in the columns' order as a rule
		}
		if at, known := slices.BinarySearch(l.names, name); !known && !slices.Contains(l.columns, name) {
			l.names = slices.Insert(l.names, at, name)
		}
	}
}

// form is how the rows of a CSV are written.
func (e *Export) form() (*csvform.Format, error) {
	return csvform.New(csvform.Options{Columns: e.columns, Zone: e.x.o.Zone, Digits: e.x.o.Digits, Dialect: e.ask.dialect})
}
