package history

import (
	"fmt"
	"slices"
	"strings"

	"vaiven"
)

// Missed is a stretch that the history lacks: the log was trimmed of it before the
// history had it. That is so of one that was put back from long ago, or was begun late.
type Missed struct {
	First uint64 `json:"first,omitempty"` // record of the log; 0 with Last: of an earlier log
	Last  uint64 `json:"last,omitempty"`
	From  int64  `json:"from,omitempty"` // reception, Unix ms; 0: since the beginning
	To    int64  `json:"to,omitempty"`   // 0: until now
}

// maxMissed bounds the manifest's list.
const maxMissed = 16

// Missed implements [vaiven/internal/views.Gapped]: it is told to a person, and the
// manifest has it as soon as Kept is beyond it.
func (h *History) Missed(first, last uint64, at int64) {
	h.mu.Lock()
	gap := Missed{first, last, h.saved.Newest, at}
	h.missed = addMissed(h.saved.Missed, gap)
	h.mu.Unlock()
	h.o.Logger.Warn("history lacks what the log does not have any more", "first", first, "last", last, "from", gap.From, "to", gap.To)
	h.o.Notify(Notice{Kind: MissedRecords, Path: h.o.Dir, Missed: gap})
}

// addMissed makes one of the two oldest when there are too many.
func addMissed(list []Missed, gap Missed) []Missed {
	list = append(slices.Clone(list), gap)
	if len(list) > maxMissed {
		list[1].First, list[1].From = list[0].First, list[0].From
		list = list[1:]
	}
	return list
}

// Text says what is missing.
func (m Missed) Text(l vaiven.Lang) string {
	text := ""
	switch {
	case m.From == 0 && m.To == 0:
		text = l.Say("all that came so far", "todo lo que llegó hasta ahora")
	case m.From == 0:
		text = fmt.Sprintf(l.Say("what came before %s", "lo que llegó antes de %s"), moment(m.To))
	case m.To == 0:
		text = fmt.Sprintf(l.Say("what came after %s", "lo que llegó después de %s"), moment(m.From))
	default:
		text = fmt.Sprintf(l.Say("what came from %s to %s", "lo que llegó de %s a %s"), moment(m.From), moment(m.To))
	}
	if m.Last > 0 {
		text += fmt.Sprintf(l.Say(" (the log's records %d to %d)", " (entradas %d a %d del registro)"), m.First, m.Last)
	}
	return text
}

// missedText lists what is missing, "" for nothing.
func missedText(list []Missed, l vaiven.Lang) string {
	texts := make([]string, 0, len(list))
	for _, m := range list {
		texts = append(texts, m.Text(l))
	}
	return strings.Join(texts, l.Say(" and ", " y "))
}
