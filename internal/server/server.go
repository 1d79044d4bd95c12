// Package server is vaiven assembled: the log and its views, the gateway, the HTTP
// side and the buttons, introduced to each other in one value that is opened, run and
// closed.
//
// It owns which part is given to which, the order of start and end, the listeners
// with what strangers begin on them, who is told that the server takes no readings,
// and the words for what can go wrong with a data folder ([Explainer]). It does not
// own flags, signals, exit codes, nor anything that a terminal shows: it tells a
// person through [Options.Notify], and whoever wants to see the events adds a view
// with [Server.Follow]. It owns no rule of the protocol, of the log or of a view
// either: those are the parts' own.
//
// The way of a reading: net/http accepts a connection (listen.go) and the handler of
// package web hands it to [gateway.Gateway], which reads and checks messages and
// appends to [stream.Log]. What the log has committed comes back through committed
// (http.go) to the gateway, which acknowledges it. Beside that, [views.Pump] reads the
// log and hands each record to the CSV file, the table of devices, the desired states,
// the history and the live feed; none of them can hold up an acknowledgement.
//
// Open, Run and Close are called by one goroutine, in this order; all other methods by
// any, between Open and Close. A board, a follower or a client that is slow or dead is
// the business of the part that it talks to. A disk that stands still makes Run's end
// late: each of its steps has a deadline but the disk's own calls.
package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaiven"
	"vaiven/internal/access"
	"vaiven/internal/button"
	"vaiven/internal/certs"
	"vaiven/internal/csvfile"
	"vaiven/internal/export"
	"vaiven/internal/gateway"
	"vaiven/internal/history"
	"vaiven/internal/limit"
	"vaiven/internal/promapi"
	"vaiven/internal/registry"
	"vaiven/internal/remotewrite"
	"vaiven/internal/stream"
	"vaiven/internal/twin"
	"vaiven/internal/views"
	"vaiven/internal/web/live"
)

// Server is a server that is open. Make it with Open.
type Server struct {
	o       Options
	explain Explainer
	clock   Clock
	started time.Time

	places    *limit.Places
	exhausted chan exhaustion // to be told to a person
	listeners []listener
	certs     *certs.Certificates // nil: no TLS
	log       *stream.Log
	registry  *registry.Registry
	csv       *csvfile.File
	sheet     *csvfile.File       // the CSV in a spreadsheet's dialect, nil: none
	history   *history.History    // nil: none is kept
	queries   *promapi.Handler    // over the history, nil: there is none
	sender    *remotewrite.Sender // nil: nothing is sent on
	twin      *twin.Twin
	book      *access.Book
	access    *access.Control
	pump      *views.Pump
	gateway   *gateway.Gateway
	feed      *live.Feed
	exporter  *export.Exporter
	panel     *button.Panel // nil: nothing is bound
	metrics   *prometheus.Registry
	unwatch   []func() // of the twin
	csvAside  bool     // the CSV that was there has been set aside
	replayed  uint64   // the log's last record when the server started

	running chan struct{} // closed once boards and people are let in

	ending context.Context // done when Run sends everybody away
	end    context.CancelFunc
}

// Open binds, opens and replays, in the order in which a failure costs least. A
// failed Open leaves nothing open; its error is an *Error where there is something to
// try. Boards that connect meanwhile wait for Run.
func Open(ctx context.Context, o Options) (_ *Server, err error) {
	o = o.withDefaults()
	s := &Server{o: o, explain: o.Explainer(), started: time.Now(), running: make(chan struct{})}
	s.ending, s.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	s.openPlaces()
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	if err := s.openFolder(); err != nil {
		return nil, err
	}
	if err := s.openLog(ctx); err != nil {
		return nil, s.explain.Log(err)
	}
	if err := s.openCertificates(); err != nil {
		return nil, err
	}
	if err := s.openViews(ctx); err != nil {
		return nil, err
	}
	if err := s.openStore(); err != nil {
		return nil, err
	}
	if err := s.openAccess(); err != nil {
		return nil, err
	}
	s.openGateway()
	s.feed, err = live.New(live.Options{
		History: past{s}, Last: s.log.Last, Trimmed: past{s}.Trimmed, IsGood: s.access.IsGood, Lang: o.Lang,
		Remote:    func(r *http.Request) netip.Addr { return s.gateway.Remote(r).Addr() },
		Exhausted: s.followersExhausted,
		Trusted:   func(r *http.Request) bool { return vaiven.PrincipalOf(r.Context()).May(vaiven.MayAdmin) },
	}) // begins where the replay has ended
	if err != nil {
		return nil, err
	}
	s.access.Watch(func(d vaiven.Device) {
		if d == "" { // a token of the API, perhaps
			s.feed.Recheck()
		}
	})
	s.exporter = export.New(export.Options{Log: past{s}, Disorder: past{s}.Disorder, Columns: s.csv.Columns(), Zone: s.csv.Zone(), Digits: s.csv.Digits(), Version: s.o.Version})
	s.openPanel()
	s.metrics = s.newMetrics()
	return s, nil
}

