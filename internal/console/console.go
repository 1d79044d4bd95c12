// Package console is everything that the terminal shows: the line per reading
// that the course asks for (Plain), one JSON object per event (JSON), the
// full-screen view (TUI), the banner at the start, notices and errors with
// their hint, the progress bar of long work, and the summary at the end
// together with resumen.csv and the roster of names. It is also what a person
// types there: the keys of the full screen, and lines (Keys).
//
// It owns words, alignment and colour. It does not own numbers: what happened
// comes as events of the log, statistics come ready made, and nothing here
// decides anything: a key requests a change ([RequestChange]), and what becomes of
// it comes back as events like everything else. Data goes to stdout, all else to
// stderr; escape codes are written only to a terminal that a person looks at, and
// never with NO_COLOR or TERM=dumb. Whatever a board, a person or a roster says is
// cleaned of control characters before it reaches a terminal.
//
// [Plain], [JSON], [TUI] and [Keys] are views of the log. Each is fed by one
// goroutine (Apply is not for several at once); TUI's Run and log writer and Keys'
// Run may be used beside it. A blocked stdout (a full pipe, a paused terminal)
// blocks Apply of Plain and JSON, and so stops that view alone: the log and the
// other views go on, and the view catches up. Apply of TUI and Keys never waits for
// the terminal. [Progress] may be fed from several goroutines.
package console

import (
	"errors"
	"fmt"

	"vaiven"
	"vaiven/internal/event"
)

// Options are what Plain and JSON need.
type Options struct {
	Lang   vaiven.Lang
	Out    Terminal // data: readings; with JSON, every event
	Err    Terminal // all else; JSON leaves it alone
	Roster Roster   // names of the devices' owners, may be nil

	// After is the last record that is not shown: what the log already held
	// when the server started. 0 shows everything.
	After uint64
}

// Plain is the view of the log that prints a line per reading to stdout, and a
// line per other event that a person should know of to stderr:
//
//	14:03:07  101  TEMP 24.5 °C  HUM 61 %  LED=1
//	14:03:09  102  rejected not_a_number: TEMP is "24.5" (text): ... (192.168.1.37)
//
// Times are in the zone that the server had at that moment. On a terminal the
// lines are aligned, and coloured by device; in a pipe or a file the look of a
// line depends on its event alone. A batch is one write, except where readings and
// other events alternate on the same terminal, whose order is kept.
//
// A change of a device's states is a line when it is requested, when it is
// sent, and when it ends; the first says so when the board is not there:
//
//	14:03:11  101  LED=1 asked by button GPIO17
//	14:03:11  101  LED=1 sent to the board
//	14:03:11  101  LED=1 confirmed by the board in 85 ms
//
// Its state is bounded: column widths, the presence and states of 2000 devices,
// and the lines of a record that could not be written.
type Plain struct {
	lang     vaiven.Lang
	after    uint64
	boards   boards
	roster   Roster
	out, err lineBuffer
	retry    recordRetry
	ordered  bool // both go to a terminal, probably the same one

	outCols, errCols *columns // one and the same when ordered
}

// NewPlain returns the view; nothing is written yet.
func NewPlain(o Options) *Plain {
	p := &Plain{
		lang: o.Lang, after: o.After, boards: newBoards(o.After), roster: o.Roster,
		out: lineBuffer{to: o.Out, name: "stdout"}, err: lineBuffer{to: o.Err, name: "stderr"},
		ordered: o.Out.TTY && o.Err.TTY,
	}
	p.outCols = newColumns(o.Out.TTY, o.Roster)
	p.errCols = p.outCols
	if !p.ordered {
		p.errCols = newColumns(o.Err.TTY, o.Roster)
	}
	return p
}

// Seed tells the view what was known of the devices at the record after, so
// that it can say from the first line on that a change waits, or what a toggle
// asks for. It also sets Options.After. Call it before Apply.
func (p *Plain) Seed(after uint64, known []Known) {
	p.after = after
	p.boards.seed(after, known)
	for d, b := range p.boards.of {
		p.outCols.fitTitle(p.roster.title(d, b))
		p.errCols.fitTitle(p.roster.title(d, b))
	}
}

// Name is "console".
func (p *Plain) Name() string { return "console" }

