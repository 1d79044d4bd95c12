package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/button"
	"vaiven/internal/console"
	"vaiven/internal/csvfile"
	"vaiven/internal/gateway"
	"vaiven/internal/registry"
	"vaiven/internal/stream"
	"vaiven/internal/twin"
	"vaiven/internal/views"
	"vaiven/internal/web/live"
)

// app is a server that is open: the rooms, introduced to each other.
type app struct {
	*program
	c      *config
	logger *slog.Logger
	clock  clock

	listeners []listener
	log       *stream.Log
	reg       *registry.Registry
	csv       *csvfile.File
	sheet     *csvfile.File // the CSV in a spreadsheet's dialect, nil: none
	twin      *twin.Twin
	pump      *views.Pump
	gateway   *gateway.Gateway
	feed      *live.Feed
	panel     *button.Panel
	metrics   *metrics
	started   time.Time
	unwatch   []func() // of the twin
	csvAside  bool     // the CSV that was there has been set aside
	replayed  uint64   // the log's last record when the server started
}

// open binds, opens and replays, in the order in which a failure costs least. A
// failed open leaves nothing open.
func (p *program) open(ctx context.Context, c *config) (a *app, err error) {
	a = &app{program: p, c: c, logger: p.logger(), started: time.Now()}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.listeners, err = p.listen(ctx, c); err != nil {
		return a, err
	}
	if err = os.MkdirAll(c.Data, 0o755); err != nil {
		return a, p.folderError(c.Data, err)
	}
	if err = a.openLog(ctx); err != nil {
		return a, err
	}
	if err = a.openViews(ctx); err != nil {
		return a, err
	}
	a.markTurn()
	a.openGateway()
	if err = a.openFeed(); err != nil {
		return a, err
	}
	a.openPanel()
	a.metrics = newMetrics(a)
	return a, nil
}

func (a *app) openLog(ctx context.Context) error {
	l, err := stream.Open(ctx, stream.Options{
		Dir: logDir(a.c.Data), URL: a.c.NATS, Replicas: a.c.Replicas,
		NoSync:   a.getenv(envNoSync) == "1",
		OnCommit: a.committed,
		Stamp:    a.clock.stamp, Logger: a.logger,
	})
	if err != nil {
		return a.logError(err)
	}
	a.log = l
	a.tellDurability()
	return nil
}

// tellDurability says what an acknowledgement of this log is worth, where that
// is not what the program promises by itself.
func (a *app) tellDurability() {
	d := a.log.Durability()
	if d.Embedded && d.Synced {
		return
	}
	for _, line := range d.Verified(a.lang) {
		fmt.Fprintf(a.stderr().W, "  ✓ %s\n", line)
	}
	for _, line := range d.Unverified(a.lang) {
		a.notice(line, "")
	}
}

// envNoSync switches fsync off. It exists for the control of the power-cut
// test, which must lose readings to show that the test can see a loss.
const envNoSync = "VAIVEN_UNSAFE_NO_SYNC"

// absolute is a path that means the same to whoever reads it elsewhere.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func logDir(data string) string { return filepath.Join(data, "log") }

// digits is csvfile.Options.Digits.
func (c *config) digits() int {
	switch c.CSVDigits {
	case "3":
		return csvfile.ThreeFigures
	case "exact", "0":
		return csvfile.Exact
	}
	return 0
}

// sheetPath is where the CSV in a spreadsheet's dialect is.
func (c *config) sheetPath() string {
	path := c.csvPath()
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-excel" + ext
}

// hasSheet reports whether the spreadsheet's file was begun. One whose sidecar
// cannot be read was: it must not go stale without a word.
func (c *config) hasSheet() bool {
	side, err := csvfile.ReadSidecar(c.sheetPath())
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	return side.Dialect != ""
}

func (c *config) csvPath() string {
	if c.CSV != "" {
		return c.CSV
	}
	return filepath.Join(c.Data, "readings.csv")
}