// openLog opens the log, and tells what an acknowledgement of it is worth where that
// is not what the program promises by itself.
func (s *Server) openLog(ctx context.Context) (err error) {
	s.log, err = stream.Open(ctx, stream.Options{
		Dir: LogDir(s.o.Data), URL: s.o.NATS, Replicas: s.o.Replicas, CommitEvery: s.o.CommitEvery, NoSync: s.o.NoSync, MakeRoom: s.makeRoom,
		OnCommit: s.committed, Stamp: s.clock.Stamp, Logger: s.o.Logger,
		StateAt: func(log string) uint64 { return views.CheckpointOf(s.o.Data, log) },
	})
	if err != nil {
		return err
	}
	if pos := s.log.Covered(); pos != 0 {
		none := &stream.NoSnapshotError{First: s.log.First()}
		s.o.Notify(none.Covered(s.o.Lang, pos), s.o.Lang.Say("a new snapshot is taken as soon as something is recorded", "se hace una instantánea nueva en cuanto se registra algo"))
	}
	d := s.log.Durability()
	if d.Embedded && d.Synced {
		return nil
	}
	for _, line := range d.Verified(s.o.Lang) {
		s.o.Verified(line)
	}
	for _, line := range d.Unverified(s.o.Lang) {
		s.o.Notify(line, "")
	}
	return nil
}

// openViews restores the views, compares them with the log, and replays.
func (s *Server) openViews(ctx context.Context) error {
	s.registry = registry.New()
	s.book = access.NewBook()
	s.twin = twin.New(twin.Options{
		Log: s.log, Stamp: s.clock.Stamp, Logger: s.o.Logger,
		// Whether a board may be told something now that the log does not say yet. On
		// an external log that may be another gateway's doing.
		Connected: func(d vaiven.Device) bool { return s.o.NATS != "" || s.gateway.Connected(d) },
	})
	if err := s.openCSV(); err != nil {
		return s.explain.Views(err)
	}
	if err := s.openHistory(); err != nil {
		return s.explain.History(HistoryDir(s.o.Data), err)
	}
	last, err := s.log.Last(ctx)
	if err != nil {
		return s.explain.Log(err)
	}
	s.o.Progress(0, last)
	all := []views.View{s.csv, s.registry, s.twin, s.book}
	if s.sheet != nil {
		all = append(all, s.sheet)
	}
	if s.history != nil {
		all = append(all, s.history)
	}
	s.pump, err = views.Open(ctx, views.Options{
		Source: s.log, Views: all, Dir: s.o.Data, Logger: s.o.Logger, StopTimeout: stopTimeout,
		Retention: s.retention(), Notify: s.notifyView, Progress: s.o.Progress,
	})
	if err != nil {
		return s.explain.Views(err)
	}
	s.replayed, _ = s.pump.Position()
	return nil
}

// logShare is the part of the disk that the log may take by itself, and trimGrace how
// long a node that just begins on an external log may take to read what is behind a
// snapshot.
const (
	logShare  = 3
	trimGrace = 10 * time.Minute
)

