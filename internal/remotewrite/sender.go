package remotewrite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// Source is the log, with repeats left out.
type Source interface {
	// Bounds returns the ids of the oldest event and of the newest; both are zero for
	// an empty log.
	Bounds() (first, last vaiven.ID)
	// History hands the events behind after to fn, in log order, up to the newest at
	// the time of the call. It ends with fn's first error, which it returns.
	History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error
}

// Options configure Open. Source, URL, Dir and Log are required.
type Options struct {
	Source  Source
	URL     string // where batches are posted; a name and a password in it are sent as such
	Dir     string // data folder, for the position
	Log     string // the log's id: a position in another log is none in this one
	Version string // of the program, as the store is told

	Every time.Duration // how often the log is looked at for more; default 5 s
	// Retry is the first pause after a failure; it doubles up to RetryMax. Defaults 1 s
	// and 1 minute.
	Retry, RetryMax time.Duration
	Timeout         time.Duration // of one request; default 30 s

	Lang vaiven.Lang
	// Notify tells a person what is wrong or right again, with what to try. Default:
	// nothing is told.
	Notify func(text, hint string)
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Every = cmp.Or(o.Every, 5*time.Second)
	o.Retry, o.RetryMax = cmp.Or(o.Retry, time.Second), cmp.Or(o.RetryMax, time.Minute)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	if o.Notify == nil {
		o.Notify = func(string, string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Stats count samples and requests since the start.
type Stats struct {
	Sent     atomic.Uint64 // samples that the store took
	Dropped  atomic.Uint64 // samples that it refused
	Failures atomic.Uint64 // requests that were to be sent again
	Trimmed  atomic.Uint64 // records that left the log before they were sent
}

// Sender sends one log to one store. Make it with Open.
type Sender struct {
	o      Options
	url    *url.URL
	host   string // of the URL, for people
	path   string // of the position's file
	client *http.Client
	stats  Stats

	mu      sync.Mutex
	pos     vaiven.ID // the store has, or has refused, everything up to here
	trouble error     // of the request that is tried again, nil: none

	// Of Run's goroutine.
	saved   vaiven.ID
	savedAt time.Time
	unsaved int // events since
	toldAt  time.Time
}

// Open reads the position, and starts nothing. The error tells what is wrong with the
// URL, or with the file.
func Open(o Options) (*Sender, error) {
	o = o.withDefaults()
	u, err := ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	s := &Sender{o: o, url: u, host: u.Host, path: filepath.Join(o.Dir, FileName)}
	s.client = &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if s.pos, err = s.load(); err != nil {
		return nil, err
	}
	s.saved = s.pos
	if _, last := o.Source.Bounds(); last.Before(s.pos) {
		s.pos = last // the log is an older copy of itself, which the store has
	}
	return s, nil
}

// ParseURL reads the address of a store.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("not an address") // url's error would show a password
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("want http:// or https:// and a host")
	}
	return u, nil
}

// Stats returns the counts, which go on.
func (s *Sender) Stats() *Stats { return &s.stats }

// Lag is how many records of the log the store lacks.
func (s *Sender) Lag() uint64 {
	pos := s.position()
	if _, last := s.o.Source.Bounds(); last.Record > pos.Record {
		return last.Record - pos.Record
	}
	return 0
}

// Trouble is why nothing is sent now, nil when nothing is in the way.
func (s *Sender) Trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// lastTimeout is how long what came last may take when Run ends.
const lastTimeout = 3 * time.Second

// Run sends until ctx is done, and then what came last, to a store that takes it. It
// returns nil.
func (s *Sender) Run(ctx context.Context) error {
	defer s.client.CloseIdleConnections()
	defer s.save() // what was sent since the last time; if that fails it is sent again
	tick := time.NewTicker(s.o.Every)
	defer tick.Stop()
	for {
		if err := s.sendAll(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Warn("log not read for remote-write", "err", err) // the log says so itself; tried again below
		}
		select {
		case <-ctx.Done():
			s.sendLast()
			return nil
		case <-tick.C:
		}
	}
}

// sendLast is for a run of minutes, whose folder no server opens again.
func (s *Sender) sendLast() {
	if s.Trouble() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastTimeout)
	defer cancel()
	if err := s.sendAll(ctx); err != nil {
		s.o.Logger.Info("remote-write goes on at the next start", "err", err)
	}
}

// Bounds of a batch.
const (
	maxEvents  = 500
	maxSamples = 2000
)

// batch is a stretch of the log: the samples, and behind which of them each event
// ends.
type batch struct {
	samples []vaiven.Sample
	ends    []int
	last    vaiven.ID
}

func (b *batch) add(e vaiven.Entry) {
	b.last = e.ID
	n := len(b.samples)
	if b.samples = vaiven.AppendSamples(b.samples, e.Event); len(b.samples) > n {
		b.ends = append(b.ends, len(b.samples))
	}
}

func (b *batch) full() bool { return len(b.ends) >= maxEvents || len(b.samples) >= maxSamples }

var errFull = errors.New("batch is full")

// sendAll sends what there is. The error is that of reading the log, or ctx's.
func (s *Sender) sendAll(ctx context.Context) error {
	for {
		first, last := s.o.Source.Bounds()
		s.skipTrimmed(first)
		after := s.position()
		if !after.Before(last) {
			return nil
		}
		b := &batch{}
		err := s.o.Source.History(ctx, after, func(e vaiven.Entry) error {
			if b.add(e); b.full() {
				return errFull
			}
			return nil
		})
		switch {
		case err == nil && b.last.Before(last):
			b.last = last // behind it stood repeats, or nothing
		case err != nil && !errors.Is(err, errFull):
			return err
		}
		if err := s.deliver(ctx, b.samples, b.ends); err != nil {
			return err
		}
		s.advance(b)
	}
}

