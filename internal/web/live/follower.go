package live

import (
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"vaiven"
	"vaiven/internal/event"
)

// streamMax bounds a batch out of the ring.
var streamMax = Max{Events: 4096, Bytes: 32 << 10}

// errSlow: a follower took nothing for too long.
var errSlow = errors.New("live: follower too slow")

// follower is one request that follows: a place in the log.
type follower struct {
	feed      *Feed
	transport Transport
	event.Query
	cursor  vaiven.ID // up to here everything was written, or held back by the filter
	who     *vaiven.Principal
	checked uint64 // Feed.rechecks when who was asked about last
}

// errRevoked: what a follower showed is not good any more.
var errRevoked = errors.New("live: revoked")

// neverChecked has a follower asked about before its first event: its token may have been
// taken back since it was shown.
const neverChecked = math.MaxUint64

// check reports whether the follower may be shown more.
func (fo *follower) check() error {
	if fo.who.Expires != 0 && fo.who.Expires <= time.Now().UnixMilli() {
		return errRevoked
	}
	if n := fo.feed.rechecks.Load(); n != fo.checked {
		if fo.checked = n; !fo.feed.o.IsGood(*fo.who) {
			return errRevoked
		}
	}
	return nil
}

// eventSink is where a stream of events goes. Its methods block until the peer's
// system has taken what they write, or has not for Options.WriteTimeout.
type eventSink interface {
	events(ctx context.Context, b *Batch) error
	position(ctx context.Context, id vaiven.ID) error
	trimmed(ctx context.Context, first vaiven.ID) error
}

// follow writes events to s until the follower is over, and says why.
func (fo *follower) follow(ctx context.Context, s eventSink) Reason {
	pulse := time.NewTimer(fo.feed.o.Heartbeat)
	defer pulse.Stop()
	if err := s.position(ctx, fo.cursor); err != nil {
		return fo.feed.reasonOf(err)
	}
	if first := fo.feed.o.Trimmed(fo.cursor); first != (vaiven.ID{}) {
		if err := s.trimmed(ctx, first); err != nil {
			return fo.feed.reasonOf(err)
		}
	}
	last, brisk := time.Now(), false
	for {
		n, wake, err := fo.writeBatch(ctx, s)
		if err == nil {
			now := time.Now()
			quiet := now.Sub(last)
			switch {
			case n > 0:
				last, brisk = now, quiet < 2*fo.feed.o.Linger
			case quiet >= fo.feed.o.Heartbeat:
				last, err = now, s.position(ctx, fo.cursor)
			}
		}
		if err == nil && wake != nil {
			err = fo.waitForMore(ctx, wake, pulse, last, brisk)
			brisk = false
		}
		if err != nil {
			return fo.feed.reasonOf(err)
		}
	}
}

// writeBatch writes one batch.
func (fo *follower) writeBatch(ctx context.Context, s eventSink) (n int, wake <-chan struct{}, err error) {
	b := getBatch()
	defer b.release()
	at := fo.cursor
	if wake, err = fo.feed.step(ctx, &at, &fo.Filter, streamMax, b); err == nil {
		err = fo.check()
	}
	if n = len(b.Events); n > 0 && err == nil {
		if err = s.events(ctx, b); err == nil {
			fo.feed.counts.sentBatch(fo.transport, b)
		}
	}
	if err == nil {
		fo.cursor = at
	}
	return n, wake, err
}

// waitForMore waits for more. A brisk follower, one that was written to a moment ago,
// lets some time pass instead, so that it is woken and written to once for
// several records.
func (fo *follower) waitForMore(ctx context.Context, wake <-chan struct{}, pulse *time.Timer, last time.Time, brisk bool) error {
	pause := fo.feed.o.Heartbeat - time.Since(last)
	if brisk {
		pause, wake = fo.feed.o.Linger, nil
	}
	pulse.Reset(pause)
	select {
	case <-wake:
	case <-pulse.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// errGone: the peer is not there any more.
var errGone = errors.New("live: follower gone")

// writeError translates the error of a write.
func writeError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errShutdown):
		return errShutdown
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	}
	return errGone
}

// reasonOf says what an error means for a follower; one of the log ends here.
func (f *Feed) reasonOf(err error) Reason {
	switch {
	case errors.Is(err, errShutdown):
		return Shutdown
	case errors.Is(err, errSlow):
		return TooSlow
	case errors.Is(err, ErrBusy):
		return Busy
	case errors.Is(err, errRevoked):
		return Revoked
	case errors.Is(err, errGone), errors.Is(err, context.Canceled):
		return Left
	}
	f.o.Logger.Error("live feed cannot read the log", "err", err)
	return Failed
}

