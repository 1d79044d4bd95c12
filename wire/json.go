package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vaiven"
)

// duplicatesAllowed, since element refuses them itself, without regard to case.
var duplicatesAllowed = jsontext.AllowDuplicateNames(true)

var (
	errSyntax = errors.New("not JSON")
	errDeep   = errors.New("too many levels")
)

// decodeText reads a text message: as strict JSON, else as the slide's form,
// else it says what is wrong. Each attempt ends before anything is yielded, or
// yields everything.
func (r *reader) decodeText(p []byte) {
	err := r.decodeJSON(p)
	if err == errSyntax && r.relax.rewrite(p) {
		r.loose = true
		err = r.decodeJSON(r.relax.out)
	}
	switch err {
	case errSyntax:
		r.refuse(diagnose(p))
	case errDeep:
		r.refuse(r.tooDeep(p))
	}
}

// tooDeep refuses a message of too many levels. Whose it is, is known of one
// object alone, as far as its keys stand before the place.
func (r *reader) tooDeep(p []byte) *vaiven.Error {
	e := &vaiven.Error{Code: vaiven.CodeTooLarge, Reason: reasonDeep, At: deepAt(p)}
	if r.dec.StackDepth() == 1 {
		e.Device, e.Boot = r.el.item.Device, r.el.item.Boot
		if e.Boot != "" {
			e.Seq = r.el.item.Seq // else it may be of a BOOT that stands behind
		}
	} else {
		e.Claim = claimed(p)
	}
	return e
}

// decodeJSON yields the items of a strict JSON text, or returns errSyntax or
// errDeep and has yielded none.
func (r *reader) decodeJSON(p []byte) error {
	r.buf = *bytes.NewBuffer(p)
	r.dec.Reset(&r.buf, duplicatesAllowed)
	switch r.dec.PeekKind() {
	case '{':
		return r.single(p)
	case '[':
		return r.array(p)
	}
	if !jsontext.Value(p).IsValid(duplicatesAllowed) {
		return errSyntax
	}
	r.el.begin(r.place(0))
	reason := reasonNotObject
	if text, err := r.dec.ReadToken(); err == nil && text.Kind() == '"' && strings.HasPrefix(strings.TrimSpace(text.String()), "{") {
		reason = reasonDoubled
	}
	r.notObject(reason)
	return nil
}

// single yields the item of a message that is one object.
func (r *reader) single(p []byte) error {
	if err := r.object(p); err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); err != io.EOF {
		return errSyntax
	}
	r.finish()
	return nil
}

// array yields the items of an array. The whole message is checked first: one
// that was cut off is refused as a whole.
func (r *reader) array(p []byte) error {
	if deepAt(p) >= 0 {
		return errDeep
	}
	if !jsontext.Value(p).IsValid(duplicatesAllowed) {
		return errSyntax
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return errSyntax
	}
	foreign := false
	for n := 0; ; n++ {
		switch r.dec.PeekKind() {
		case ']':
			if n == 0 {
				r.refuse(&vaiven.Error{Code: vaiven.CodeNoValues, Reason: reasonEmptyList, At: 0})
			}
			return nil
		case '{':
			if err := r.object(p); err != nil {
				return err
			}
			r.finish()
		default:
			raw, err := r.dec.ReadValue()
			if err != nil {
				return errSyntax
			}
			if !foreign {
				r.el.begin(r.at(raw))
				r.notObject(reasonElement)
			}
			foreign = true
		}
	}
}

// object gathers the keys of one object.
func (r *reader) object(p []byte) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return errSyntax
	}
	r.el.begin(r.place(int(r.dec.InputOffset()) - 1))
	checked := false
	for r.dec.PeekKind() != '}' {
		key, err := r.dec.ReadValue()
		if err != nil {
			return errSyntax
		}
		name, keyAt := r.text(key), r.at(key)
		if k := r.dec.PeekKind(); (k == '{' || k == '[') && !checked {
			if deepAt(p) >= 0 {
				return errDeep
			}
			checked = true
		}
		raw, err := r.dec.ReadValue()
		if err != nil {
			return errSyntax
		}
		r.el.put(name, keyAt, r.value(raw))
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return errSyntax
	}
	return nil
}

// value reads a JSON value; raw is what the decoder returned last.
func (r *reader) value(raw jsontext.Value) value {
	v := value{at: r.at(raw)}
	switch raw.Kind() {
	case '0':
		v.setNumberText(raw)
	case '"':
		v.kind, v.text = kindText, r.text(raw)
	case 't':
		v.kind, v.num = kindBool, 1
	case 'f':
		v.kind = kindBool
	case '{', '[':
		v.kind = kindNested
	case 'n':
		v.kind = kindNull
		if r.loose {
			v.text = r.relax.nanAt(r.offset(raw))
		}
		if v.text != nil {
			v.kind = kindNaN
		}
	}
	return v
}

// text returns the content of a JSON string: a part of the message, or of the
// arena if it has escapes.
func (r *reader) text(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1 : len(quoted)-1]
	}
	n := len(r.arena)
	r.arena, _ = jsontext.AppendUnquote(r.arena, quoted) // the decoder checked it
	return r.arena[n:len(r.arena):len(r.arena)]
}

// offset returns where the value that was read last begins, in what dec reads.
func (r *reader) offset(raw jsontext.Value) int { return int(r.dec.InputOffset()) - len(raw) }

// at is offset as a place in the message itself.
func (r *reader) at(raw jsontext.Value) int { return r.place(r.offset(raw)) }

// place turns an offset in what dec reads into one in the message.
func (r *reader) place(offset int) int {
	if r.loose {
		return r.relax.place(offset)
	}
	return offset
}

// finish yields the gathered object, with the hint about its form if this is
// the first message of the connection that needs it.
func (r *reader) finish() {
	if r.loose && r.relax.unquoted && !r.el.d.slideHinted {
		r.el.d.slideHinted = true
		r.el.finish(Hint{Kind: HintSlide})
		return
	}
	r.el.finish()
}

// notObject refuses a value that stands where an object belongs.
func (r *reader) notObject(reason string) {
	r.refuse(&vaiven.Error{Code: vaiven.CodeMissingDevice, Reason: reason, At: r.el.at})
}

// deepAt returns where a text has more than MaxDepth levels, -1 if nowhere. It
// looks at brackets outside of strings only, so that no parser need recurse
// into what may be 60,000 of them.
func deepAt(p []byte) int {
	depth := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '"':
			for i++; i < len(p) && p[i] != '"'; i++ {
				if p[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return i
			}
		case '}', ']':
			depth--
		}
	}
	return -1
}
