package client

import (
	"encoding/binary"
	"io"
	"time"
)

// Backoff is how long to wait before the next connection: a random time
// between nothing and a ceiling that begins at Min and doubles with each
// failure up to Max ("full jitter"), so that a thousand boards that lost the
// same server do not come back in the same moment. Only a WELCOME takes the
// ceiling back to Min: a server that accepts connections and drops them must
// not be hammered.
type Backoff struct {
	Min time.Duration // default 1 s
	Max time.Duration // default 60 s
}

func (b Backoff) withDefaults() Backoff {
	if b.Min <= 0 {
		b.Min = time.Second
	}
	if b.Max <= 0 {
		b.Max = 60 * time.Second
	}
	b.Max = max(b.Max, b.Min)
	return b
}

// pause counts the failures in a row and draws the waits.
type pause struct {
	Backoff
	ceiling time.Duration // of the next wait; 0: Min
	rand    io.Reader
}

func (p *pause) reset() { p.ceiling = 0 }

// longest makes the next wait one of the longest: for refusals that coming
// back soon cannot cure, such as a wrong token.
func (p *pause) longest() { p.ceiling = p.Max }

func (p *pause) next() time.Duration {
	c := max(p.ceiling, p.Min)
	p.ceiling = min(2*c, p.Max)
	return time.Duration(p.fraction() * float64(c))
}

// fraction draws from 0 to 1. Without randomness it is one half, since waiting
// in step with other boards is better than not waiting.
func (p *pause) fraction() float64 {
	var b [8]byte
	if _, err := io.ReadFull(p.rand, b[:]); err != nil {
		return 0.5
	}
	return float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
}
