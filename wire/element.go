package wire

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"

	"vaiven"
)

// entry is a key that the protocol itself does not know: a measurement, a
// state, or something to ignore. Which it is may depend on a later key.
type entry struct {
	value
	name  string // "" if the key cannot name a measurement
	key   []byte // as it was written
	upper []byte
	keyAt int
}

// element gathers one object of a message, key by key in any encoding, and
// judges it when all keys are known. Of several errors the first in the message
// counts.
type element struct {
	d     *Decoder
	yield func(*Item)
	arena []byte // keys in upper case, texts without their escapes
	slide bool   // the message has keys without quotes

	item       Item
	err        *vaiven.Error
	at         int // where the element begins
	keys       int
	seen       uint32 // protocol keys, by keyID
	hello      bool
	common     bool // TEMP or HUM was measured
	unmeasured bool // a measurement is null
	entries    []entry
	declared   []string // HELLO's STATES
	using      keyID    // the key of the protocol that is being read, if the element may do without it
	faults     []fault
	badState   *fault // the first state that cannot be read
}

// resetElement forgets the element before.
func (e *element) resetElement() {
	e.item = Item{Age: AgeAbsent, Up: -1}
	e.err, e.badState, e.declared = nil, nil, nil
	e.keys, e.seen = 0, 0
	e.hello, e.common, e.unmeasured = false, false, false
	e.entries, e.faults, e.arena = e.entries[:0], e.faults[:0], e.arena[:0]
}

// addMember takes one key and its value. Both may point into memory that stays
// as it is until finishElement.
func (e *element) addMember(key []byte, keyAt int, v *value) {
	e.keys++
	upper := key
	for _, c := range key {
		if 'a' <= c && c <= 'z' {
			n := len(e.arena)
			e.arena = appendUpper(e.arena, key)
			upper = e.arena[n:]
			break
		}
	}
	id := keyOf(upper)
	switch protocol := id != keyOther && id < keyCommon; {
	case protocol && e.seen&(1<<id) != 0:
		e.refuseDuplicate(id, key, keyAt)
		return
	case protocol:
		e.seen |= 1 << id
		e.readKey(id, key, v)
		return
	case e.keys > MaxKeys:
		e.noteErrorAt(vaiven.CodeTooLarge, reasonKeys, nil, keyAt)
		return
	}
	for i := range e.entries {
		if bytes.Equal(e.entries[i].upper, upper) {
			e.noteErrorAt(vaiven.CodeBadName, reasonDuplicate, key, keyAt)
			return
		}
	}
	name := keyNames[id]
	if id == keyOther {
		name = e.d.rareName(upper)
	}
	e.entries = append(e.entries, entry{value: *v, name: name, key: key, upper: upper, keyAt: keyAt})
}

// addForeignKey refuses a key that is not text, as only CBOR can have it.
func (e *element) addForeignKey(key *value) {
	e.keys++
	e.noteError(vaiven.CodeBadName, reasonKeyType, nil, key)
}

// refuseDuplicate refuses a protocol key that stands twice; what it says is then not
// known, least of all by which SEQ to settle.
func (e *element) refuseDuplicate(id keyID, key []byte, at int) {
	code := vaiven.CodeBadName
	switch id {
	case keyDevice:
		code, e.item.Device = vaiven.CodeBadDevice, ""
	case keyBoot:
		e.item.Boot = ""
		if e.bootFault() != nil {
			return
		}
		twice := &vaiven.Error{Code: vaiven.CodeBadBoot, Reason: reasonDuplicate, Key: shortKey(key), At: at}
		e.faults = append(e.faults, fault{id: id, err: twice})
		return
	case keySeq:
		code, e.item.Seq = vaiven.CodeBadSeq, 0
	}
	e.noteErrorAt(code, reasonDuplicate, key, at)
}

// finishElement judges the element and yields it.
func (e *element) finishElement() {
	it := &e.item
	if e.slide && !e.d.slideHinted {
		e.d.slideHinted = true
		e.addHint(Hint{Kind: HintSlide})
	}
	if it.Device == "" && e.err == nil {
		e.missingDevice()
	}
	if e.hello {
		e.settleFaults(0)
		if e.err == nil && !e.d.declareStates(it.Device, e.declared) {
			e.noteErrorAt(vaiven.CodeTooManyDevices, "", nil, e.at)
		}
	}
	values, states := e.judgeEntries()
	if len(e.faults) > 0 && !e.hello {
		e.settleFaults(values)
		states = e.countStates()
	}
	if e.badState != nil && values > 0 {
		e.addHint(e.badState.hint) // the measurements are stored without it
	} else if e.badState != nil && (e.err == nil || e.badState.err.At < e.err.At) {
		e.err = e.badState.err
	}
	switch {
	case e.err != nil:
	case e.hello:
		it.Kind, it.Names = Hello, e.declared
	case values > 0 && !e.common && e.elsewhere():
	case values > vaiven.MaxValues:
		e.noteErrorAt(vaiven.CodeTooLarge, vaiven.ReasonManyValues, nil, e.at)
	case values > 0:
		it.Kind = Reading
	case states == 0 || e.unmeasured:
		e.noValues()
	case it.Seq != 0:
		e.noteErrorAt(vaiven.CodeNoValues, reasonSeqReport, nil, e.at)
	default:
		it.Kind = Report
	}
	if e.err == nil && values+states > 0 {
		all := make([]vaiven.Value, values+states) // one allocation for both
		v, s := 0, values
		for i := range e.entries {
			switch en := &e.entries[i]; en.kind {
			case kindNumber:
				all[v] = vaiven.Value{Name: en.name, Num: en.num}
				v++
			case kindBool:
				all[s] = vaiven.Value{Name: en.name, Num: en.num}
				s++
			}
		}
		if values > 0 {
			it.Values = all[:values:values]
		}
		if states > 0 {
			it.States = all[values:]
		}
	}
	if it.Kind == Reading {
		if err := e.d.Rules.Check(it.Values); err != nil {
			e.breakRule(err)
		}
	}
	if e.err != nil {
		e.refuseElement()
	}
	e.yield(it)
}

