package vaiven

import "time"

// Settled is what has become of the SEQs of one boot, as far as the log that was
// read says.
type Settled struct {
	Known bool   // the log names this boot, and it is among the device's last 32
	Top   uint64 // every SEQ up to here is stored, refused for good, or a gap
	Max   uint64 // the highest SEQ that is any of these; above Top when there are holes
	Has   uint64 // the highest SEQ that the board has sent: stored, or refused for good

	Taken int64         // when the newest reading was taken, Unix ms UTC; 0: unknown
	Every time.Duration // between its readings, as a rule: MaxEvery at most, 0: not known yet
}

const (
	// MaxEvery bounds Settled.Every, and stands for it while that is not known: how
	// fast a board can be matters for what it can have taken meanwhile, and none is
	// counted as slower than this.
	MaxEvery = time.Second
	// MaxGap is how many readings a board can have taken and given up at most.
	MaxGap = 1 << 20
	// spareGap is how many more readings a board may have taken than its pace
	// says: boards that measure when something happens do so in bursts.
	spareGap = 64
)

// Explains returns how many readings a board can have taken within so long,
// generously: twice what its pace says, and some more; MaxGap at most.
func (s *Settled) Explains(within time.Duration) uint64 {
	n := 2*uint64(max(within, 0)/s.every()) + spareGap
	return min(n, MaxGap)
}

// ExplainedAfter returns in how much time Explains has grown to n.
func (s *Settled) ExplainedAfter(n uint64, within time.Duration) time.Duration {
	if n = min(n, MaxGap); n <= spareGap {
		return 0
	}
	return max(s.every()*time.Duration((n-spareGap+1)/2)-within, 0)
}

func (s *Settled) every() time.Duration {
	if s.Every <= 0 {
		return MaxEvery
	}
	return min(s.Every, MaxEvery)
}