func (s *Server) retention() views.Retention {
	r := views.Retention{Age: s.o.KeepLog, Size: s.o.KeepLogSize}
	if s.o.NATS != "" { // its disk is not known
		r.Grace = cmp.Or(s.o.TrimGrace, trimGrace)
		return r
	}
	if _, disk, err := stream.DiskSpace(s.o.Data); err == nil {
		r.Size, r.Bytes = cmp.Or(r.Size, disk/logShare), disk/64
	}
	return r
}

// makeRoom is asked by the log when the disk is full.
func (s *Server) makeRoom(ctx context.Context) bool { return s.pump != nil && s.pump.MakeRoom(ctx) }

// notifyView tells what the views found at the start. That a CSV which was just set
// aside does not match the checkpoint has been said by the CSV itself.
func (s *Server) notifyView(n views.Notice) {
	if again, ok := n.(*views.ReplayNotice); ok && s.csvAside && strings.HasPrefix(again.View, s.csv.Name()) {
		return
	}
	s.o.Notify(n.Text(s.o.Lang), "")
}

// openCSV opens the exact file, and beside it the one in a spreadsheet's dialect:
// once that was begun it is kept complete, also by a start that does not ask for it.
func (s *Server) openCSV() (err error) {
	o := csvfile.Options{
		Path: s.o.CSVPath(), Log: s.log.ID(), Owner: s.o.Owner(),
		Columns: s.o.CSVColumns, Zone: s.o.CSVZone, Digits: s.o.CSVDigits, Rotate: s.o.CSVRotate,
		Notify: func(n csvfile.Notice) {
			s.csvAside = s.csvAside || n.Aside != ""
			s.o.Notify(n.Text(s.o.Lang), "")
		},
	}
	if s.csv, err = csvfile.Open(o); err != nil {
		return err
	}
	if s.o.CSVDialect == "" && !s.o.HasSheet() {
		return nil
	}
	o.Path, o.Dialect = s.o.SheetPath(), cmp.Or(s.o.CSVDialect, csvfile.ExcelES)
	o.Columns, o.Zone, o.Digits = s.csv.Columns(), s.csv.Zone(), s.csv.Digits()
	s.sheet, err = csvfile.Open(o)
	return err
}

// historyShare is the part of the disk that history may take by itself.
const historyShare = 5

func (s *Server) openHistory() (err error) {
	if s.o.NoHistory {
		return nil
	}
	size := s.o.HistorySize
	if _, disk, err := stream.DiskSpace(s.o.Data); err == nil && size == 0 {
		size = disk / historyShare
	}
	s.history, err = history.Open(history.Options{
		Dir: HistoryDir(s.o.Data), Log: s.log.ID(), Keep: s.o.KeepHistory, MaxBytes: size, Logger: s.o.Logger,
		Notify: func(n history.Notice) { s.o.Notify(n.Text(s.o.Lang), n.Hint(s.o.Lang)) },
	})
	return err
}

// openStore prepares what is asked of the history as of a Prometheus, and what is sent
// on to one.
func (s *Server) openStore() (err error) {
	if s.history != nil {
		s.queries = promapi.New(promapi.Options{
			Queryable: s.history.Queryable(), Version: s.o.Version, Help: vaiven.MetricHelp, Logger: s.o.Logger,
		})
	}
	if s.o.RemoteWrite == "" {
		return nil
	}
	s.sender, err = remotewrite.Open(remotewrite.Options{
		Source: past{s}, URL: s.o.RemoteWrite, Dir: s.o.Data, Log: s.log.ID(), Version: s.o.Version,
		Lang: s.o.Lang, Notify: s.o.Notify, Logger: s.o.Logger,
	})
	if err != nil {
		return s.explain.Folder(s.o.Data, err)
	}
	return nil
}

