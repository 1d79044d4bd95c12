package export

import (
	"io"

	"vaiven"
	"vaiven/internal/csvform"
	"vaiven/internal/event"
)

// flushAt is how many bytes are collected for one write.
const flushAt = 64 << 10

// lines writes text, line by line.
type lines struct {
	w   io.Writer
	buf []byte
}

func (l *lines) flush() error {
	_, err := l.w.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}

func (l *lines) full() error {
	if len(l.buf) < flushAt {
		return nil
	}
	return l.flush()
}

func (l *lines) end() error { return l.flush() }

// csvLines is the course's CSV, or that of a spreadsheet: IDdato counts its own rows,
// so that all of a log is byte for byte the server's file.
type csvLines struct {
	lines
	form *csvform.Format
}

func openCSV(e *Export, w io.Writer) (file, error) {
	form, err := e.form()
	if err != nil {
		return nil, err
	}
	return &csvLines{lines{w: w, buf: form.Header()}, form}, nil
}

func (c *csvLines) add(n uint64, en vaiven.Entry) error {
	c.buf = c.form.AppendRow(c.buf, n, en.Event.(*vaiven.Reading))
	return c.full()
}

// jsonLines is the public JSON of the events.
type jsonLines struct {
	lines
	view event.View
}

func openLines(e *Export, w io.Writer) (file, error) {
	return &jsonLines{lines{w: w}, e.ask.view}, nil
}

func (j *jsonLines) add(_ uint64, en vaiven.Entry) error {
	j.buf = append(j.view.Append(j.buf, en, ""), '\n')
	return j.full()
}
