package export

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/csvform"
	"vaiven/internal/event"
)

// Parameters of an export, by their names in a request; the flags of the command are
// called so, too.
const (
	ParamFormat  = "format"
	ParamDevices = "devices"
	ParamFrom    = "from"
	ParamTo      = "to"
	ParamLast    = "last"
	ParamColumns = "columns"
	ParamDialect = "dialect"
)

// Parameters are all of them.
var Parameters = []string{ParamFormat, ParamDevices, ParamFrom, ParamTo, ParamLast, ParamColumns, ParamDialect}

// AllColumns stands for every measurement in the readings that are asked for.
const AllColumns = "all"

// request is what an export holds.
type request struct {
	format     string
	devices    []pattern // none: all
	from, to   int64     // Unix ms UTC; from included, to not; 0: no bound
	columns    []string  // none: those of the CSV
	allColumns bool
	dialect    string
	view       event.View // of whom it is for
}

// Prepare reads what is asked for. Of a parameter that is there several times the
// values are one list. The error is an *event.QueryError in that language; of several that are wrong
// it names the first by the alphabet.
func (x *Exporter) Prepare(q url.Values, l vaiven.Lang) (*Export, error) {
	e := &Export{x: x, lang: l, ask: request{format: "csv"}}
	last := time.Duration(0)
	for _, name := range slices.Sorted(maps.Keys(q)) {
		value := strings.Join(q[name], ",")
		if !slices.Contains(Parameters, name) {
			return nil, &event.QueryError{Parameter: vaiven.Shorten(name), Want: l.Say("there is no such thing; there are: ", "no hay tal cosa; hay: ") + strings.Join(Parameters, ", ")}
		}
		if value == "" {
			continue // an empty field of a form
		}
		want := ""
		if name == ParamLast {
			last, want = parseSpan(value, l)
		} else {
			want = e.ask.parse(name, value, x, l)
		}
		if want != "" {
			return nil, &event.QueryError{Parameter: name, Want: want}
		}
	}
	if last != 0 {
		if e.ask.from != 0 {
			return nil, &event.QueryError{Parameter: ParamLast, Want: l.Say("either last or from, not both", "o last o from, no los dos")}
		}
		e.ask.from = max(x.o.Now().Add(-last).UnixMilli(), 1)
	}
	if e.ask.to != 0 && e.ask.to <= e.ask.from {
		return nil, &event.QueryError{Parameter: ParamTo, Want: l.Say("want a time later than from", "se espera un momento posterior a from")}
	}
	if (e.ask.allColumns || len(e.ask.columns) > 0) && !formats[e.ask.format].table {
		return nil, &event.QueryError{Parameter: ParamColumns, Want: fmt.Sprintf(l.Say("a %s has none: it holds all that boards sent", "un %s no las tiene: lleva todo lo que enviaron las placas"), e.ask.format)}
	}
	if e.ask.dialect != "" && e.ask.format != "csv" {
		return nil, &event.QueryError{Parameter: ParamDialect, Want: l.Say("only a csv has one", "solo un csv lo tiene")}
	}
	return e, nil
}

// parse takes over one parameter, or says what it should have been.
func (r *request) parse(name, value string, x *Exporter, l vaiven.Lang) (want string) {
	switch name {
	case ParamFormat:
		if r.format = value; formats[value].open == nil {
			return l.Say("want one of ", "se espera uno de ") + strings.Join(Formats(), ", ")
		}
	case ParamDialect:
		if r.dialect = value; !csvform.KnownDialect(value) {
			return l.Say("the only one is ", "el único es ") + csvform.ExcelES
		}
	case ParamDevices:
		return r.parseDevices(value, l)
	case ParamColumns:
		return r.parseColumns(value, l)
	case ParamFrom:
		r.from, want = parseMoment(value, x.o.Now().In(x.location()), false, l)
	case ParamTo:
		r.to, want = parseMoment(value, x.o.Now().In(x.location()), true, l)
	}
	return want
}

// maxListed bounds devices and columns that are named.
const maxListed = 1000

func (r *request) parseDevices(value string, l vaiven.Lang) (want string) {
	for word := range list(value) {
		p, ok := parsePattern(word)
		if !ok {
			return fmt.Sprintf(l.Say("%q is no device's id, nor a beginning as 1*", "%q no es el id de un dispositivo, ni un comienzo como 1*"), vaiven.Shorten(word))
		}
		if r.devices = append(r.devices, p); len(r.devices) > maxListed {
			return fmt.Sprintf(l.Say("at most %d", "como mucho %d"), maxListed)
		}
	}
	return ""
}

