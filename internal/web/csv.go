package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"vaiven/internal/web/api"
)

func (s *server) csvOperation() {
	register(s, operation{
		method: http.MethodGet, path: "/readings.csv", id: "getCSV", tag: "events", media: "text/csv", refusals: []int{404, 416},
		also:    map[int]string{http.StatusPartialContent: "The part that Range asked for"},
		summary: "The CSV file of the server, as it is now",
		about: "Whole rows only. The file grows at its end, so a download that was cut off goes on where it stopped (curl -C -), and asking from the last " +
			"byte on brings what is new. With If-Range, a part is sent only of the same file.",
		examples: []example{
			{name: "readings.csv", title: "All of it", path: "/readings.csv"},
			{name: "readings-part.csv", title: "From byte 34 on", path: "/readings.csv", headers: [][2]string{{"Range", "bytes=34-"}}, status: 206},
			{name: "readings-beyond.json", title: "Nothing is new", path: "/readings.csv", headers: [][2]string{{"Range", "bytes=100000-"}}, status: 416},
		},
	}, s.getCSV)
}

type getCSV struct {
	Range   string `header:"Range" maxLength:"200" doc:"RFC 9110" example:"bytes=34-"`
	IfRange string `header:"If-Range" maxLength:"200" doc:"An ETag that was answered before"`
}

// rawAnswer writes its body itself.
type rawAnswer struct {
	Body func(huma.Context)
}

func (s *server) getCSV(_ context.Context, _ *getCSV) (*rawAnswer, error) {
	if s.o.CSV.Path == "" {
		return nil, s.fail(errNotOffered)
	}
	file, err := os.Open(s.o.CSV.Path)
	if err != nil {
		return nil, s.fail(fmt.Errorf("csv: %w", err))
	}
	size, err := wholeRows(file)
	if err != nil {
		_ = file.Close() // read only
		return nil, s.fail(fmt.Errorf("csv: %w", err))
	}
	return &rawAnswer{func(ctx huma.Context) {
		defer func() { _ = file.Close() }() // read only
		r, w := humago.Unwrap(ctx)
		s.serveCSV(w, r, file, size)
	}}, nil
}

// serveCSV answers with the file's first size bytes, or the part of them that is
// asked for. The file only ever grows, so an ETag of an earlier length names the
// beginning of what there is now, and may be resumed from.
func (s *server) serveCSV(w http.ResponseWriter, r *http.Request, file io.ReaderAt, size int64) {
	of := s.fileTag(file, size)
	tag := `"` + of + "-" + strconv.FormatInt(size, 10) + `"`
	if shown := r.Header.Get("If-Range"); isShorterTag(shown, of, size) {
		r = r.Clone(r.Context())
		r.Header.Set("If-Range", tag)
	}
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", headerName(s.o.CSV.Path)))
	content := &download{ReadSeeker: io.NewSectionReader(file, 0, size), patience: patience{http.NewResponseController(w)}, end: time.Now().Add(maxDownload)}
	http.ServeContent(&problemWriter{ResponseWriter: w, s: s}, r, "", time.Time{}, content)
}

// fileTag names the file whatever its length: by its log, and by its header and
// first row, which tell other columns and another zone.
func (s *server) fileTag(file io.ReaderAt, size int64) string {
	begin := make([]byte, min(size, 1<<10))
	n, _ := file.ReadAt(begin, 0) // what cannot be read is told when the answer is
	lines := bytes.SplitAfterN(begin[:n], []byte("\n"), 3)
	h := sha256.New()
	_, _ = io.WriteString(h, s.o.CSV.Of) // a hash takes everything
	for _, line := range lines[:min(len(lines), 2)] {
		_, _ = h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
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

// wholeRows is how much of the file is whole rows: all of it, but for one that
// is being written.
func wholeRows(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 4<<10)
	for end := info.Size(); end > 0; {
		n := min(end, int64(len(buf)))
		if _, err := file.ReadAt(buf[:n], end-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return 0, nil
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
		d.wait(answerTimeout)
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