// Apply prints the entries. It blocks while stdout is not read. After an error (a
// full disk behind stdout) the same record prints what is missing. When nobody
// reads either stream any more, the error is a *GoneError.
func (p *Plain) Apply(pos uint64, entries []vaiven.Entry) error {
	if !p.retry.isRetry(pos) {
		for i, en := range entries {
			if en.ID.Record > p.after && !redundantReport(entries, i) {
				p.appendLine(en)
			}
			p.boards.apply(en)
		}
	}
	return p.retry.result(pos, p.out.flush(), p.err.flush(), errorIfAllGone(&p.out, &p.err))
}

// appendLine adds the line of an event to its stream. Errors show when the record
// is flushed.
func (p *Plain) appendLine(en vaiven.Entry) {
	r, isReading := en.Event.(*vaiven.Reading)
	own, other, cols := &p.err, &p.out, p.errCols
	if isReading {
		own, other, cols = &p.out, &p.err, p.outCols
	}
	if p.ordered {
		_ = other.flush() // what waits for the same terminal goes first
	}
	if len(own.buf) >= maxBuffered {
		_ = own.flush()
	}
	color := paint(own.to.Color)
	if isReading {
		own.buf = p.appendReading(p.appendLead(own.buf, cols, color, &r.Stamp, r.Device, "?"), color, r, en.Fills)
	} else if text, s := describe(p.lang, p.boards.get(en.Event.Of()), en.Event); text != "" {
		nobody := "?" // a board that said nothing of itself
		if vaiven.KindOf(en.Event)&vaiven.AccessKinds != 0 {
			nobody = "·" // it is about no board
		}
		own.buf = color.append(p.appendLead(own.buf, cols, color, en.Event.Time(), en.Event.Of(), nobody), s.sgr(), text)
		own.buf = append(own.buf, '\n')
	}
}

// Snapshot is empty: what was printed needs no restoring.
func (p *Plain) Snapshot() ([]byte, error) { return nil, nil }

// lateMs is the age from which a line says when its reading was taken: the board
// kept it for a while.
const lateMs = 2000

func (p *Plain) appendReading(b []byte, color paint, r *vaiven.Reading, fills bool) []byte {
	b = p.outCols.appendValues(b, color, r.Values)
	if len(r.States) > 0 {
		b = append(b, "  "...)
		b = appendStates(b, r.States)
	}
	if r.Measured != 0 && r.At-r.Measured >= lateMs {
		b = append(b, "  "...)
		b = color.append(b, sgrDim, p.lang.Say("taken ", "tomada ")+clock(r.Measured, r.Offset))
	}
	if fills {
		b = append(b, "  "...)
		b = color.append(b, sgrDim, describeFilled(p.lang, r))
	}
	return append(b, '\n')
}

// appendLead writes the time, the device or what stands for none, and its owner's name.
func (p *Plain) appendLead(b []byte, cols *columns, color paint, at *vaiven.Stamp, d vaiven.Device, nobody string) []byte {
	b = color.append(b, sgrDim, clock(at.At, at.Offset))
	b = append(b, "  "...)
	id := string(d)
	if d == "" {
		id = nobody
	}
	b = color.append(b, deviceColor(d), id)
	b = append(b, spaces(cols.padID(id))...)
	title := p.roster.title(d, p.boards.get(d))
	if cols.fitTitle(title); cols.nameWidth > 0 || title != "" {
		b = append(b, "  "...)
		name := cut(title, maxNameWidth)
		b = append(b, name...)
		b = append(b, spaces(cols.nameWidth-width(name))...)
	}
	return append(b, "  "...)
}

// JSON is the view of the log that prints one JSON object per event to stdout,
// one per line, in log order. Package event says which fields they have.
//
// Its state is the lines of a record that could not be written.
type JSON struct {
	after  uint64
	roster Roster
	out    lineBuffer
	retry  recordRetry
}

// NewJSON returns the view; nothing is written yet.
func NewJSON(o Options) *JSON {
	return &JSON{after: o.After, roster: o.Roster, out: lineBuffer{to: o.Out, name: "stdout"}}
}

// Name is "console".
func (j *JSON) Name() string { return "console" }

// Apply prints the entries with one write (several when they are more than
// 64 KiB). It blocks while stdout is not read. After an error the same record
// prints what is missing.
func (j *JSON) Apply(pos uint64, entries []vaiven.Entry) error {
	if !j.retry.isRetry(pos) {
		for _, en := range entries {
			if en.ID.Record <= j.after {
				continue
			}
			j.out.buf = append(event.Append(j.out.buf, en, j.roster[en.Event.Of()]), '\n')
			if len(j.out.buf) >= maxBuffered {
				_ = j.out.flush() // kept, and told by the flush at the end
			}
		}
	}
	return j.retry.result(pos, j.out.flush(), errorIfAllGone(&j.out))
}

