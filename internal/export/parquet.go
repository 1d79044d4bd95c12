package export

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"runtime"

	"github.com/parquet-go/parquet-go"

	"vaiven"
)

// A row group is what a reader reads at once, and what is held until it is written:
// 64 Ki rows of five columns are 3 MiB. A table with many columns has shorter groups, or
// its columns, which anybody may ask for by the thousand, would decide what is held. What
// the end of the file says of a group's column is half a KiB, and is held, too: 64 MiB.
const (
	maxGroupRows  = 64 << 10
	maxGroupBytes = 16 << 20
	maxChunks     = 128 << 10 // a chunk is one column of one group
	parquetRow    = 256       // rows handed on at once
)

// Bytes that are held for a row, for a number in it, and for a column without one.
const (
	rowBytes, numberBytes, emptyBytes = 40, 9, 1
)

// parquetFile is one row per reading: id (the event's place in the log), device, time
// (when it was received) and measured (when the board took it, if that is known), both
// in ms UTC, and one column of doubles for each measurement, with nothing where the
// reading has none. No measurement can be called as the first four: its name has no
// small letters.
type parquetFile struct {
	w       *parquet.GenericWriter[any]
	columns []string
	rows    []parquet.Row // the first n wait
	n       int
	x       *Exporter
	inGroup int // rows of the group that is begun, and
	held    int // their bytes
	chunks  int // of the groups before
}

// firstMeasured is the column of the first measurement.
const firstMeasured = 4

func openParquet(e *Export, w io.Writer) (file, error) {
	fields := []reflect.StructField{
		parquetColumn(0, reflect.TypeFor[string](), "id"),
		parquetColumn(1, reflect.TypeFor[string](), "device,dict"),
		parquetColumn(2, reflect.TypeFor[int64](), "time,timestamp(millisecond),delta"),
		parquetColumn(3, reflect.TypeFor[int64](), "measured,optional,timestamp(millisecond),delta"),
	}
	for i, name := range e.columns {
		fields = append(fields, parquetColumn(firstMeasured+i, reflect.TypeFor[float64](), name+",optional"))
	}
	schema := parquet.NewSchema("reading", parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
	p := &parquetFile{x: e.x, columns: e.columns, rows: make([]parquet.Row, parquetRow)}
	p.w = parquet.NewGenericWriter[any](w, schema, parquet.Compression(&parquet.Snappy), parquet.CreatedBy("vaiven", cmp.Or(e.x.o.Version, "devel"), runtime.Version()))
	return p, nil
}

func parquetColumn(i int, t reflect.Type, tag string) reflect.StructField {
	return reflect.StructField{Name: fmt.Sprintf("C%d", i), Type: t, Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", tag))}
}

func (p *parquetFile) add(_ uint64, en vaiven.Entry) error {
	r := en.Event.(*vaiven.Reading)
	row := append(p.rows[p.n][:0],
		parquet.ValueOf(en.ID.String()).Level(0, 0, 0),
		parquet.ValueOf(string(r.Device)).Level(0, 0, 1),
		parquet.ValueOf(r.At).Level(0, 0, 2),
	)
	if r.Measured != 0 {
		row = append(row, parquet.ValueOf(r.Measured).Level(0, 1, 3))
	} else {
		row = append(row, parquet.NullValue().Level(0, 0, 3))
	}
	for i, name := range p.columns {
		if v, ok := vaiven.Find(r.Values, name); ok {
			row = append(row, parquet.ValueOf(v).Level(0, 1, firstMeasured+i))
			p.held += numberBytes
		} else {
			row = append(row, parquet.NullValue().Level(0, 0, firstMeasured+i))
			p.held += emptyBytes
		}
	}
	p.rows[p.n] = row
	p.n++
	p.inGroup++
	if p.held += rowBytes; p.inGroup >= p.x.groupRows || p.held >= p.x.groupBytes {
		return p.endGroup()
	}
	if p.n < len(p.rows) {
		return nil
	}
	return p.flush()
}

// endGroup writes the row group that was begun.
func (p *parquetFile) endGroup() error {
	if err := p.flush(); err != nil {
		return err
	}
	p.inGroup, p.held = 0, 0
	if p.chunks += firstMeasured + len(p.columns); p.chunks > p.x.chunks {
		return &TooWideError{Columns: len(p.columns)}
	}
	return p.w.Flush()
}

func (p *parquetFile) flush() error {
	_, err := p.w.WriteRows(p.rows[:p.n])
	p.n = 0
	return err
}

func (p *parquetFile) end() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.w.Close()
}
