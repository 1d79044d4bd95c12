package live

import (
	"context"
	"net/http"
	"strconv"

	"vaiven"
)

// pollBytes bounds the JSON of one answer.
const pollBytes = 256 << 10

// poll answers one long poll: at once when there is something, otherwise when
// there is, or after the wait with an empty list.
func (fo *follower) poll(ctx context.Context, w http.ResponseWriter, p *pen) {
	f, b := fo.feed, takeBatch()
	defer b.release()
	next, err := f.Next(ctx, fo.cursor, &fo.Filter, Max{fo.Limit, pollBytes}, fo.Wait, b)
	why := Left
	if err != nil {
		why = f.reason(err)
	}
	switch {
	case why == Shutdown:
		w.Header().Set("Connection", "close")
	case err != nil:
		f.counts.ended[why].Add(1)
		fo.unread(w, why)
		return
	}
	body := appendPoll(make([]byte, 0, len(b.buf)+len(b.Events)+64), b, next)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if err = p.write(w, body); err == nil {
		err = p.flush()
	}
	if err = gone(ctx, err); err != nil {
		f.counts.ended[f.reason(err)].Add(1)
		return
	}
	f.counts.sentBatch(Poll, b)
}

// unread answers a poll that found nothing because the log could not be read.
func (fo *follower) unread(w http.ResponseWriter, why Reason) {
	l := fo.feed.o.Lang
	switch why {
	case Busy:
		w.Header().Set("Retry-After", retryAfter)
		problem(w, http.StatusServiceUnavailable, string(vaiven.CodeBusy), l.Say("too many are reading old events: come again later",
			"demasiados están leyendo eventos viejos: vuelve más tarde"))
	case Failed:
		problem(w, http.StatusInternalServerError, "failed", l.Say("the log cannot be read", "no se puede leer el registro"))
	}
}

func appendPoll(b []byte, batch *Batch, next vaiven.ID) []byte {
	b = append(b, `{"events":[`...)
	for i, e := range batch.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, batch.JSON(e)...)
	}
	b = append(append(b, `],"next":"`...), next.String()...)
	return append(b, '"', '}')
}
