package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"vaiven"
	"vaiven/internal/web/api"
)

func (s *server) csvOperations() {
	also := map[int]string{http.StatusPartialContent: "The part that Range asked for"}
	register(s, operation{
		method: http.MethodGet, path: "/readings.csv", id: "getCSV", needs: readsAll.atCost(), busy: busyFiles, tag: "events", media: "text/csv", refusals: []int{404, 416}, also: also,
		summary: "The CSV file of the server, as it is now",
		about: "Whole rows only. The file grows at its end, so a download that was cut off goes on where it stopped (curl -C -), and asking from the last " +
			"byte on brings what is new. With If-Range, a part is sent only of the same file.",
		examples: []example{
			{name: "readings.csv", title: "All of it", path: "/readings.csv"},
			{name: "readings-part.csv", title: "From byte 34 on", path: "/readings.csv", headers: [][2]string{{"Range", "bytes=34-"}}, status: 206},
			{name: "readings-beyond.json", title: "Nothing is new", path: "/readings.csv", headers: [][2]string{{"Range", "bytes=100000-"}}, status: 416},
		},
	}, s.getCSV)
	register(s, operation{
		method: http.MethodGet, path: "/csv", id: "listCSV", needs: readsAll.atCost(), busy: busyReading, tag: "events", refusals: []int{404},
		summary: "The CSV files that the server keeps",
		about: "That which is being written, with its like for a spreadsheet if there is one; those that ended before (--csv-rotate), newest first; and the summary of a " +
			"run, for whom it is for. A file that somebody has changed or moved away is not among them.",
		examples: []example{
			{name: "list-csv.json", title: "A file that grows, and one that has ended", path: "/csv"},
			{name: "list-csv-page.json", title: "A page of one file", path: "/csv?limit=1"},
		},
	}, s.listCSV)
	register(s, operation{
		method: http.MethodGet, path: "/csv/{name}", id: "getCSVFile", needs: readsAll.atCost(), busy: busyFiles, tag: "events", media: "text/csv", refusals: []int{404, 416}, also: also,
		summary: "One of the CSV files that the server keeps",
		about: "Whole rows only, as they are when it is asked for. A part of it (Range) is sent of one that grows, too, as of readings.csv. The summary of a run " +
			"names people: it is for administrators.",
		examples: []example{
			{name: "readings-ended.csv", title: "The file of a day", path: "/csv/readings-2026-11-21.csv"},
			{name: "readings-none.json", title: "Not one of the list", path: "/csv/..%2Freadings.csv", status: 404},
		},
	}, s.getCSVFile)
}

type getCSV struct {
	exchange
	Range   string `header:"Range" maxLength:"200" doc:"RFC 9110" example:"bytes=34-"`
	IfRange string `header:"If-Range" maxLength:"200" doc:"An ETag that was answered before"`
}

type getCSVFile struct {
	getCSV
	Name string `path:"name" maxLength:"255" doc:"As the list has it" example:"readings-2026-11-21.csv"`
}

type listCSV struct {
	exchange
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Files on a page"`
	Cursor string `query:"cursor" maxLength:"255" doc:"next of the page before"`
}

// rawAnswer writes its body itself.
type rawAnswer struct {
	Body func(huma.Context)
}

func (s *server) listCSV(ctx context.Context, in *listCSV) (*body[api.CSVFiles], error) {
	in.extendDeadline(maxTurn)
	if err := acquire(ctx, s.reading); err != nil {
		return nil, s.readingFailed(err)
	}
	defer func() { <-s.reading }()
	files, more, err := s.o.CSV.List(in.Cursor, in.Limit)
	switch {
	case errors.Is(err, fs.ErrNotExist) && in.Cursor != "":
		return nil, s.badCursor()
	case errors.Is(err, errNotOffered):
		return nil, s.fail(err)
	case err != nil:
		return nil, s.fail(fmt.Errorf("csv: %w", err))
	}
	out := api.CSVFiles{Files: make([]api.CSVFile, 0, len(files))}
	for i := range files {
		f := &files[i]
		if f.Private && !who(ctx).May(vaiven.MayAdmin) {
			continue
		}
		out.Files = append(out.Files, api.CSVFile{
			Name: f.Name, Bytes: f.Bytes, Rows: f.Rows, From: moment(f.From), To: moment(f.To), Growing: f.Growing, Modified: moment(f.Modified),
		})
	}
	if more {
		out.Next = files[len(files)-1].Name
	}
	return &body[api.CSVFiles]{out}, nil
}

// Bounds of CSV files on their way: a class that takes its readings home has room, and
// one address alone, a browser that fetches a year of months, does not take all of it.
const (
	maxDownloading     = 64
	maxDownloadingEach = 8
)

