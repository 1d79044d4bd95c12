package wire

import (
	"bytes"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"vaiven"
)

// reader is the memory that decoding one message needs. Readers are shared by
// all Decoders, so that an idle connection holds none.
type reader struct {
	yield func(*Item)
	el    element

	dec jsontext.Decoder
	buf bytes.Buffer // what dec reads: the message itself, never written to

	arena []byte // keys in upper case, unescaped texts
	relax relaxed
	loose bool // dec reads relax.out instead of the message
}

// readers keeps scratch memory between messages; it holds no state.
var readers = sync.Pool{New: func() any { return new(reader) }}

// maxArena is the scratch memory that is kept for the next message.
const maxArena = 16 << 10

func (r *reader) begin(d *Decoder, yield func(*Item)) {
	r.yield = yield
	r.el.d = d
	r.el.r = r
	r.loose = false
}

// release lets go of the message and of whoever waits for its items.
func (r *reader) release() {
	r.yield = nil
	r.el.release()
	r.buf = bytes.Buffer{}
	r.relax.nans = r.relax.nans[:0]
	if cap(r.arena) > maxArena {
		r.arena = nil
	}
	if cap(r.relax.out) > maxArena {
		r.relax = relaxed{}
	}
	readers.Put(r)
}

// refuse yields one Invalid item for the message as a whole.
func (r *reader) refuse(e *vaiven.Error) {
	r.el.item = Item{
		Kind: Invalid, Device: e.Device, Boot: e.Boot, Seq: e.Seq,
		Age: AgeAbsent, Up: -1, Err: e,
	}
	r.yield(&r.el.item)
}
