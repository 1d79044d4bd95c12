package twin

import (
	"fmt"
	"slices"
	"strconv"

	"vaiven"
)

// maxPast is how many changes are remembered beyond Recent by their key and
// outcome alone, so that asking for one again is answered, and changes nothing.
// Together they are more than the log's readers remember: a key that these pass
// over is never waited for in vain.
const maxPast = 32

// past is what is left of an old change. It is small: every device may have many.
type past struct {
	Key   uint64 `json:"k"` // as the number that its digits are
	Rev   uint64 `json:"r,omitempty"`
	Asked int64  `json:"a,omitempty"`
	At    int64  `json:"t,omitempty"` // its end
	How   uint8  `json:"h,omitempty"` // in outcomes
	Why   uint8  `json:"w,omitempty"` // in reasons
}

// The numbers that past writes; none is ever given another meaning.
var (
	outcomes = []vaiven.Outcome{"", vaiven.Confirmed, vaiven.Expired, vaiven.Refused, vaiven.Overtaken}
	reasons  = []string{"", vaiven.RefusedRev, vaiven.RefusedNoUp, vaiven.RefusedStates}
)

// file keeps the least of a change that is no longer recent.
func (d *device) file(e *vaiven.ChangeEnd) {
	key, _ := strconv.ParseUint(string(e.Key), 16, 64) // checked when it was asked
	p := past{Key: key, Rev: e.Rev, Asked: e.Asked, At: e.At}
	p.How = uint8(max(0, slices.Index(outcomes, e.Outcome)))
	p.Why = uint8(max(0, slices.Index(reasons, e.Reason)))
	if len(d.Past) >= maxPast {
		d.Past = slices.Delete(d.Past, 0, len(d.Past)-maxPast+1)
	}
	d.Past = append(d.Past, p)
}

// filed returns how an old change ended, without its states and who asked.
func (d *device) filed(key vaiven.Key) (Life, bool) {
	n, _ := strconv.ParseUint(string(key), 16, 64)
	i := slices.IndexFunc(d.Past, func(p past) bool { return p.Key == n })
	if i < 0 {
		return Life{}, false
	}
	p := &d.Past[i]
	end := vaiven.ChangeEnd{Stamp: vaiven.Stamp{At: p.At}, Device: d.ID, Key: vaiven.Key(fmt.Sprintf("%016x", p.Key)), Rev: p.Rev, Asked: p.Asked}
	if int(p.How) < len(outcomes) {
		end.Outcome = outcomes[p.How]
	}
	if int(p.Why) < len(reasons) {
		end.Reason = reasons[p.Why]
	}
	return Life{End: end}, true
}