// openViews restores the views, compares them with the log, and replays.
func (a *app) openViews(ctx context.Context) (err error) {
	a.reg = registry.New()
	a.twin = twin.New(twin.Options{
		Log: a.log, Stamp: a.clock.stamp, Logger: a.logger, Connected: a.mayBeTold,
	})
	if err := a.openCSV(); err != nil {
		return a.viewError(err)
	}
	last, err := a.log.Last(ctx)
	if err != nil {
		return a.logError(err)
	}
	bar := console.NewProgress(a.stderr(), a.lang, a.say("reading the log", "leyendo el registro"), last, nil)
	defer bar.Done()
	all := []views.View{a.csv, a.reg, a.twin}
	if a.sheet != nil {
		all = append(all, a.sheet)
	}
	a.pump, err = views.Open(ctx, views.Options{
		Source: a.log, Views: all, Dir: a.c.Data, Logger: a.logger, StopTimeout: stopTimeout,
		Notify:   func(n views.Notice) { bar.Done(); a.viewNotice(n) },
		Progress: func(done, _ uint64) { bar.Set(done) },
	})
	if err != nil {
		bar.Done()
		return a.viewError(err)
	}
	a.replayed, _ = a.pump.Position()
	return nil
}

// openCSV opens the exact file, and beside it the one in a spreadsheet's dialect:
// once that was begun it is kept complete, also by a start that does not ask for
// it.
func (a *app) openCSV() (err error) {
	o := csvfile.Options{
		Path: a.c.csvPath(), Log: a.log.ID(), Owner: absolute(a.c.Data),
		Columns: a.c.CSVColumns, Zone: a.c.CSVZone, Digits: a.c.digits(),
		Notify: func(n csvfile.Notice) {
			a.csvAside = a.csvAside || n.Aside != ""
			a.notice(n.Text(a.lang), "")
		},
		Now: time.Now,
	}
	if a.csv, err = csvfile.Open(o); err != nil {
		return err
	}
	if a.c.CSVDialect == "" && !a.c.hasSheet() {
		return nil
	}
	o.Path, o.Dialect = a.c.sheetPath(), cmp.Or(a.c.CSVDialect, csvfile.ExcelES)
	o.Columns, o.Zone, o.Digits = a.csv.Columns(), a.csv.Zone(), a.csv.Digits()
	a.sheet, err = csvfile.Open(o)
	return err
}

// mayBeTold reports whether a board may be told something now that the log does
// not say yet. On an external log that may be another gateway's doing.
func (a *app) mayBeTold(d vaiven.Device) bool { return a.c.NATS != "" || a.gateway.Connected(d) }

func (a *app) openGateway() {
	rules := vaiven.DefaultRules()
	for _, s := range a.ownStates() {
		rules.States[s] = true
	}
	var text [2]string
	copy(text[:], a.c.LEDText)
	a.gateway = gateway.New(gateway.Options{
		Log: a.log, Settled: a.pump, Sessions: a.reg, Twins: a.twin, Rules: rules, Lang: a.lang, LedText: text,
		Limit:          gateway.Limit{Readings: a.c.Readings, For: a.c.For, Interval: a.c.Interval, Rate: a.c.Rate},
		Columns:        a.csv.Columns(),
		MaxConnections: maxConnections(), MaxMessage: a.c.MaxMessage, MaxDevices: a.c.MaxDevices, MaxPerAddress: a.c.MaxPerAddress,
		TrustedProxies: a.c.TrustedProxy,
		Stamp:          a.clock.stamp, Logger: a.logger,
		Notice: func(n gateway.Notice) {
			text := fmt.Sprintf("%s  (%s)", n.Text, n.Remote)
			if n.Device != "" {
				text = string(n.Device) + "  " + text
			}
			a.notice(text, "")
		},
	})
	var open []vaiven.Session
	for _, d := range a.reg.List() {
		if d.Session != nil && !d.Session.Ended {
			open = append(open, *d.Session)
		}
	}
	a.gateway.Restore(open)
	a.unwatch = append(a.unwatch, a.twin.Watch(a.gateway.Deliver))
}

// openFeed makes the live feed, which begins where the replay has ended.
func (a *app) openFeed() (err error) {
	a.feed, err = live.New(live.Options{
		History: history{a}, Last: a.log.Last, Lang: a.lang,
	})
	return err
}