// format is how an HTTP stream writes things down.
type format interface {
	mime() string
	event(b []byte, e Event, json []byte) []byte
	preamble(b []byte) []byte
	position(b []byte, id vaiven.ID) []byte
	trimmed(b []byte, first vaiven.ID) []byte
	bye(b []byte, why Reason, id vaiven.ID) []byte
}

// sse is the format of Server-Sent Events (WHATWG HTML, section 9.2). A block
// with an id and no data moves the id that a browser resumes after, and is not
// an event.
type sse struct{}

func (sse) mime() string { return "text/event-stream" }

// preamble tells browsers to come again after two seconds.
func (sse) preamble(b []byte) []byte { return append(b, "retry: 2000\n"...) }

func (sse) event(b []byte, e Event, json []byte) []byte {
	b = append(append(b, "id: "...), e.ID.String()...)
	b = append(append(b, "\nevent: "...), e.Kind.String()...)
	b = append(append(b, "\ndata: "...), json...)
	return append(b, "\n\n"...)
}

func (sse) position(b []byte, id vaiven.ID) []byte {
	return append(append(append(b, ": position\nid: "...), id.String()...), "\n\n"...)
}

// trimmed gives no id: a browser resumes behind the last event that it got.
func (sse) trimmed(b []byte, first vaiven.ID) []byte {
	return append(appendTrimmed(append(b, "event: trimmed\ndata: "...), first), "\n\n"...)
}

func (sse) bye(b []byte, why Reason, id vaiven.ID) []byte {
	b = append(append(append(b, "id: "...), id.String()...), "\nevent: bye\ndata: "...)
	return append(appendBye(b, why, id), "\n\n"...)
}

// ndjson is one JSON object per line.
type ndjson struct{}

func (ndjson) mime() string { return "application/x-ndjson" }

func (ndjson) preamble(b []byte) []byte { return b }

func (ndjson) event(b []byte, _ Event, json []byte) []byte { return append(append(b, json...), '\n') }

func (ndjson) position(b []byte, id vaiven.ID) []byte { return append(appendPosition(b, id), '\n') }

func (ndjson) trimmed(b []byte, first vaiven.ID) []byte {
	return append(appendTrimmed(b, first), '\n')
}

func (ndjson) bye(b []byte, why Reason, id vaiven.ID) []byte {
	return append(appendBye(b, why, id), '\n')
}

// pagePool keeps buffers for streams that write.
var pagePool = sync.Pool{New: func() any {
	b := make([]byte, 0, pieceSize+4<<10)
	return &b
}}

// httpStream is an answer that does not end.
type httpStream struct {
	format
	w   http.ResponseWriter
	out *deadlineWriter
}

// stream follows over an HTTP answer.
func (fo *follower) stream(ctx context.Context, w http.ResponseWriter, p *deadlineWriter, as format) {
	h := w.Header()
	h.Set("Content-Type", as.mime())
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would collect what ought to arrive now
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	s := &httpStream{format: as, w: w, out: p}
	why := Left
	if err := p.write(w, as.preamble(nil)); err == nil {
		why = fo.follow(ctx, s)
	}
	if why != Left && why != TooSlow {
		p.shorten()
		if p.write(w, as.bye(nil, why, fo.cursor)) == nil {
			_ = p.flush() // it is over either way
		}
	}
	fo.feed.counts.ended[why].Add(1)
}

