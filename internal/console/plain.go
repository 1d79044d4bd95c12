package console

import (
	"vaiven"
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
// A change of a device's states is a line when it is asked for, when it is
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
	out, err sink
	once     once
	ordered  bool // both go to a terminal, probably the same one

	outCols, errCols *columns // one and the same when ordered
}

// NewPlain returns the view; nothing is written yet.
func NewPlain(o Options) *Plain {
	p := &Plain{
		lang: o.Lang, after: o.After, boards: newBoards(o.After), roster: o.Roster,
		out: sink{to: o.Out, name: "stdout"}, err: sink{to: o.Err, name: "stderr"},
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
	for d := range p.boards.of {
		p.outCols.title(p.title(d))
		p.errCols.title(p.title(d))
	}
}

// title is what people call the device: the roster has it, or a person said it.
func (p *Plain) title(d vaiven.Device) string {
	if name := p.roster[d]; name != "" {
		return name
	}
	return p.boards.get(d).title()
}

// Name is "console".
func (p *Plain) Name() string { return "console" }

// Apply prints the entries. It blocks while stdout is not read. After an error (a
// full disk behind stdout) the same record prints what is missing. When nobody
// reads either stream any more, the error is a *GoneError.
func (p *Plain) Apply(pos uint64, entries []vaiven.Entry) error {
	if !p.once.again(pos) {
		for i, en := range entries {
			if en.ID.Record > p.after && !told(entries, i) {
				p.entry(en)
			}
			p.boards.apply(en)
		}
	}
	return p.once.result(pos, p.out.flush(), p.err.flush(), over(&p.out, &p.err))
}

// entry gathers the line of an event. Errors show when the record is flushed.
func (p *Plain) entry(en vaiven.Entry) {
	if r, ok := en.Event.(*vaiven.Reading); ok {
		p.room(&p.out, &p.err)
		p.out.buf = p.reading(p.out.buf, r, en.Fills)
		return
	}
	p.room(&p.err, &p.out)
	p.err.buf = p.event(p.err.buf, en.Event)
}

// room makes sure that a line can be gathered for s: on a common terminal what
// waits for the other stream goes first.
func (p *Plain) room(s, other *sink) {
	if p.ordered {
		_ = other.flush() // kept, and told by the flush at the end
	}
	if len(s.buf) >= maxHeld {
		_ = s.flush()
	}
}

// Snapshot is empty: what was printed needs no restoring.
func (p *Plain) Snapshot() ([]byte, error) { return nil, nil }

func (p *Plain) reading(b []byte, r *vaiven.Reading, fills bool) []byte {
	color := paint(p.out.to.Color)
	b = p.lead(b, p.outCols, color, &r.Stamp, r.Device)
	b = p.outCols.appendValues(b, color, r.Values)
	if len(r.States) > 0 {
		b = append(b, "  "...)
		b = appendStates(b, r.States)
	}
	// Worth a word only when the reading was kept by the board for a while.
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

// lateMs is the age from which a line says when its reading was taken.
const lateMs = 2000

func (p *Plain) event(b []byte, ev vaiven.Event) []byte {
	text, m, ok := describe(p.lang, p.boards.get(ev.Of()), ev)
	if !ok {
		return b
	}
	color := paint(p.err.to.Color)
	b = p.lead(b, p.errCols, color, ev.Time(), ev.Of())
	b = color.append(b, m.sgr(), text)
	return append(b, '\n')
}

// lead writes the time, the device and its owner's name.
func (p *Plain) lead(b []byte, cols *columns, color paint, at *vaiven.Stamp, d vaiven.Device) []byte {
	b = color.append(b, sgrDim, clock(at.At, at.Offset))
	b = append(b, "  "...)
	id := string(d)
	if d == "" {
		id = "?"
	}
	b = color.append(b, deviceColor(d), id)
	b = append(b, spaces(cols.device(id))...)
	title := p.title(d)
	if cols.title(title); cols.nameWidth > 0 || title != "" {
		b = append(b, "  "...)
		name := cut(title, maxNameWidth)
		b = append(b, name...)
		b = append(b, spaces(cols.nameWidth-width(name))...)
	}
	return append(b, "  "...)
}