func (s *Server) openGateway() {
	rules := vaiven.DefaultRules()
	for _, name := range s.o.states() {
		rules.States[name] = true
	}
	s.gateway = gateway.New(gateway.Options{
		Log: s.log, Settled: s.pump, Sessions: s.registry, Access: s.access, Twins: s.twin, Rules: rules, Lang: s.o.Lang, LedText: s.o.LEDText,
		Limit:          gateway.Limit{Readings: s.o.Readings, For: s.o.For, Interval: s.o.Interval, Rate: s.o.Rate},
		Columns:        s.csv.Columns(),
		MaxConnections: s.o.MaxConnections, MaxMessage: s.o.MaxMessage, MaxDevices: s.o.MaxDevices, MaxUnproven: s.o.MaxUnproven, MaxPerAddress: s.o.MaxPerAddress,
		TrustedProxies: s.o.TrustedProxies,
		Bounds:         s.bounds(), Devices: knownDevices{s},
		Stamp: s.clock.Stamp, Logger: s.o.Logger, Waiting: s.tellWaiting,
		Heard: func(d vaiven.Device) (vaiven.Boot, string) {
			info, _ := s.registry.Device(d)
			return info.Boot, info.Remote
		},
		Notice: func(n gateway.Notice) {
			text := fmt.Sprintf("%s  (%s)", n.Text, n.Remote)
			if n.Device != "" {
				text = string(n.Device) + "  " + text
			}
			s.o.Notify(text, "")
		},
	})
	var open []vaiven.Session
	for _, d := range s.registry.List() {
		if d.Session != nil && !d.Session.Ended {
			open = append(open, *d.Session)
		}
	}
	s.gateway.Restore(open)
	s.unwatch = append(s.unwatch, s.twin.Watch(s.gateway.Deliver))
	s.access.Watch(s.gateway.AccessChanged)
}

// Close gives everything back, and logs what cannot be. Run has returned before it,
// or was never called. Safe twice.
func (s *Server) Close() {
	s.end()
	for _, l := range s.listeners {
		_ = l.Close() // closed already by the end of Run
	}
	for _, stop := range s.unwatch {
		stop()
	}
	s.certs.Close()
	give := func(level slog.Level, text string, what io.Closer) {
		if err := what.Close(); err != nil {
			s.o.Logger.Log(context.Background(), level, text, "err", err)
		}
	}
	// What was never opened is nil. The views let go before the log that they read.
	if s.panel != nil {
		give(slog.LevelWarn, "lines not given back", s.panel)
	}
	if s.pump != nil {
		give(slog.LevelError, "checkpoint not written", s.pump)
	}
	if s.csv != nil {
		give(slog.LevelError, "csv not closed", s.csv)
	}
	if s.sheet != nil {
		give(slog.LevelError, "spreadsheet's csv not closed", s.sheet)
	}
	if s.history != nil {
		give(slog.LevelError, "history not closed", s.history)
	}
	if s.log != nil {
		give(slog.LevelError, "log not closed", s.log)
	}
}

// Follow shows v everything that happens from now on, as the pump's views are shown
// it; the returned function ends that. See [views.Pump.Follow].
func (s *Server) Follow(v views.View) (stop func()) { return s.pump.Follow(v) }

// Replayed is the log's last record when the server was opened: what a follower is
// shown is new behind it.
func (s *Server) Replayed() uint64 { return s.replayed }

// Devices returns what the log says of each board, in the order of their ids.
func (s *Server) Devices() []vaiven.DeviceInfo { return s.registry.List() }

// Summary returns a board's last session in numbers; false when it had none.
func (s *Server) Summary(d vaiven.Device) (vaiven.Summary, bool) { return s.registry.Summary(d) }

// State returns what a board's states ought to be and are; false when the log says
// nothing of them.
func (s *Server) State(d vaiven.Device) (vaiven.DeviceState, bool) { return s.twin.State(d) }

// States are the names of states that every board has here.
func (s *Server) States() []string { return s.o.states() }

// Zone is the time zone of the CSV's TIMEFLAG: an IANA name, or csvfile.Recorded.
func (s *Server) Zone() string { return s.csv.Zone() }

// CSVPaths are the CSV file's path and, if one is kept, the spreadsheet's.
func (s *Server) CSVPaths() []string {
	if s.sheet != nil {
		return []string{s.o.CSVPath(), s.o.SheetPath()}
	}
	return []string{s.o.CSVPath()}
}

// CSVDialect is that of the spreadsheet's CSV file, "" when none is kept.
func (s *Server) CSVDialect() string {
	if s.sheet != nil {
		return s.sheet.Dialect()
	}
	return ""
}

// Stamp is the time as the server's events carry it.
func (s *Server) Stamp() vaiven.Stamp { return s.clock.Stamp() }