// Snapshot is empty: what was printed needs no restoring.
func (j *JSON) Snapshot() ([]byte, error) { return nil, nil }

// maxBuffered is how many bytes a lineBuffer gathers before it writes, and how large
// a buffer it keeps between batches.
const maxBuffered = 64 << 10

// lineBuffer gathers the lines of one record and writes them with one write. What
// could not be written stays in it, to the byte, for the next flush.
type lineBuffer struct {
	to   Terminal
	name string
	buf  []byte
	gone *GoneError // nobody reads here any more: what is gathered is dropped
}

// flush writes what was gathered; it blocks while the reader does not read. That
// the reader is gone is no error here: others may still read elsewhere.
func (s *lineBuffer) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	if s.gone != nil {
		s.buf = s.buf[:0]
		return nil
	}
	n, err := s.to.W.Write(s.buf)
	if errors.As(err, &s.gone) {
		s.buf = nil
		return nil
	}
	if err != nil {
		s.buf = s.buf[min(max(n, 0), len(s.buf)):]
		return fmt.Errorf("write %s: %w", s.name, err)
	}
	if cap(s.buf) > 2*maxBuffered {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	return nil
}

// errorIfAllGone is the error of a view all of whose readers are gone.
func errorIfAllGone(buffers ...*lineBuffer) error {
	var errs []error
	for _, s := range buffers {
		if s.gone == nil {
			return nil
		}
		errs = append(errs, s.gone)
	}
	return errors.Join(errs...)
}

// recordRetry makes a record count once, although Apply is called again with it
// after an error: its lines are gathered the first time, and only written later.
type recordRetry struct {
	pos    uint64
	failed bool
}

// isRetry reports whether the record at pos was gathered before.
func (r *recordRetry) isRetry(pos uint64) bool { return r.failed && pos == r.pos }

// result remembers how the record at pos went.
func (r *recordRetry) result(pos uint64, errs ...error) error {
	err := errors.Join(errs...)
	r.pos, r.failed = pos, err != nil
	return err
}

// Bounds of what columns remembers.
const (
	maxIDWidth    = 20
	maxNameWidth  = 20
	maxNumWidth   = 10
	maxValueNames = 64
)

// columns keeps lines aligned on a terminal: every column is as wide as the
// widest cell seen so far. Without align it adds no space at all.
type columns struct {
	align     bool
	idWidth   int
	nameWidth int
	numbers   map[string]int // per measurement
}

func newColumns(align bool, roster Roster) *columns {
	c := &columns{align: align}
	if !align {
		return c
	}
	c.idWidth = 3
	c.numbers = map[string]int{"TEMP": 4, "HUM": 2}
	for _, name := range roster {
		c.fitTitle(name)
	}
	return c
}

// fitTitle makes room for a device's name.
func (c *columns) fitTitle(name string) {
	if c.align {
		c.nameWidth = max(c.nameWidth, min(width(name), maxNameWidth))
	}
}

// padID returns the spaces to put behind the id.
func (c *columns) padID(id string) int {
	if !c.align {
		return 0
	}
	c.idWidth = max(c.idWidth, min(len(id), maxIDWidth))
	return c.idWidth - len(id)
}

// padNumber returns the spaces to put before a number of n characters.
func (c *columns) padNumber(name string, n int) int {
	w, known := c.numbers[name]
	if !c.align || !known && len(c.numbers) >= maxValueNames {
		return 0
	}
	if n > w || !known {
		w = min(n, maxNumWidth)
		c.numbers[name] = w
	}
	return w - n
}

func (c *columns) appendValues(b []byte, color paint, values []vaiven.Value) []byte {
	var num [32]byte
	for i, v := range values {
		if i > 0 {
			b = append(b, "  "...)
		}
		b = color.append(b, sgrDim, v.Name)
		b = append(b, ' ')
		n := vaiven.AppendNumber(num[:0], v.Num)
		b = append(b, spaces(c.padNumber(v.Name, len(n)))...)
		b = append(b, n...)
		if u := unit(v.Name); u != "" {
			b = append(b, ' ')
			b = color.append(b, sgrDim, u)
		}
	}
	return b
}
