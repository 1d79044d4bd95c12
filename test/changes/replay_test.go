//go:build suites && linux

package changes

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/stream"
	"vaiven/internal/twin"
	"vaiven/internal/views/verify"
)

// tape is a view of the log that keeps the events that the check is about, in
// the form in which the API tells them.
type tape struct{ events []event }

func (t *tape) Name() string              { return "tape" }
func (t *tape) Snapshot() ([]byte, error) { return nil, nil }

func (t *tape) Apply(_ uint64, entries []vaiven.Entry) error {
	for _, en := range entries {
		if e, ok := told(en); ok {
			t.events = append(t.events, e)
		}
	}
	return nil
}

// told is an entry of the log as the API would tell it.
func told(en vaiven.Entry) (event, bool) {
	out := event{ID: en.ID.String(), At: time.UnixMilli(en.Event.Time().At), Device: string(en.Event.Of())}
	switch e := en.Event.(type) {
	case *vaiven.Report:
		out.Kind, out.Boot, out.Rev, out.States = "report", string(e.Boot), e.Rev, valuesOf(e.States)
	case *vaiven.Hello:
		out.Kind, out.Boot, out.Rev, out.States = "hello", string(e.Boot), e.Rev, valuesOf(e.States)
	case *vaiven.Change:
		out.Kind, out.Key, out.States, out.Toggle, out.By = "change", string(e.Key), valuesOf(e.States), e.Toggle, e.By
		if e.Deadline != 0 {
			out.Deadline = time.UnixMilli(e.Deadline)
		}
		if e.HasIf {
			out.If = &e.If
		}
	case *vaiven.Sent:
		out.Kind, out.Key, out.Rev = "sent", string(e.Key), e.Rev
	case *vaiven.ChangeEnd:
		out.Kind, out.Key, out.Rev, out.States, out.By = "change_end", string(e.Key), e.Rev, valuesOf(e.States), e.By
		out.Outcome, out.Reason = string(e.Outcome), e.Reason
	default:
		return out, false
	}
	return out, true
}

// same requires that two ways of telling the log tell the same, as far as the
// second goes.
func same(t *testing.T, who string, got, want []event) {
	t.Helper()
	for i := range want {
		if i >= len(got) || !got[i].is(&want[i]) {
			t.Errorf("%s: %d events, %d in the log; the first that differs is %d: %+v", who, len(got), len(want), i, want[i])
			return
		}
	}
}

func (e *event) is(o *event) bool {
	return e.ID == o.ID && e.Kind == o.Kind && e.At.Equal(o.At) && e.Device == o.Device && e.Key == o.Key &&
		equal(e.States, o.States) && slices.Equal(e.Toggle, o.Toggle) && e.By == o.By && e.deadline() == o.deadline() &&
		(e.If == nil) == (o.If == nil) && (e.If == nil || *e.If == *o.If) && e.Rev == o.Rev &&
		e.Outcome == o.Outcome && e.Reason == o.Reason && e.Boot == o.Boot
}

// replay reads the log of a server that has ended, as another node would, and
// requires that it says what the API said.
func (w *world) replay(h *history) {
	t := w.t
	t.Helper()
	log, err := stream.Open(t.Context(), stream.Options{Dir: filepath.Join(w.server.Data, "log"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	kept, anew := &tape{}, twin.New(twin.Options{})
	if _, err := verify.Replay(t.Context(), log, kept, anew); err != nil {
		t.Fatal(err)
	}
	same(t, "replay", kept.events, h.events)
	for device, now := range h.now {
		s, ok := anew.State(vaiven.Device(device))
		if d := s.Desired(); !ok || d.Rev != now.rev || len(d.Open) != now.open || !equal(valuesOf(d.States), now.desired) {
			t.Errorf("device %s: the log's twin says %+v, the API %+v", device, d, now)
		}
	}
}
