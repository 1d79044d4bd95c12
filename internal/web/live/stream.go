package live

import (
	"context"
	"net/http"
	"sync"

	"vaiven"
)

// format is how an HTTP stream writes things down.
type format interface {
	mime() string
	event(b []byte, e Event, json []byte) []byte
	begin(b []byte) []byte
	position(b []byte, id vaiven.ID) []byte
	bye(b []byte, why Reason, id vaiven.ID) []byte
}

// sse is the format of Server-Sent Events (WHATWG HTML, section 9.2). A block
// with an id and no data moves the id that a browser resumes after, and is not
// an event.
type sse struct{}

func (sse) mime() string { return "text/event-stream" }

// begin tells browsers to come again after two seconds.
func (sse) begin(b []byte) []byte { return append(b, "retry: 2000\n"...) }

func (sse) event(b []byte, e Event, json []byte) []byte {
	b = append(append(b, "id: "...), e.ID.String()...)
	b = append(append(b, "\nevent: "...), e.Kind.String()...)
	b = append(append(b, "\ndata: "...), json...)
	return append(b, "\n\n"...)
}

func (sse) position(b []byte, id vaiven.ID) []byte {
	return append(append(append(b, ": position\nid: "...), id.String()...), "\n\n"...)
}

func (sse) bye(b []byte, why Reason, id vaiven.ID) []byte {
	b = append(append(append(b, "id: "...), id.String()...), "\nevent: bye\ndata: "...)
	return append(appendBye(b, why, id), "\n\n"...)
}

// ndjson is one JSON object per line.
type ndjson struct{}

func (ndjson) mime() string { return "application/x-ndjson" }

func (ndjson) begin(b []byte) []byte { return b }

func (ndjson) event(b []byte, _ Event, json []byte) []byte { return append(append(b, json...), '\n') }

func (ndjson) position(b []byte, id vaiven.ID) []byte { return append(appendPosition(b, id), '\n') }

func (ndjson) bye(b []byte, why Reason, id vaiven.ID) []byte {
	return append(appendBye(b, why, id), '\n')
}

// pages are buffers of streams that write.
var pages = sync.Pool{New: func() any {
	b := make([]byte, 0, pieceSize+4<<10)
	return &b
}}

// httpStream is an answer that does not end.
type httpStream struct {
	format
	w   http.ResponseWriter
	pen *pen
}

// stream follows over an HTTP answer.
func (fo *follower) stream(ctx context.Context, w http.ResponseWriter, p *pen, as format) {
	h := w.Header()
	h.Set("Content-Type", as.mime())
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would collect what ought to arrive now
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	s := &httpStream{format: as, w: w, pen: p}
	why := Left
	if err := p.write(w, as.begin(nil)); err == nil {
		why = fo.follow(ctx, s)
	}
	if why != Left && why != TooSlow {
		p.hurry()
		if p.write(w, as.bye(nil, why, fo.cursor)) == nil {
			_ = p.flush() // it is over either way
		}
	}
	fo.feed.counts.ended[why].Add(1)
}

func (s *httpStream) events(ctx context.Context, b *Batch) error {
	page := pages.Get().(*[]byte)
	defer pages.Put(page)
	buf := (*page)[:0]
	for _, e := range b.Events {
		buf = s.event(buf, e, b.JSON(e))
		if len(buf) < pieceSize {
			continue
		}
		if err := s.put(ctx, buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	if cap(buf) <= maxPooled {
		*page = buf
	}
	if err := s.put(ctx, buf); err != nil {
		return err
	}
	return gone(ctx, s.pen.flush())
}

func (s *httpStream) position(ctx context.Context, id vaiven.ID) error {
	if err := s.put(ctx, s.format.position(nil, id)); err != nil {
		return err
	}
	return gone(ctx, s.pen.flush())
}

func (s *httpStream) put(ctx context.Context, b []byte) error { return gone(ctx, s.pen.write(s.w, b)) }