// close gives everything back; what was never opened is nil.
func (a *app) close() {
	closeAll(a.listeners)
	for _, stop := range a.unwatch {
		stop()
	}
	if a.panel != nil {
		if err := a.panel.Close(); err != nil {
			a.logger.Warn("lines not given back", "err", err)
		}
	}
	if a.pump != nil {
		if err := a.pump.Close(); err != nil {
			a.logger.Error("checkpoint not written", "err", err)
		}
	}
	if a.csv != nil {
		if err := a.csv.Close(); err != nil {
			a.logger.Error("csv not closed", "err", err)
		}
	}
	if a.sheet != nil {
		if err := a.sheet.Close(); err != nil {
			a.logger.Error("spreadsheet's csv not closed", "err", err)
		}
	}
	if a.log != nil {
		if err := a.log.Close(); err != nil {
			a.logger.Error("log not closed", "err", err)
		}
	}
}

// How long each step of the end may take.
const (
	goodbyeTimeout = 5 * time.Second
	drainTimeout   = 10 * time.Second
	stopTimeout    = 3 * time.Second // of the views, when they had drainTimeout
)

// serve runs the server until ctx is done, or a part of it cannot go on. It
// ends in the direction of the readings: no new boards, the boards are answered
// and sent away, the log commits what is queued, the views catch up with it.
func (a *app) serve(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	log := a.start(fail, "log", a.log.Run)
	pump := a.start(fail, "views", a.pump.Run)
	gate := a.start(fail, "gateway", a.gateway.Run)
	twin := a.start(fail, "twin", a.twin.Run)
	defer a.pump.Follow(a.feed)()
	var askers []room // who asks for changes, or says how the log is: they end before it does
	if a.panel != nil {
		askers = append(askers, a.start(fail, "buttons", a.panel.Run))
	}
	askers = append(askers, a.start(fail, "watch", a.watchHealth))
	thrift := a.start(fail, "memory", a.giveBack)
	defer thrift.stop()
	a.forgetConnections(ctx)
	server := a.startHTTP(fail)

	<-ctx.Done()
	for _, r := range askers {
		r.stop()
	}
	a.sayGoodbye(server)
	twin.stop()
	gate.stop()
	log.stop()
	drain, cancelDrain := context.WithTimeout(context.Background(), drainTimeout)
	defer cancelDrain()
	if last, err := a.log.Last(drain); err == nil {
		if err := a.pump.Wait(drain, last); err != nil {
			a.logger.Warn("views end behind the log and catch up at the next start", "err", err)
		}
	}
	pump.stop()
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return nil
	}
	return cmp.Or(a.diskError(a.c.Data, cause), cause)
}

// sayGoodbye closes the listeners, sends the boards away, and gives requests
// that are under way as long as that takes: a client that never finishes its
// request must not cost the boards their goodbye.
func (a *app) sayGoodbye(server *http.Server) {
	bye, cancel := context.WithTimeout(context.Background(), goodbyeTimeout)
	defer cancel()
	requests := make(chan struct{})
	go func() { defer close(requests); _ = server.Shutdown(bye) }()
	_ = a.feed.Close()
	a.gateway.Shutdown(bye)
	_ = server.Close()
	<-requests
}

// forgetConnections says in the log that the boards are gone which were
// connected when the last process ended without a word. On an external log
// they may be another gateway's, so nothing is said of them there.
func (a *app) forgetConnections(ctx context.Context) {
	if a.c.NATS != "" {
		return
	}
	stamp := a.clock.stamp()
	for _, d := range a.reg.List() {
		if !d.Connected {
			continue
		}
		gone := &vaiven.Presence{Stamp: stamp, Device: d.ID, Remote: d.Remote, Reason: "restart"}
		if err := a.log.Append(ctx, []vaiven.Event{gone}, nil); err != nil {
			if ctx.Err() == nil {
				a.logger.Warn("disconnections not recorded", "err", err)
			}
			return // the log does not take anything now: it says so itself
		}
	}
}

// room is a part of the server that runs.
type room struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (r room) stop() {
	r.cancel()
	<-r.done
}

// start runs a part; its error ends the server.
func (a *app) start(fail context.CancelCauseFunc, name string, run func(context.Context) error) room {
	ctx, cancel := context.WithCancel(context.Background())
	r := room{cancel, make(chan struct{})}
	go func() {
		defer close(r.done)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	return r
}
