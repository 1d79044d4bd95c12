package event

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"vaiven"
)

// Append appends the JSON object of an entry, without a line's end; name
// is left out when it is empty.
func Append(b []byte, en vaiven.Entry, name string) []byte {
	at := en.Event.Time()
	o := object{b: append(b, '{'), empty: true, offset: at.Offset}
	o.text("id", en.ID.String())
	o.text("kind", vaiven.KindOf(en.Event).String())
	o.time("at", at.At)
	o.bool("synced", at.Synced)
	o.text("device", string(en.Event.Of()))
	o.text("name", name)
	o.event(en.Event)
	if en.Fills {
		o.bool("fills", true)
	}
	return append(o.b, '}')
}

// object writes the members of one JSON object.
type object struct {
	b      []byte
	empty  bool
	offset int32
}

// event is a straight list: the members of each kind, in the documented order.
func (o *object) event(ev vaiven.Event) {
	switch e := ev.(type) {
	case *vaiven.Reading:
		o.seq(e.Boot, e.Seq)
		o.time("measured", e.Measured)
		o.values("values", e.Values)
		o.values("states", e.States)
		o.num("rev", e.Rev)
		if e.Uncounted {
			o.bool("uncounted", true)
		}
	case *vaiven.Refusal:
		o.seq(e.Boot, e.Seq)
		o.text("code", string(e.Code))
	case *vaiven.Gap:
		o.text("boot", string(e.Boot))
		o.num("from", e.From)
		o.num("to", e.To)
	case *vaiven.Rejected:
		o.text("code", string(e.Code))
		o.num("count", e.Count)
		o.text("text", e.Text)
		o.text("remote", e.Remote)
	case *vaiven.SessionStart:
		o.num("readings", e.Readings)
		o.time("deadline", e.Deadline)
		o.num("interval_ms", uint64(max(e.Interval, 0)))
	case *vaiven.SessionEnd:
		o.text("reason", string(e.Reason))
		o.always("count", e.Count)
	case *vaiven.Presence:
		o.bool("connected", e.Connected)
		if e.Silent {
			o.bool("silent", true)
		}
		o.text("remote", e.Remote)
		o.text("reason", e.Reason)
		o.num("sleep_ms", uint64(max(e.Sleep, 0)))
	case *vaiven.Report:
		o.text("boot", string(e.Boot))
		o.num("rev", e.Rev)
		o.values("states", e.States)
	case *vaiven.Hello:
		o.hello(e)
	case *vaiven.Conflict:
		o.texts("remotes", e.Remotes)
	case *vaiven.LogStart:
		o.text("log", e.Log)
	case *vaiven.Change:
		o.change(e)
	case *vaiven.Sent:
		o.text("key", string(e.Key))
		o.num("rev", e.Rev)
	case *vaiven.ChangeEnd:
		o.changeEnd(e)
	case *vaiven.Described:
		o.text("title", e.Name)
		o.text("note", e.Note)
		o.texts("groups", e.Groups)
	case *vaiven.Forgotten:
		o.num("through", e.Through)
	default:
		o.accessEvent(ev)
	}
}

// accessEvent has those about who may do what. What a token is checked against is
// nobody's to see.
func (o *object) accessEvent(ev vaiven.Event) {
	switch e := ev.(type) {
	case *vaiven.Admitted:
		o.text("remote", e.Remote)
		if e.Concentrator {
			o.bool("concentrator", true)
		}
		o.text("by", e.By)
	case *vaiven.Granted:
		o.text("token", string(e.Token))
		o.text("use", string(e.Use))
		o.texts("rights", e.Rights.Names())
		o.texts("devices", e.Devices)
		o.time("expires", e.Expires)
		o.text("title", e.Name)
		o.text("by", e.By)
		o.text("from_token", string(e.From))
	case *vaiven.Verified:
		o.text("token", string(e.Token))
	case *vaiven.Revoked:
		o.text("token", string(e.Token))
		o.text("by", e.By)
	case *vaiven.Opened:
		o.time("until", e.Until)
		o.text("by", e.By)
	case *vaiven.Denied:
		o.text("reason", string(e.Reason))
		o.text("remote", e.Remote)
		o.num("count", e.Count)
	}
}