func (s *httpStream) events(ctx context.Context, b *Batch) error {
	page := pagePool.Get().(*[]byte)
	defer pagePool.Put(page)
	buf := (*page)[:0]
	for _, e := range b.Events {
		buf = s.event(buf, e, b.JSON(e))
		if len(buf) < pieceSize {
			continue
		}
		if err := s.write(ctx, buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	if cap(buf) <= maxPooled {
		*page = buf
	}
	if err := s.write(ctx, buf); err != nil {
		return err
	}
	return writeError(ctx, s.out.flush())
}

func (s *httpStream) position(ctx context.Context, id vaiven.ID) error {
	if err := s.write(ctx, s.format.position(nil, id)); err != nil {
		return err
	}
	return writeError(ctx, s.out.flush())
}

func (s *httpStream) trimmed(ctx context.Context, first vaiven.ID) error {
	return s.write(ctx, s.format.trimmed(nil, first))
}

func (s *httpStream) write(ctx context.Context, b []byte) error {
	return writeError(ctx, s.out.write(s.w, b))
}

// pollBytes bounds the JSON of one answer.
const pollBytes = 256 << 10

// poll answers one long poll: at once when there is something, otherwise when
// there is, or after the wait with an empty list.
func (fo *follower) poll(ctx context.Context, w http.ResponseWriter, p *deadlineWriter) {
	f, b := fo.feed, getBatch()
	defer b.release()
	next, err := f.Next(ctx, fo.cursor, &fo.Filter, Max{fo.Limit, pollBytes}, fo.Wait, b)
	if err == nil {
		err = fo.check()
	}
	why := Left
	if err != nil {
		why = f.reasonOf(err)
	}
	switch {
	case why == Shutdown:
		w.Header().Set("Connection", "close")
	case err != nil:
		f.counts.ended[why].Add(1)
		fo.refusePoll(w, why)
		return
	}
	body := appendPoll(make([]byte, 0, len(b.buf)+len(b.Events)+96), b, next, f.o.Trimmed(fo.cursor))
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if err = p.write(w, body); err == nil {
		err = p.flush()
	}
	if err = writeError(ctx, err); err != nil {
		f.counts.ended[f.reasonOf(err)].Add(1)
		return
	}
	f.counts.sentBatch(Poll, b)
}

// refusePoll answers a poll that found nothing because the log could not be read.
func (fo *follower) refusePoll(w http.ResponseWriter, why Reason) {
	l := fo.feed.o.Lang
	switch why {
	case Busy:
		w.Header().Set("Retry-After", retryAfter)
		problem(w, http.StatusServiceUnavailable, string(vaiven.CodeBusy), l.Say("too many are reading old events: come again later",
			"demasiados están leyendo eventos viejos: vuelve más tarde"))
	case Revoked:
		w.Header().Set("WWW-Authenticate", `Bearer realm="vaiven", error="invalid_token"`)
		problem(w, http.StatusUnauthorized, string(vaiven.CodeBadToken), l.Say("this token is not good any more", "esta clave ya no vale"))
	case Failed:
		problem(w, http.StatusInternalServerError, "failed", l.Say("the log cannot be read", "no se puede leer el registro"))
	}
}

func appendPoll(b []byte, batch *Batch, next, trimmed vaiven.ID) []byte {
	b = append(b, `{"events":[`...)
	for i, e := range batch.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, batch.JSON(e)...)
	}
	b = append(append(b, `],"next":"`...), next.String()...)
	if trimmed != (vaiven.ID{}) {
		b = append(append(b, `","trimmed":"`...), trimmed.String()...)
	}
	return append(b, '"', '}')
}

// shortTimeout is what a peer is given to take its last bytes when the feed closes.
const shortTimeout = 500 * time.Millisecond

// pieceSize is written with one deadline: a peer that reads slowly, but reads,
// is not dropped.
const pieceSize = 16 << 10

// deadlineWriter writes an HTTP answer, each piece with a deadline of its own.
type deadlineWriter struct {
	to      *http.ResponseController
	timeout time.Duration

	mu        sync.Mutex
	shortened bool
	over      bool
}

// liftDeadlines lifts the deadlines that the request came with. Reading is left without
// one: it is how the server notices that the peer has gone.
func (p *deadlineWriter) liftDeadlines() {
	_ = p.to.SetReadDeadline(time.Time{}) // a connection without deadlines is a test's
	p.setWriteDeadline()
}

// setWriteDeadline gives the next write its time.
func (p *deadlineWriter) setWriteDeadline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.timeout
	if p.shortened {
		d = min(d, shortTimeout)
	}
	_ = p.to.SetWriteDeadline(time.Now().Add(d)) // see liftDeadlines
}

// shorten shortens the time of a write that is under way, and of all to come.
func (p *deadlineWriter) shorten() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shortened = true; !p.over {
		_ = p.to.SetWriteDeadline(time.Now().Add(min(p.timeout, shortTimeout))) // see liftDeadlines
	}
}

// finish: the answer is complete, and the connection is somebody else's now.
func (p *deadlineWriter) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

// write sends b to w in pieces, and leaves the last for flush.
func (p *deadlineWriter) write(w http.ResponseWriter, b []byte) error {
	for len(b) > 0 {
		p.setWriteDeadline()
		n, err := w.Write(b[:min(len(b), pieceSize)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (p *deadlineWriter) flush() error {
	p.setWriteDeadline()
	return p.to.Flush()
}
