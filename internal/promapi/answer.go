package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/jsonutil"
)

// failure is an answer that says what is wrong.
type failure struct {
	code int
	kind string // errorType
	err  error
}

// The kinds of failure with their status codes.
func badData(err error) *failure { return &failure{http.StatusBadRequest, "bad_data", err} }
func unprocessed(err error) *failure {
	return &failure{http.StatusUnprocessableEntity, "execution", err}
}
func tooLate(err error) *failure  { return &failure{http.StatusServiceUnavailable, "timeout", err} }
func internal(err error) *failure { return &failure{http.StatusInternalServerError, "internal", err} }
func notFound(err error) *failure { return &failure{http.StatusNotFound, "not_found", err} }

// clientGone is nginx's code for a request whose client left; nobody reads it.
const clientGone = 499

func badParam(name string, err error) *failure {
	return badData(fmt.Errorf("invalid parameter %q: %w", name, err))
}

// failureOf sorts what the engine or the storage said.
func failureOf(err error) *failure {
	var canceled promql.ErrQueryCanceled
	var timeout promql.ErrQueryTimeout
	var stored promql.ErrStorage
	switch {
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return tooLate(err)
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return &failure{clientGone, "canceled", err}
	case errors.As(err, &stored):
		return internal(err)
	}
	return unprocessed(err)
}

// answer is what a request that succeeded is told.
type answer struct {
	write func(*jsoniter.Stream) // the member data
	notes annotations.Annotations
	query string // which positions in notes are about, may be ""
}

// list is an answer of strings.
func list(values []string, notes annotations.Annotations) *answer {
	return &answer{notes: notes, write: func(s *jsoniter.Stream) {
		writeArray(s, values, func(v string) { s.WriteString(v) })
	}}
}

// fixed is an answer that encoding/json can write.
func fixed(v any) *answer {
	return &answer{write: func(s *jsoniter.Stream) {
		b, err := json.Marshal(v)
		if err != nil {
			s.Error = err
			return
		}
		s.WriteRaw(string(b))
	}}
}

// maxNotes is how many warnings and how many remarks are in an answer.
const maxNotes = 10

// flushAt is how much of an answer is held before it is written.
const flushAt = 32 << 10

// writeTimeout is how long the client may take to read all of an answer.
const writeTimeout = 30 * time.Second

var jsonConfig = jsoniter.ConfigCompatibleWithStandardLibrary

// writeAnswer writes as it encodes. What goes wrong from here on can only be a
// client that is gone or does not read: the connection is given up. free gives back
// what the answer is made of, as soon as it is encoded: a small one is held until then.
func (a *api) writeAnswer(w http.ResponseWriter, r *http.Request, out *answer, free func()) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // a connection without deadlines is a test's
	w.Header().Set("Content-Type", "application/json")
	keep := &keeper{w: w}
	select {
	case a.keeps <- struct{}{}:
		defer func() { <-a.keeps }()
		keep.max = maxKept
	default: // so many are held: this one goes as it is encoded
	}
	body, end := compressed(w.Header(), keep, r)
	s := jsoniter.NewStream(jsonConfig, body, flushAt)
	s.WriteRaw(`{"status":"success","data":`)
	out.write(s)
	warnings, infos := out.notes.AsStrings(out.query, maxNotes, maxNotes)
	for name, texts := range map[string][]string{"warnings": warnings, "infos": infos} {
		if len(texts) > 0 {
			s.WriteMore()
			s.WriteObjectField(name)
			writeArray(s, texts, s.WriteString)
		}
	}
	s.WriteObjectEnd()
	err := errors.Join(s.Flush(), end())
	free()
	return errors.Join(err, keep.send())
}

func writeFailure(w http.ResponseWriter, f *failure) error {
	body, err := json.Marshal(map[string]string{"status": "error", "errorType": f.kind, "error": f.err.Error()})
	if err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // as above
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.code)
	_, err = w.Write(body)
	return err
}

// compressed returns what to write to: gzip for whoever takes it, since an answer
// shrinks to a tenth. end completes it.
func compressed(h http.Header, w io.Writer, r *http.Request) (body io.Writer, end func() error) {
	h.Add("Vary", "Accept-Encoding")
	for _, line := range r.Header.Values("Accept-Encoding") {
		for word := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(word) == "gzip" {
				h.Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				return z, z.Close
			}
		}
	}
	return w, func() error { return nil }
}

// writeArray writes the elements, and hands on what has collected.
func writeArray[T any](s *jsoniter.Stream, list []T, write func(T)) {
	s.WriteArrayStart()
	for i, v := range list {
		if i > 0 {
			s.WriteMore()
		}
		write(v)
		if s.Buffered() >= flushAt {
			_ = s.Flush() // its error stays with the stream, and the last Flush returns it
		}
	}
	s.WriteArrayEnd()
}

func writeLabels(s *jsoniter.Stream, l labels.Labels) {
	s.WriteObjectStart()
	first := true
	l.Range(func(l labels.Label) {
		if !first {
			s.WriteMore()
		}
		first = false
		s.WriteObjectField(l.Name)
		s.WriteString(l.Value)
	})
	s.WriteObjectEnd()
}

// writePoint writes a time in seconds and a number as a string, since JSON has
// neither NaN nor infinity.
func writePoint(s *jsoniter.Stream, t int64, f float64) {
	s.WriteArrayStart()
	jsonutil.MarshalTimestamp(t, s)
	s.WriteMore()
	jsonutil.MarshalFloat(f, s)
	s.WriteArrayEnd()
}

func writeHistogram(s *jsoniter.Stream, p promql.HPoint) {
	s.WriteArrayStart()
	jsonutil.MarshalTimestamp(p.T, s)
	s.WriteMore()
	jsonutil.MarshalHistogram(p.H, s)
	s.WriteArrayEnd()
}

func writeSample(s *jsoniter.Stream, p promql.Sample) {
	s.WriteObjectStart()
	s.WriteObjectField("metric")
	writeLabels(s, p.Metric)
	s.WriteMore()
	if p.H != nil {
		s.WriteObjectField("histogram")
		writeHistogram(s, promql.HPoint{T: p.T, H: p.H})
	} else {
		s.WriteObjectField("value")
		writePoint(s, p.T, p.F)
	}
	s.WriteObjectEnd()
}

func writeSeries(s *jsoniter.Stream, series promql.Series) {
	s.WriteObjectStart()
	s.WriteObjectField("metric")
	writeLabels(s, series.Metric)
	if len(series.Floats) > 0 {
		s.WriteMore()
		s.WriteObjectField("values")
		writeArray(s, series.Floats, func(p promql.FPoint) { writePoint(s, p.T, p.F) })
	}
	if len(series.Histograms) > 0 {
		s.WriteMore()
		s.WriteObjectField("histograms")
		writeArray(s, series.Histograms, func(p promql.HPoint) { writeHistogram(s, p) })
	}
	s.WriteObjectEnd()
}

// writeText writes a result that is a string.
func writeText(s *jsoniter.Stream, v promql.String) {
	s.WriteArrayStart()
	jsonutil.MarshalTimestamp(v.T, s)
	s.WriteMore()
	s.WriteString(v.V)
	s.WriteArrayEnd()
}
