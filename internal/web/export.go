package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

// Exports makes files of a part of the log.
type Exports interface {
	// Prepare reads what is asked for; the error is an *event.QueryError in that
	// language.
	Prepare(q url.Values, l vaiven.Lang) (Export, error)
}

// Export is a file that was asked for.
type Export interface {
	// ShowTo leaves out what somebody may not see; it is called first.
	ShowTo(v event.View)
	Name() string
	Media() string
	// Begins returns Exported.Begins.
	Begins(ctx context.Context) (ms int64, err error)
	// Write writes the file; Result then says what it holds. progress may be nil.
	Write(ctx context.Context, w io.Writer, progress func(done, total uint64)) error
	Result() vaiven.Exported
}

func (s *server) exportOperation() {
	register(s, operation{
		method: http.MethodGet, path: "/export", id: "exportReadings", needs: readsSome.atCost(), busy: busyExports, tag: "events", media: "text/csv", refusals: []int{404},
		summary: "Readings of any devices and any time, as a file",
		about: "CSV, XLSX, Parquet, or the events' JSON lines; it is sent while the log is read. A transfer that breaks off in the middle is not whole: its chunked " +
			"encoding has no end. Vaiven-Log-Begins says that the part asked for begins before the log does, and when that is. Trailers say how many rows there " +
			"are, how many readings have none since they have none of the columns, and which measurements have no column. Few are made at once, and one for an address; who takes nothing for a minute is cut off, and who has come to be an hour later than with 64 KiB a second.",
		parameters: exportParameters(),
		examples: []example{
			{name: "readings-export.csv", title: "A device's readings of some seconds", path: "/export?devices=101&from=2026-11-22T10:00:04Z&to=2026-11-22T10:00:08Z"},
			{name: "readings-export-es.csv", title: "For a spreadsheet in Spanish", path: "/export?dialect=excel-es&columns=all&devices=1*"},
			{name: "export-bad.json", title: "A format that there is not", path: "/export?format=pdf", status: 422},
		},
	}, s.exportReadings)
	answer := s.api.OpenAPI().Paths["/export"].Get.Responses["200"]
	for _, media := range exportMedia {
		answer.Content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	answer.Headers = map[string]*huma.Header{}
	for name, about := range map[string]string{
		"Content-Disposition": "The file's name", api.HeaderLogBegins: "The log's oldest moment, when the part asked for begins before it",
		api.HeaderRows: "Trailer: rows in the file", api.HeaderWithout: "Trailer: readings without a row", api.HeaderLeftOut: "Trailer: measurements without a column",
	} {
		answer.Headers[name] = &huma.Header{Description: about, Schema: &huma.Schema{Type: huma.TypeString}}
	}
}

// exportMedia are the media types beside that of the CSV.
var exportMedia = []string{"application/x-ndjson", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.apache.parquet"}

// exportParameters describes what an export may be asked.
func exportParameters() (out []*huma.Param) {
	for _, p := range []struct {
		name, about, example string
		enum                 []any
	}{
		{"format", "csv by default", "csv", []any{"csv", "jsonl", "xlsx", "parquet"}},
		{"devices", "Only these, with commas; in an id * is any letters", "1*,205", nil},
		{"from", "Only readings received then or later: RFC 3339, or in the CSV's zone 2026-11-22T14:03 or 2026-11-22", "2026-11-22T10:00:04Z", nil},
		{"to", "Only readings received before that; a day alone is included", "2026-11-30", nil},
		{"last", "Instead of from: so long until now, as 90m, 36h, 7d, 2w", "7d", nil},
		{"columns", "The measurements of a table, with commas; all: every one in the readings asked for, which reads the log twice; by default those of the CSV file", "TEMP,HUM,CO2", nil},
		{"dialect", "Of a csv: semicolons, decimal commas and a byte order mark, for a spreadsheet in Spanish", "excel-es", []any{"excel-es"}},
	} {
		schema := &huma.Schema{Type: huma.TypeString, Description: p.about, Enum: p.enum, Examples: []any{p.example}}
		out = append(out, &huma.Param{Name: p.name, In: "query", Description: p.about, Schema: schema})
	}
	return out
}

type exportReadings struct{ exchange }

// Bounds of exports.
const (
	maxExporting = 2
	maxExport    = 12 * time.Hour // of one that gets on; see patientWriter
)

func (s *server) exportReadings(ctx context.Context, in *exportReadings) (*rawAnswer, error) {
	if s.o.Exports == nil {
		return nil, s.fail(errNotOffered)
	}
	q, err := url.ParseQuery(in.r.URL.RawQuery)
	if err != nil {
		return nil, s.invalid("query", s.o.Lang.Say("the part behind ? of the address is not right", "la parte detrás de ? de la dirección no está bien"))
	}
	e, err := s.o.Exports.Prepare(q, s.o.Lang)
	var wrong *event.QueryError
	if errors.As(err, &wrong) {
		return nil, s.invalid("query."+wrong.Parameter, wrong.Want)
	}
	if err != nil {
		return nil, s.fail(err)
	}
	e.ShowTo(event.ViewOf(who(ctx)))
	in.extendDeadline(maxTurn)
	release, err := s.exports.take(ctx, s.o.Remote(in.r))
	if err != nil {
		return nil, s.exportsBusy(err)
	}
	begins, err := e.Begins(ctx)
	if err != nil {
		release()
		return nil, s.fail(err)
	}
	return &rawAnswer{func(ctx huma.Context) {
		defer release()
		r, w := humago.Unwrap(ctx)
		s.serveExport(w, r, e, begins)
	}}, nil
}

// serveExport answers with the file. What fails before its first bytes are on their
// way is a problem like all others; later there is nothing left but to break off, so
// that nobody takes what came for all of it.
func (s *server) serveExport(w http.ResponseWriter, r *http.Request, e Export, begins int64) {
	h := w.Header()
	h.Set("Content-Type", e.Media())
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", headerName(e.Name())))
	if begins != 0 {
		h.Set(api.HeaderLogBegins, moment(begins).Format(time.RFC3339Nano))
	}
	if r.Method == http.MethodHead {
		return
	}
	h.Set("Trailer", strings.Join([]string{api.HeaderRows, api.HeaderWithout, api.HeaderLeftOut}, ", "))
	ctx, cancel := context.WithTimeout(r.Context(), maxExport)
	defer cancel()
	out := newPatientWriter(w, readerStall, exportRate)
	err := e.Write(ctx, out, nil)
	switch {
	case err == nil:
		done := e.Result()
		h.Set(api.HeaderRows, strconv.FormatUint(done.Rows, 10))
		h.Set(api.HeaderWithout, strconv.FormatUint(done.Without, 10))
		h.Set(api.HeaderLeftOut, strings.Join(done.LeftOut, ","))
	case out.begun:
		if r.Context().Err() == nil { // who asked is still there
			s.o.Logger.Warn("export broken off", "err", err)
		}
		panic(http.ErrAbortHandler) // net/http closes the connection, without the end of the chunks
	default:
		for _, name := range []string{"Content-Disposition", "Trailer", api.HeaderLogBegins} {
			h.Del(name)
		}
		s.writeProblem(w, s.exportFailed(err))
	}
}

// exportFailed is the answer to an export of which nothing was sent yet.
func (s *server) exportFailed(err error) error {
	var worded interface{ Text(vaiven.Lang) string }
	if errors.As(err, &worded) {
		return api.NewProblem(http.StatusUnprocessableEntity, api.CodeInvalid, worded.Text(s.o.Lang), "")
	}
	return s.fail(err)
}

// writeProblem answers with what fail returned, with its headers.
func (s *server) writeProblem(w http.ResponseWriter, err error) {
	var headers huma.HeadersError
	if errors.As(err, &headers) {
		for name, values := range headers.GetHeaders() {
			w.Header()[name] = values
		}
	}
	var p *api.Problem
	if !errors.As(err, &p) {
		p = api.NewProblem(http.StatusInternalServerError, codeFailed, s.failedText(), "")
	}
	api.WriteProblem(w, p)
}