func (s *server) getCSV(ctx context.Context, in *getCSV) (*rawAnswer, error) {
	return s.sendCSV(ctx, in.exchange, "")
}

func (s *server) getCSVFile(ctx context.Context, in *getCSVFile) (*rawAnswer, error) {
	return s.sendCSV(ctx, in.exchange, in.Name)
}

func (s *server) sendCSV(ctx context.Context, in exchange, name string) (*rawAnswer, error) {
	in.extendDeadline(maxTurn)
	release, err := s.downloads.take(ctx, s.o.Remote(in.r))
	if err != nil {
		return nil, s.downloadsBusy(err)
	}
	file, info, err := s.o.CSV.Open(name)
	switch {
	case err == nil:
	case errors.Is(err, errNotOffered):
		release()
		return nil, s.fail(err)
	case errors.Is(err, fs.ErrNotExist) && name != "":
		release()
		return nil, api.NewProblem(http.StatusNotFound, codeNotFound,
			s.o.Lang.Say("the server keeps no CSV file of that name", "el servidor no guarda ningún archivo CSV con ese nombre"),
			s.o.Lang.Say("GET /api/v1/csv lists those that it keeps", "GET /api/v1/csv dice cuáles guarda"))
	default:
		release()
		return nil, s.fail(fmt.Errorf("csv: %w", err))
	}
	if info.Private && !who(ctx).May(vaiven.MayAdmin) {
		release()
		_ = file.Close() // read only
		return nil, s.guard.noRight(vaiven.MayAdmin)
	}
	return &rawAnswer{func(ctx huma.Context) {
		defer release()
		defer func() { _ = file.Close() }() // read only
		r, w := humago.Unwrap(ctx)
		s.serveCSV(w, r, file, &info)
	}}, nil
}

// serveCSV answers with the file's whole rows, or the part of them that is asked for. One
// that grows only ever does so at its end: an ETag of an earlier length names the
// beginning of what there is now, and may be resumed from. It has no date: two lengths
// of one second would have the same.
func (s *server) serveCSV(w http.ResponseWriter, r *http.Request, file io.ReaderAt, info *vaiven.CSVFile) {
	tag, modified := `"`+info.Version+`"`, time.UnixMilli(info.Modified)
	if info.Growing {
		tag, modified = `"`+info.Version+"-"+strconv.FormatInt(info.Bytes, 10)+`"`, time.Time{}
		if shown := r.Header.Get("If-Range"); isShorterTag(shown, info.Version, info.Bytes) {
			r = r.Clone(r.Context())
			r.Header.Set("If-Range", tag)
		}
	}
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", headerName(info.Name)))
	content := &download{ReadSeeker: io.NewSectionReader(file, 0, info.Bytes), patience: patience{http.NewResponseController(w)}, end: time.Now().Add(maxDownload)}
	http.ServeContent(&problemWriter{ResponseWriter: w, s: s}, r, "", modified, content)
}

// headerName is the file's name as a header may carry it.
func headerName(path string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\/`, r) {
			return '_'
		}
		return r
	}, filepath.Base(path))
}

// isShorterTag reports whether an ETag is of the same file when it was shorter.
func isShorterTag(tag, of string, size int64) bool {
	length, ok := strings.CutPrefix(strings.Trim(tag, `"`), of+"-")
	n, err := strconv.ParseInt(length, 10, 64)
	return ok && err == nil && n <= size
}

// maxDownload bounds the whole download; it can be resumed.
const maxDownload = time.Hour

// download gives the answer more time with every piece that was sent, so that a
// slow client gets all of a long file, and one that stands still lets go.
type download struct {
	io.ReadSeeker
	patience
	end time.Time
}

func (d *download) Read(b []byte) (int, error) {
	if time.Now().Before(d.end) {
		d.wait(readerStall)
	}
	return d.ReadSeeker.Read(b)
}

// problemWriter makes a problem of what ServeContent refuses.
type problemWriter struct {
	http.ResponseWriter
	s       *server
	refused bool
}

func (w *problemWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	w.Header().Del("Content-Length")
	w.Header().Del("Content-Disposition")
	p := api.NewProblem(status, "", refusalText[status], "")
	if status == http.StatusRequestedRangeNotSatisfiable {
		p.Code, p.Detail = "range", w.s.o.Lang.Say("the file is not that long: nothing is new", "el archivo no es tan largo: no hay nada nuevo")
	}
	api.WriteProblem(w.ResponseWriter, p)
}

func (w *problemWriter) Write(b []byte) (int, error) {
	if w.refused {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}
