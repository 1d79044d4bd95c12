package stream

import (
	"math/bits"

	"vaiven"
)

// eventKinds is docs/log.proto for this program: the fields of every kind of event,
// each named once, in the order in which they are written. A codec goes over them
// to bound an event's size, to write it, or to read it. The index is the kind's
// number in the schema's Event, which is one more than its place in the domain's
// list of kinds.
//
// The number of a field is never given another meaning, and a field stays where it
// is: the same events are written as the same bytes by every version. A field that
// readers must understand comes with a new version of the record, an optional one
// with a new number.
var eventKinds = [...]eventKind{
	1: kind(func(c *codec, ev *vaiven.Reading) {
		c.head(&ev.Stamp, &ev.Device)
		c.boot(&ev.Boot)
		c.uint(8, &ev.Seq)
		c.sinceReception(9, &ev.Measured, ev.At)
		c.numbers(&ev.Values, &ev.States)
		c.uint(14, &ev.Rev)
		c.flag(15, &ev.Uncounted)
	}),
	2: kind(func(c *codec, ev *vaiven.Refusal) {
		c.head(&ev.Stamp, &ev.Device)
		c.boot(&ev.Boot)
		c.uint(8, &ev.Seq)
		c.text(9, (*string)(&ev.Code))
	}),
	3: kind(func(c *codec, ev *vaiven.Gap) {
		c.head(&ev.Stamp, &ev.Device)
		c.boot(&ev.Boot)
		c.uint(8, &ev.From)
		c.uint(9, &ev.To)
	}),
	4: kind(func(c *codec, ev *vaiven.Rejected) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, (*string)(&ev.Code))
		c.uint(10, &ev.Count)
		c.text(11, &ev.Text)
		c.text(12, &ev.Remote)
	}),
	5: kind(func(c *codec, ev *vaiven.SessionStart) {
		c.head(&ev.Stamp, &ev.Device)
		c.uint(9, &ev.Readings)
		c.int(10, &ev.Deadline)
		c.int(11, &ev.Interval)
	}),
	6: kind(func(c *codec, ev *vaiven.SessionEnd) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, (*string)(&ev.Reason))
		c.uint(10, &ev.Count)
	}),
	7: kind(func(c *codec, ev *vaiven.Presence) {
		c.head(&ev.Stamp, &ev.Device)
		c.flag(9, &ev.Connected)
		c.text(10, &ev.Remote)
		c.text(11, &ev.Reason)
		c.flag(13, &ev.Silent)
		c.int(12, &ev.Sleep)
	}),
	8: kind(func(c *codec, ev *vaiven.Report) {
		c.head(&ev.Stamp, &ev.Device)
		c.boot(&ev.Boot)
		c.numbers(&ev.States, nil)
		c.uint(14, &ev.Rev)
	}),
	9: kind(func(c *codec, ev *vaiven.Hello) {
		c.head(&ev.Stamp, &ev.Device)
		c.boot(&ev.Boot)
		c.uint(8, &ev.Oldest)
		c.uint(9, &ev.Next)
		c.numbers(&ev.States, nil)
		c.uint(13, &ev.Lost)
		c.uint(14, &ev.Rev)
		c.text(15, &ev.FW)
		c.texts(17, &ev.Names)
		c.intOrMinusOne(16, &ev.Up)
	}),
	10: kind(func(c *codec, ev *vaiven.Conflict) {
		c.head(&ev.Stamp, &ev.Device)
		c.texts(9, &ev.Remotes)
	}),
	11: kind(func(c *codec, ev *vaiven.LogStart) {
		var none vaiven.Device
		c.head(&ev.Stamp, &none)
		c.text(9, &ev.Log)
	}),
	12: kind(func(c *codec, ev *vaiven.Change) {
		c.head(&ev.Stamp, &ev.Device)
		c.key(9, &ev.Key)
		c.numbers(&ev.States, nil)
		c.texts(13, &ev.Toggle)
		c.text(15, &ev.By)
		c.int(16, &ev.Deadline)
		c.optional(17, &ev.HasIf, &ev.If)
	}),
	13: kind(func(c *codec, ev *vaiven.Sent) {
		c.head(&ev.Stamp, &ev.Device)
		c.key(9, &ev.Key)
		c.uint(14, &ev.Rev)
	}),
	14: kind(func(c *codec, ev *vaiven.ChangeEnd) {
		c.head(&ev.Stamp, &ev.Device)
		c.key(9, &ev.Key)
		c.uint(14, &ev.Rev)
		c.text(13, (*string)(&ev.Outcome))
		c.text(8, &ev.Reason)
		c.numbers(&ev.States, nil)
		c.text(15, &ev.By)
		c.int(16, &ev.Asked)
	}),
	15: kind(func(c *codec, ev *vaiven.Described) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, &ev.Name)
		c.text(10, &ev.Note)
		c.texts(11, &ev.Groups)
	}),
	16: kind(func(c *codec, ev *vaiven.Forgotten) {
		c.head(&ev.Stamp, &ev.Device)
		c.uint(8, &ev.Through)
	}),
	17: kind(func(c *codec, ev *vaiven.Admitted) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, &ev.Remote)
		c.flag(10, &ev.Concentrator)
		c.text(11, &ev.By)
	}),
	18: kind(func(c *codec, ev *vaiven.Granted) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, (*string)(&ev.Token))
		c.text(10, (*string)(&ev.Use))
		c.sum(11, &ev.Sum)
		c.uint(12, (*uint64)(&ev.Rights))
		c.texts(13, &ev.Devices)
		c.int(14, &ev.Expires)
		c.text(15, &ev.Name)
		c.text(16, &ev.By)
		c.text(17, (*string)(&ev.From))
	}),
	19: kind(func(c *codec, ev *vaiven.Verified) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, (*string)(&ev.Token))
	}),
	20: kind(func(c *codec, ev *vaiven.Revoked) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, (*string)(&ev.Token))
		c.text(10, &ev.By)
	}),
	21: kind(func(c *codec, ev *vaiven.Opened) {
		var none vaiven.Device
		c.head(&ev.Stamp, &none)
		c.int(9, &ev.Until)
		c.text(10, &ev.By)
	}),
	22: kind(func(c *codec, ev *vaiven.Denied) {
		c.head(&ev.Stamp, &ev.Device)
		c.text(9, (*string)(&ev.Reason))
		c.text(10, &ev.Remote)
		c.uint(11, &ev.Count)
	}),
}

// eventKind makes an empty event of one kind, and hands its fields to a codec.
type eventKind struct {
	make   func() vaiven.Event
	fields func(c *codec, ev vaiven.Event)
}

func kind[T any, E interface {
	*T
	vaiven.Event
}](fields func(*codec, E)) eventKind {
	return eventKind{
		make:   func() vaiven.Event { return E(new(T)) },
		fields: func(c *codec, ev vaiven.Event) { fields(c, ev.(E)) },
	}
}

// eventReading is the number of the kind that most events are of.
const eventReading = 1

// kindNumber returns the index of an event's kind in eventKinds; one that is not in
// there for a type that the domain does not list.
func kindNumber(ev vaiven.Event) int {
	return bits.TrailingZeros32(uint32(vaiven.KindOf(ev))) + 1
}