func (s *Sender) position() vaiven.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pos
}

func (s *Sender) moveTo(pos vaiven.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pos = pos
}

// skipTrimmed moves the position to the log's first event where that is behind it, and
// says so.
func (s *Sender) skipTrimmed(first vaiven.ID) {
	pos := s.position()
	if pos == (vaiven.ID{}) || first.Record <= pos.Record+1 {
		return
	}
	n := first.Record - pos.Record - 1
	s.stats.Trimmed.Add(n)
	s.moveTo(vaiven.ID{Record: first.Record - 1, Index: math.MaxUint32})
	s.o.Notify(fmt.Sprintf(s.o.Lang.Say("%d records were trimmed from the log before %s had them: it will not get them",
		"se eliminaron del registro %d entradas antes de que %s las tuviera: no las recibirá"), n, s.host),
		s.o.Lang.Say("a log that is kept longer bridges longer outages", "un registro que se guarda más tiempo salva cortes más largos"))
}

// deliver sends samples until the store has taken them or refused them for good. ends
// tell where they may be split. The error is ctx's.
func (s *Sender) deliver(ctx context.Context, samples []vaiven.Sample, ends []int) error {
	if len(samples) == 0 {
		return nil
	}
	err := s.insist(ctx, samples)
	var refused *refusedError
	switch {
	case err == nil:
		s.stats.Sent.Add(uint64(len(samples)))
		return nil
	case !errors.As(err, &refused):
		return err
	case len(ends) == 1:
		s.drop(len(samples), refused)
		return nil
	}
	// Something in it is refused. The earlier half goes first: a store may want the
	// times of a series in order.
	half := len(ends) / 2
	cut, later := ends[half-1], make([]int, 0, len(ends)-half)
	for _, end := range ends[half:] {
		later = append(later, end-cut)
	}
	if err := s.deliver(ctx, samples[:cut], ends[:half]); err != nil {
		return err
	}
	return s.deliver(ctx, samples[cut:], later)
}

// insist posts until there is an answer that counts: nil, a *refusedError, or ctx's
// error.
func (s *Sender) insist(ctx context.Context, samples []vaiven.Sample) error {
	pause := s.o.Retry
	for {
		err := s.post(ctx, samples)
		var later *laterError
		if !errors.As(err, &later) {
			s.recovered()
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.failed(later)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(pause, later.after)):
		}
		pause = min(2*pause, s.o.RetryMax)
	}
}

// remindEvery is how often the same trouble is said.
const remindEvery = 5 * time.Minute

// failed keeps, and tells now and then, why a request is to be sent again.
func (s *Sender) failed(err *laterError) {
	s.stats.Failures.Add(1)
	s.mu.Lock()
	first := s.trouble == nil
	s.trouble = err
	s.mu.Unlock()
	if !first && time.Since(s.toldAt) < remindEvery {
		return
	}
	s.toldAt = time.Now()
	s.o.Notify(fmt.Sprintf(s.o.Lang.Say("%s does not take readings: %v", "%s no recibe las lecturas: %v"), s.host, err),
		s.waitHint(err.status))
}

// waitHint says what becomes of the readings, and what to look at.
func (s *Sender) waitHint(status int) string {
	hint := s.o.Lang.Say("they wait in the log, and are sent when it does (--remote-write)",
		"esperan en el registro, y se envían cuando las reciba (--remote-write)")
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		hint += s.o.Lang.Say(": are the name and password in its URL right?", ": ¿son correctos el usuario y la contraseña de su URL?")
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		hint += s.o.Lang.Say(": is the path of its URL right, and does the store receive?", ": ¿es correcta la ruta de su URL, y recibe ese almacén?")
	}
	return hint
}

func (s *Sender) recovered() {
	s.mu.Lock()
	was := s.trouble
	s.trouble = nil
	s.mu.Unlock()
	if was != nil {
		s.o.Notify(fmt.Sprintf(s.o.Lang.Say("%s takes readings again", "%s vuelve a recibir las lecturas"), s.host), "")
	}
}

// drop counts, and tells now and then, what is not sent again.
func (s *Sender) drop(samples int, err *refusedError) {
	total := s.stats.Dropped.Add(uint64(samples))
	s.o.Logger.Debug("samples refused", "samples", samples, "status", err.status, "err", err.text)
	if total != uint64(samples) && time.Since(s.toldAt) < remindEvery {
		return
	}
	s.toldAt = time.Now()
	s.o.Notify(fmt.Sprintf(s.o.Lang.Say("%s refused values, which are not sent again (%d so far): %v",
		"%s rechazó valores, que no se envían otra vez (%d hasta ahora): %v"), s.host, total, err),
		s.o.Lang.Say("they are still in vaiven's log; 400: the store wants newer values only",
			"siguen en el registro de vaiven; 400: ese almacén solo quiere valores más recientes"))
}

// How much may be sent again after a crash.
const (
	saveEvery  = 30 * time.Second
	saveEvents = 2000
)

// advance moves the position behind a batch, and writes it now and then: it is read
// after a start only, and an SD card has only so many writes.
func (s *Sender) advance(b *batch) {
	s.moveTo(b.last)
	s.unsaved += len(b.ends)
	if s.unsaved >= saveEvents || time.Since(s.savedAt) >= saveEvery {
		s.save()
	}
}
