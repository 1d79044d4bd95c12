package console

import (
	"vaiven"
	"vaiven/internal/event"
)

// JSON is the view of the log that prints one JSON object per event to stdout,
// one per line, in log order. Package event says which fields they have.
//
// Its state is the lines of a record that could not be written.
type JSON struct {
	after  uint64
	roster Roster
	out    sink
	once   once
}

// NewJSON returns the view; nothing is written yet.
func NewJSON(o Options) *JSON {
	return &JSON{after: o.After, roster: o.Roster, out: sink{to: o.Out, name: "stdout"}}
}

// Name is "console".
func (j *JSON) Name() string { return "console" }

// Apply prints the entries with one write (several when they are more than
// 64 KiB). It blocks while stdout is not read. After an error the same record
// prints what is missing.
func (j *JSON) Apply(pos uint64, entries []vaiven.Entry) error {
	if !j.once.again(pos) {
		for _, en := range entries {
			j.entry(en)
		}
	}
	return j.once.result(pos, j.out.flush(), over(&j.out))
}

func (j *JSON) entry(en vaiven.Entry) {
	if en.ID.Record <= j.after {
		return
	}
	j.out.buf = append(event.Append(j.out.buf, en, j.roster[en.Event.Of()]), '\n')
	if len(j.out.buf) >= maxHeld {
		_ = j.out.flush() // kept, and told by the flush at the end
	}
}

// Snapshot is empty: what was printed needs no restoring.
func (j *JSON) Snapshot() ([]byte, error) { return nil, nil }
