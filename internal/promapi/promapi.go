package promapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// Options configure New. Queryable is required.
type Options struct {
	Queryable storage.Queryable
	Version   string            // of the program, for status/buildinfo
	Help      map[string]string // what each metric is, by name; all are gauges

	Timeout    time.Duration // of a query, waiting for a place included; default and at most 30 s
	MaxSamples int           // that a query may hold at once, 16 bytes each; default 2,500,000
	Concurrent int           // requests that read the history at once; default 4
	MaxForm    int64         // bytes of a request's parameters; default 128 KiB
	Now        func() time.Time
	Logger     *slog.Logger // default: silent
}

// maxTimeout is how long a query may take, at most.
const maxTimeout = 30 * time.Second

func (o Options) withDefaults() Options {
	o.Timeout = min(cmp.Or(o.Timeout, maxTimeout), maxTimeout)
	o.MaxSamples = cmp.Or(o.MaxSamples, 2_500_000)
	o.Concurrent = cmp.Or(o.Concurrent, 4)
	o.MaxForm = cmp.Or(o.MaxForm, 128<<10)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Stats count requests. They may be read at any time.
type Stats struct {
	Requests atomic.Uint64 // all that had a path of the API
	Failed   atomic.Uint64 // of these, answered with an error
	NoPlace  atomic.Uint64 // of these, such as waited for a place in vain
	Reading  atomic.Int64  // that read the history now
}

// Handler serves the paths under /api/v1/. Make it with New.
type Handler struct {
	mux   *http.ServeMux
	stats Stats
}

// api is what the operations share.
type api struct {
	o      Options
	engine *promql.Engine
	parser parser.Parser
	places *places       // of requests that read the history, or that parse an expression
	keeps  chan struct{} // of answers that are held until they are sent
	stats  *Stats
}

// operation answers a request whose form was read. The function that it returns, if
// any, gives back what the answer is made of, once that is written.
type operation func(context.Context, *http.Request) (*answer, func(), *failure)

// lookback is how far back a value still counts as the present one; Prometheus's own.
const lookback = 5 * time.Minute

// subqueryStep is the step of a subquery that names none; Prometheus's own.
const subqueryStep = time.Minute

// New makes the handler.
func New(o Options) *Handler {
	o = o.withDefaults()
	h := &Handler{mux: http.NewServeMux()}
	p := strict{parser.NewParser(parser.Options{})}
	a := &api{o: o, parser: p, places: newPlaces(o.Concurrent), keeps: make(chan struct{}, maxKeeps), stats: &h.stats, engine: promql.NewEngine(promql.EngineOpts{
		Logger: o.Logger, MaxSamples: o.MaxSamples, Timeout: o.Timeout, LookbackDelta: lookback, Parser: p,
		NoStepSubqueryIntervalFn: func(int64) int64 { return subqueryStep.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true,
	})}
	const at = "/api/v1/"
	for path, op := range map[string]operation{
		"query": a.query, "query_range": a.queryRange, "labels": a.labelNames, "series": a.series, "format_query": a.formatQuery,
	} {
		h.mux.HandleFunc("GET "+at+path, a.serve(a.reading(op)))
		h.mux.HandleFunc("POST "+at+path, a.serve(a.reading(op)))
	}
	h.mux.HandleFunc("GET "+at+"label/{name}/values", a.serve(a.reading(a.labelValues)))
	for _, method := range []string{"GET ", "POST "} {
		h.mux.HandleFunc(method+at+"query_exemplars", a.serve(always([]any{})))
	}
	h.mux.HandleFunc("GET "+at+"metadata", a.serve(a.metadata))
	h.mux.HandleFunc("GET "+at+"status/buildinfo", a.serve(always(buildInfo(o.Version))))
	h.mux.HandleFunc("GET "+at+"rules", a.serve(always(map[string]any{"groups": []any{}})))
	h.mux.HandleFunc("GET "+at+"alerts", a.serve(always(map[string]any{"alerts": []any{}})))
	h.mux.HandleFunc("OPTIONS /", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	h.mux.HandleFunc("/", a.serve(func(_ context.Context, r *http.Request) (*answer, func(), *failure) {
		return nil, nil, notFound(errors.New("there is no " + r.Method + " " + r.URL.Path))
	}))
	return h
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Stats returns the counts, which go on.
func (h *Handler) Stats() *Stats { return &h.stats }

// serve reads the form, and writes what the operation answers.
func (a *api) serve(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.stats.Requests.Add(1)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		f := readForm(w, r, a.o.MaxForm)
		defer a.extendDeadlines(w)()
		var out *answer
		free := func() {}
		if f == nil {
			var given func()
			if out, given, f = op(r.Context(), r); given != nil {
				free = sync.OnceFunc(given)
				defer free()
			}
		}
		var err error
		if f != nil {
			a.stats.Failed.Add(1)
			free()
			err = writeFailure(w, f)
		} else {
			err = a.writeAnswer(w, r, out, free)
		}
		if err != nil {
			a.o.Logger.Debug("answer not written", "path", r.URL.Path, "err", err)
		}
	}
}

// extendDeadlines gives a request whose form was read the time to wait for a place and to
// be evaluated. The returned function ends it: what else comes of the request, which
// net/http reads, may not take for ever.
func (a *api) extendDeadlines(w http.ResponseWriter) (end func()) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // or the connection would count as broken: nothing more comes from it
	_ = c.SetWriteDeadline(time.Now().Add(a.o.Timeout + writeTimeout))
	return func() { _ = c.SetReadDeadline(time.Now().Add(writeTimeout)) }
}

var errNoPlace = errors.New("query timed out in query queue")

// reading lets so many requests read the history at once, until their answers are
// written, or held to be. The others wait.
func (a *api) reading(op operation) operation {
	return func(ctx context.Context, r *http.Request) (*answer, func(), *failure) {
		ctx, cancel := context.WithTimeout(ctx, a.o.Timeout)
		stand, ok := a.places.take(ctx, addressOf(r))
		if !ok {
			cancel()
			a.stats.NoPlace.Add(1)
			return nil, nil, tooLate(errNoPlace)
		}
		a.stats.Reading.Add(1)
		var free func()
		leave := func() {
			if free != nil {
				free()
			}
			cancel()
			a.stats.Reading.Add(-1)
			stand()
		}
		defer func() {
			if leave != nil { // it panics: net/http goes on without this request
				leave()
			}
		}()
		out, given, f := op(ctx, r)
		free = given
		mine := leave
		leave = nil
		return out, mine, f
	}
}

// always answers the same.
func always(v any) operation {
	return func(context.Context, *http.Request) (*answer, func(), *failure) { return fixed(v), nil, nil }
}

// engineVersion is the Prometheus whose engine and API this is. Clients decide by it
// what they may ask; the libraries' version v0.312.0 is that of Prometheus 3.12.0.
const engineVersion = "3.12.0"

// buildInfo is what a client looks at to learn what it may ask: the version is that of
// the engine, the revision is ours.
func buildInfo(version string) map[string]string {
	return map[string]string{
		"version": engineVersion, "revision": version, "branch": "vaiven", "buildUser": "", "buildDate": "", "goVersion": runtime.Version(),
	}
}

// metric is what is known of a metric.
type metric struct {
	Type string `json:"type"`
	Unit string `json:"unit"`
	Help string `json:"help"`
}

// metadata says what the metrics are.
func (a *api) metadata(_ context.Context, r *http.Request) (*answer, func(), *failure) {
	limits := map[string]int{"limit": -1, "limit_per_metric": -1}
	for name := range limits {
		if s := r.Form.Get(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil {
				return nil, nil, badData(errors.New(name + " must be a number"))
			}
			limits[name] = n
		}
	}
	all, wanted := map[string][]metric{}, r.Form.Get("metric")
	for name, help := range a.o.Help {
		full := limits["limit"] >= 0 && len(all) >= limits["limit"]
		if !full && (wanted == "" || wanted == name) {
			all[name] = []metric{{Type: "gauge", Help: help}}
		}
	}
	return fixed(all), nil, nil
}