func (o *object) hello(e *vaiven.Hello) {
	o.text("boot", string(e.Boot))
	o.num("oldest", e.Oldest)
	o.num("next", e.Next)
	o.num("lost", e.Lost)
	if e.Up >= 0 {
		o.always("up_ms", uint64(e.Up))
	}
	o.text("fw", e.FW)
	o.values("states", e.States)
	o.num("rev", e.Rev)
	o.texts("names", e.Names)
}

func (o *object) change(e *vaiven.Change) {
	o.text("key", string(e.Key))
	o.values("states", e.States)
	o.texts("toggle", e.Toggle)
	o.text("by", e.By)
	o.time("deadline", e.Deadline)
	if e.HasIf {
		o.always("if_rev", e.If)
	}
}

func (o *object) changeEnd(e *vaiven.ChangeEnd) {
	o.text("key", string(e.Key))
	o.num("rev", e.Rev)
	o.text("outcome", string(e.Outcome))
	o.text("reason", e.Reason)
	o.values("states", e.States)
	o.text("by", e.By)
	if e.Asked != 0 {
		o.time("asked", e.Asked)
		o.always("took_ms", uint64(e.Took()))
	}
}

func (o *object) seq(boot vaiven.Boot, seq uint64) {
	o.text("boot", string(boot))
	o.num("seq", seq)
}

func (o *object) key(name string) {
	if !o.empty {
		o.b = append(o.b, ',')
	}
	o.empty = false
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) text(key, s string) {
	if s == "" {
		return
	}
	o.key(key)
	o.b = appendQuoted(o.b, s)
}

func (o *object) texts(key string, list []string) {
	if len(list) == 0 {
		return
	}
	o.key(key)
	o.b = append(o.b, '[')
	for i, s := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendQuoted(o.b, s)
	}
	o.b = append(o.b, ']')
}

func (o *object) num(key string, n uint64) {
	if n != 0 {
		o.always(key, n)
	}
}

func (o *object) always(key string, n uint64) {
	o.key(key)
	o.b = strconv.AppendUint(o.b, n, 10)
}

func (o *object) bool(key string, v bool) {
	o.key(key)
	o.b = strconv.AppendBool(o.b, v)
}

func (o *object) time(key string, ms int64) {
	if ms == 0 {
		return
	}
	o.key(key)
	o.b = append(o.b, '"')
	o.b = time.UnixMilli(ms+int64(o.offset)*1000).UTC().AppendFormat(o.b, "2006-01-02T15:04:05.000")
	o.b = appendZone(o.b, o.offset)
	o.b = append(o.b, '"')
}

// appendZone writes Z or +HH:MM. RFC 3339 knows no seconds in an offset: no
// zone has had any since 1972.
func appendZone(b []byte, offset int32) []byte {
	if offset == 0 {
		return append(b, 'Z')
	}
	sign, m := byte('+'), offset/60
	if m < 0 {
		sign, m = '-', -m
	}
	return append(b, sign, byte('0'+m/600), byte('0'+m/60%10), ':', byte('0'+m%60/10), byte('0'+m%10))
}

func (o *object) values(key string, values []vaiven.Value) {
	if len(values) == 0 {
		return
	}
	o.key(key)
	o.b = append(o.b, '{')
	for i, v := range values {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendQuoted(o.b, v.Name)
		o.b = append(o.b, ':')
		o.b = vaiven.AppendNumber(o.b, v.Num)
	}
	o.b = append(o.b, '}')
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string (RFC 8259, section 7). Beyond what the RFC
// demands it escapes every other character that does not print (C1 controls,
// what turns text round, line separators), since the line may end on a
// terminal; broken UTF-8 becomes U+FFFD.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r < 0x10000 && r != ' ' && !unicode.IsPrint(r):
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