func (r *request) parseColumns(value string, l vaiven.Lang) (want string) {
	if value == AllColumns {
		r.allColumns = true
		return ""
	}
	for word := range list(value) {
		name := strings.ToUpper(word)
		if !vaiven.ValidName(name) || len(r.columns) >= maxColumns {
			return l.Say("want names of measurements, as TEMP,HUM,CO2, or all", "se esperan nombres de medidas, como TEMP,HUM,CO2, o all")
		}
		if !slices.Contains(r.columns, name) {
			r.columns = append(r.columns, name)
		}
	}
	return ""
}

// list runs over what stands between the commas.
func list(value string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for word := range strings.SplitSeq(value, ",") {
			if word = strings.TrimSpace(word); word != "" && !yield(word) {
				return
			}
		}
	}
}

// pattern stands for devices: an id, in which * is any letters, or none.
type pattern []string // what stands between the stars

func parsePattern(word string) (pattern, bool) {
	parts := strings.Split(word, "*")
	if len(parts) == 1 {
		d, err := vaiven.ParseDevice(word)
		return pattern{string(d)}, err == nil
	}
	for _, part := range parts {
		if _, err := vaiven.ParseDevice("x" + part + "x"); err != nil {
			return nil, false
		}
	}
	return parts, len(word) <= vaiven.MaxDevice
}

// matches reports whether the pattern stands for d.
func (p pattern) matches(d vaiven.Device) bool {
	if len(p) == 1 {
		return p[0] == string(d)
	}
	rest, ok := strings.CutPrefix(string(d), p[0])
	if !ok {
		return false
	}
	last := p[len(p)-1]
	for _, part := range p[1 : len(p)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, last)
}

// passes reports whether an event is one that is asked for, whenever it was.
func (r *request) passes(ev vaiven.Event) bool {
	reading, ok := ev.(*vaiven.Reading)
	if !ok || !r.view.Shows(vaiven.KindOf(ev), reading.Device) {
		return false
	}
	if len(r.devices) == 0 {
		return true
	}
	return slices.ContainsFunc(r.devices, func(p pattern) bool { return p.matches(reading.Device) })
}

// location is the zone of moments that do not say theirs: that of TIMEFLAG.
func (x *Exporter) location() *time.Location {
	if loc, err := time.LoadLocation(x.o.Zone); err == nil && x.o.Zone != csvform.Recorded {
		return loc
	}
	return time.Local
}

// parseMoment reads a moment; a day alone is its beginning, or as an end its end.
func parseMoment(s string, now time.Time, end bool, l vaiven.Lang) (ms int64, want string) {
	t, err := vaiven.ParseMoment(s, now, end)
	if err != nil {
		return 0, vaiven.WantMoment(l)
	}
	return max(t.UnixMilli(), 1), ""
}

// parseSpan reads a stretch of time.
func parseSpan(s string, l vaiven.Lang) (d time.Duration, want string) {
	if d, err := vaiven.ParseAge(s); err == nil && d > 0 {
		return d, ""
	}
	return 0, vaiven.WantAge(l)
}

// name is what the file may be called.
func (r *request) name() string {
	name := "readings"
	if r.from != 0 {
		name += time.UnixMilli(r.from).UTC().Format("-20060102T150405Z")
	}
	return name + formats[r.format].ext
}

// Formats are what a file can be.
func Formats() []string { return []string{"csv", "jsonl", "xlsx", "parquet"} }

// FormatOf is the format of a file with that name; "" when its name does not say.
func FormatOf(name string) string {
	ext := strings.ToLower(filepath.Ext(name))
	for _, format := range Formats() {
		if ext == formats[format].ext || ext == ".ndjson" && format == "jsonl" {
			return format
		}
	}
	return ""
}

// formats by their names.
var formats = map[string]struct {
	ext, media string
	table      bool // has columns
	open       func(e *Export, w io.Writer) (file, error)
}{
	"csv":     {".csv", "text/csv; charset=utf-8", true, openCSV},
	"jsonl":   {".jsonl", "application/x-ndjson", false, openLines},
	"xlsx":    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", true, openBook},
	"parquet": {".parquet", "application/vnd.apache.parquet", true, openParquet},
}
