package wire

import (
	"bytes"

	"vaiven"
)

// fault is a key of the protocol whose value cannot be used. Whether that
// refuses the element depends on what the element turns out to be: beside a
// measurement, what only describes it costs no more than itself.
type fault struct {
	id   keyID
	hint Hint // if it is ignored
	err  *vaiven.Error
}

// noteError notes an error: one of the element, unless one is known that stands
// before it, or a fault of the key in use.
func (e *element) noteError(code vaiven.Code, reason string, key []byte, v *value) *vaiven.Error {
	if e.using == keyOther && e.err != nil && e.err.At <= v.at {
		return &vaiven.Error{}
	}
	err := &vaiven.Error{Code: code, Reason: reason, Key: shortKey(key), Got: v.got(), At: v.at}
	if e.using == keyOther {
		e.err = err
		return err
	}
	hint := Hint{Kind: HintIgnored, Key: err.Key, Got: v.stood(), Want: keyNames[e.using]}
	e.faults = append(e.faults, fault{e.using, hint, err})
	return err
}

// noteErrorAt is noteError for an error of the key or of the whole element.
func (e *element) noteErrorAt(code vaiven.Code, reason string, key []byte, at int) {
	e.noteError(code, reason, key, &value{kind: kindNested, at: at})
}

func shortKey(key []byte) string {
	return vaiven.Shorten(string(bytes.ToValidUTF8(key, []byte("\uFFFD"))))
}

// settleFaults refuses the element for the faults that it cannot do without, and
// lets it go without the others; values counts its measurements.
func (e *element) settleFaults(values int) {
	for i := range e.faults {
		f := &e.faults[i]
		switch {
		case !e.needsKey(f, values):
			e.ignoreKey(f, values)
		case e.err == nil || f.err.At < e.err.At:
			e.err = f.err
		}
	}
}

// bootFault returns what is wrong with BOOT, nil if nothing.
func (e *element) bootFault() *vaiven.Error {
	for i := range e.faults {
		if e.faults[i].id == keyBoot {
			return e.faults[i].err
		}
	}
	return nil
}

// needsKey reports whether the element means something else, or nothing, without
// the key of f.
func (e *element) needsKey(f *fault, values int) bool {
	switch f.id {
	case keyBoot:
		return values == 0 || e.item.Seq != 0 || f.err.Reason == reasonDuplicate
	case keyHello, keyRev:
		return values == 0 // a report without REV means another change
	case keyAge, keyTime:
		return false
	}
	return e.hello
}

// ignoreKey leaves out the key of f, with a hint.
func (e *element) ignoreKey(f *fault, values int) {
	it := &e.item
	switch f.id {
	case keyAge:
		it.Age = AgeUnknown
	case keyTime:
		e.untimed()
	case keyUp:
		it.Up = -1
	case keyOldest, keyNext:
		it.Oldest, it.Next = 0, 0
	case keyRev:
		it.HasRev = false
	}
	if (f.id == keyAge || f.id == keyTime) && values > 0 && it.Time == 0 && it.Age < 0 {
		f.hint.Kind = HintTime
	}
	e.addHint(f.hint)
	if f.id == keyRev {
		e.dropStates() // without their REV they would count as switched by hand
	}
}

// untimed notes that TIME said nothing.
func (e *element) untimed() {
	if e.item.Age == AgeAbsent {
		e.item.Age = AgeUnknown
	}
}

// countStates counts the entries that judgeEntries found to be states to report.
func (e *element) countStates() (n int) {
	for i := range e.entries {
		if e.entries[i].kind == kindBool {
			n++
		}
	}
	return n
}

// dropStates leaves out the states, with a hint.
func (e *element) dropStates() {
	for i := range e.entries {
		if en := &e.entries[i]; en.kind == kindBool {
			e.addHint(Hint{Kind: HintState, Key: shortKey(en.key), Want: vaiven.KeyRev})
			en.kind = kindNull
		}
	}
}