// refuseElement makes the item an Invalid one. Of the hints only that about the
// form of the message stays: more advice beside the error would hide it.
func (e *element) refuseElement() {
	if boot := e.bootFault(); boot != nil && e.item.Seq != 0 {
		// Whose SEQ it is cannot be known, so that no other error may settle it: it
		// would be a SEQ of the boot before.
		e.err = boot
	}
	e.item.Hints = slices.DeleteFunc(e.item.Hints, func(h Hint) bool { return h.Kind != HintSlide })
	e.err.Device, e.err.Boot, e.err.Seq = e.item.Device, e.item.Boot, e.item.Seq
	e.item.Kind, e.item.Err = Invalid, e.err
	e.item.Values, e.item.States, e.item.Rev, e.item.HasRev = nil, nil, 0, false
}

func (e *element) missingDevice() {
	for i := range e.entries {
		if deviceAlias(string(e.entries[i].upper)) {
			e.noteErrorAt(vaiven.CodeMissingDevice, reasonAlias, e.entries[i].key, e.entries[i].keyAt)
			return
		}
	}
	reason := ""
	if e.seen&(1<<keyDevice) != 0 {
		reason = reasonNull
	}
	e.noteErrorAt(vaiven.CodeMissingDevice, reason, nil, e.at)
}

// refuseMessage yields one Invalid item for the message as a whole.
func (e *element) refuseMessage(err *vaiven.Error) {
	e.item = Item{
		Kind: Invalid, Device: err.Device, Boot: err.Boot, Seq: err.Seq,
		Age: AgeAbsent, Up: -1, Err: err,
	}
	e.yield(&e.item)
}

// notObject refuses a value that stands where an object belongs.
func (e *element) notObject(reason string, at int) {
	e.refuseMessage(&vaiven.Error{Code: vaiven.CodeMissingDevice, Reason: reason, At: at})
}

// judgeEntries sorts the entries into measurements and states, notes what is
// wrong with them, and gives hints for those it ignores. It counts what
// remains. Measurements are left with kindNumber, states with kindBool.
func (e *element) judgeEntries() (values, states int) {
	d := e.d
	hello, other := d.states[e.item.Device], []string(nil) // what it declared
	if d.Declared != nil {
		other = d.Declared(e.item.Device)
	}
	for i := range e.entries {
		en := &e.entries[i]
		switch {
		case len(en.upper) > 0 && en.upper[0] == '_':
			en.kind = kindNull
		case en.name != "" && (d.Rules.States[en.name] || slices.Contains(hello, en.name) || slices.Contains(other, en.name)):
			states += e.judgeState(en)
		case e.hello:
			if en.kind != kindNull {
				e.addHint(Hint{Kind: HintHello, Key: shortKey(en.key)})
			}
			en.kind = kindNull
		case en.kind == kindNull:
			e.unmeasured = e.unmeasured || en.name != ""
		case en.kind == kindNumber || en.kind == kindBool:
			en.kind = kindNumber
			values++
			if en.name == "TEMP" || en.name == "HUM" {
				e.common = true
			} else {
				e.hintName(en)
			}
			if en.name == "" {
				e.noteErrorAt(vaiven.CodeBadName, "", en.key, en.keyAt)
			} else if math.IsInf(en.num, 0) {
				e.noteError(vaiven.CodeOutOfRange, reasonHuge, en.key, &en.value)
			}
		case en.kind == kindNaN:
			e.noteError(vaiven.CodeNotANumber, reasonNaN, en.key, &en.value)
		default:
			e.judgeOther(en)
		}
	}
	if states > MaxStates {
		e.noteErrorAt(vaiven.CodeTooLarge, reasonStates, nil, e.at)
	}
	return values, states
}

// judgeState returns 1 if the entry is a state to report. The entry is left
// with kindBool, which marks states from here on.
func (e *element) judgeState(en *entry) int {
	code, reason := vaiven.CodeNotANumber, reasonOnOff
	switch en.kind {
	case kindNull:
		return 0
	case kindBool, kindNumber:
		if !math.IsInf(en.num, 0) {
			en.kind = kindBool
			return 1
		}
		code, reason = vaiven.CodeOutOfRange, reasonHuge
	case kindText:
		if reason = textReason(en.text); reason != reasonQuoted && reason != reasonEmpty {
			reason = reasonOnOff
		}
	case kindNested:
		reason = reasonNested
	}
	if key := shortKey(en.key); e.badState == nil {
		e.badState = &fault{
			hint: Hint{Kind: HintState, Key: key, Got: en.stood()},
			err:  &vaiven.Error{Code: code, Reason: reason, Key: key, Got: en.got(), At: en.at},
		}
	}
	en.kind = kindNull
	return 0
}

// judgeOther refuses text and nested values under a measurement that the rules
// know, and ignores them under any other key.
func (e *element) judgeOther(en *entry) {
	if _, known := e.d.Rules.Ranges[en.name]; known || en.name == "TEMP" || en.name == "HUM" {
		reason := reasonNested
		if en.kind == kindText {
			reason = textReason(en.text)
		}
		e.noteError(vaiven.CodeNotANumber, reason, en.key, &en.value)
		return
	}
	if e.hintName(en) {
		return
	}
	h := Hint{Kind: HintText, Key: shortKey(en.key)}
	if en.kind == kindNested {
		h.Kind, h.Got = HintNested, en.got()
	}
	e.addHint(h)
}

// hintName says so if the key means a measurement of the CSV that the element
// has not got under its right name.
func (e *element) hintName(en *entry) bool {
	want := measurementAlias(string(en.upper))
	if want == "" {
		return false
	}
	for i := range e.entries {
		if e.entries[i].name == want {
			return false
		}
	}
	e.addHint(Hint{Kind: HintName, Key: shortKey(en.key), Want: want})
	return true
}

// addHint adds a hint, the first of its kind in the element.
func (e *element) addHint(h Hint) {
	for _, old := range e.item.Hints {
		if old.Kind == h.Kind && old.Want == h.Want {
			return
		}
	}
	e.item.Hints = append(e.item.Hints, h)
}

// noValues says why nothing was measured: the sensor did not answer, or what
// was sent went by another name or type.
func (e *element) noValues() {
	if e.unmeasured {
		e.noteErrorAt(vaiven.CodeNoValues, reasonNull, nil, e.at)
		return
	}
	for _, advice := range [...]struct {
		kind   HintKind
		reason string
	}{{HintName, reasonAlias}, {HintNested, reasonNested}, {HintText, reasonText}} { // the most telling first
		for _, h := range e.item.Hints {
			if h.Kind == advice.kind {
				e.noteErrorAt(vaiven.CodeNoValues, advice.reason, []byte(h.Key), e.at)
				e.err.Got = h.Got
				return
			}
		}
	}
	e.noteErrorAt(vaiven.CodeNoValues, "", nil, e.at)
}

// breakRule refuses the element for what Rules.Check says, with the place of the
// measurement.
func (e *element) breakRule(err error) {
	e.err = &vaiven.Error{Code: vaiven.CodeNotANumber, At: e.at}
	var ve *vaiven.Error
	if !errors.As(err, &ve) {
		return
	}
	e.err = ve
	ve.At = e.at
	for i := range e.entries {
		if en := &e.entries[i]; en.name == ve.Key && en.kind == kindNumber {
			ve.Key, ve.At = shortKey(en.key), en.at
			return
		}
	}
}

// elsewhere reports whether the numbers of the element only stand beside what it
// means to say: {"ts":1,"values":{"TEMP":24.5}} is no reading of TS, and
// {"sensor":"TEMP","value":24.5} none of VALUE. It notes why.
func (e *element) elsewhere() bool {
	nameless := false
	for i := range e.entries {
		en := &e.entries[i]
		switch {
		case en.kind != kindNumber:
		case bookkeeping(en.name):
		case unnamed(en.name):
			nameless = true
		default:
			return false
		}
	}
	for i := range e.entries {
		if en := &e.entries[i]; en.kind == kindText && e.namesMeasurement(string(en.text)) {
			e.noteErrorAt(vaiven.CodeNoValues, reasonNamed, en.key, e.at)
			e.err.Got = en.got()
			return true
		}
	}
	if nameless || !e.hasHidden() {
		return false
	}
	e.noValues()
	return true
}

// hasHidden reports whether a measurement is null, nested or text.
func (e *element) hasHidden() bool {
	for i := range e.entries {
		switch en := &e.entries[i]; en.kind {
		case kindNested:
			return true
		case kindText:
			if measurementAlias(string(en.upper)) != "" {
				return true
			}
		}
	}
	return e.unmeasured
}

// namesMeasurement reports whether text is the name of a measurement that the
// rules or the CSV know.
func (e *element) namesMeasurement(text string) bool {
	upper := strings.ToUpper(strings.TrimSpace(text))
	_, known := e.d.Rules.Ranges[upper]
	return known || upper == "TEMP" || upper == "HUM" || len(upper) > 1 && measurementAlias(upper) != ""
}
