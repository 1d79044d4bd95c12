package wire

import (
	"bytes"
	"errors"
	"math"
	"slices"

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
	r *reader
	d *Decoder

	item     Item
	err      *vaiven.Error
	at       int // where the element begins
	keys     int
	seen     uint32 // protocol keys, by keyID
	hello    bool
	entries  []entry
	declared []string // HELLO's STATES
	using    keyID    // the key of the protocol that is being read, if the element may do without it
	faults   []fault
	badState *fault // the first state that cannot be read
}

// begin forgets the element before.
func (e *element) begin(at int) {
	e.item = Item{Age: AgeAbsent, Up: -1}
	e.err = nil
	e.at, e.keys, e.seen, e.hello = at, 0, 0, false
	e.entries = e.entries[:0]
	e.declared = nil
	e.faults = e.faults[:0]
	e.badState = nil
	e.r.arena = e.r.arena[:0]
}

func (e *element) release() {
	clear(e.entries)
	clear(e.faults)
	*e = element{entries: e.entries[:0], faults: e.faults[:0]}
}

// failAt is fail for an error of the key or of the whole element.
func (e *element) failAt(code vaiven.Code, reason string, key []byte, at int) {
	e.fail(code, reason, key, &value{kind: kindNested, at: at})
}

func shortKey(key []byte) string {
	return vaiven.Shorten(string(bytes.ToValidUTF8(key, []byte("\uFFFD"))))
}

// put takes one key and its value. Both may point into memory that stays as it
// is until finish.
func (e *element) put(key []byte, keyAt int, v value) {
	e.keys++
	upper := key
	if hasLower(key) {
		n := len(e.r.arena)
		e.r.arena = appendUpper(e.r.arena, key)
		upper = e.r.arena[n:]
	}
	if id := protocolKey(upper); id != keyOther {
		if e.seen&(1<<id) != 0 {
			e.duplicate(id, key, keyAt)
			return
		}
		e.seen |= 1 << id
		e.protocol(id, key, &v)
		return
	}
	if e.keys > MaxKeys {
		e.failAt(vaiven.CodeTooLarge, reasonKeys, nil, keyAt)
		return
	}
	for i := range e.entries {
		if bytes.Equal(e.entries[i].upper, upper) {
			e.failAt(vaiven.CodeBadName, reasonDuplicate, key, keyAt)
			return
		}
	}
	e.entries = append(e.entries, entry{value: v, name: e.d.name(upper), key: key, upper: upper, keyAt: keyAt})
}

// foreignKey refuses a key that is not text, as only CBOR can have it.
func (e *element) foreignKey(key *value) {
	e.keys++
	e.fail(vaiven.CodeBadName, reasonKeyType, nil, key)
}

// duplicate refuses a protocol key that stands twice; what it says is then not
// known, least of all by which SEQ to settle.
func (e *element) duplicate(id keyID, key []byte, at int) {
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
	e.failAt(code, reasonDuplicate, key, at)
}

// finish judges the element and yields it.
func (e *element) finish(hints ...Hint) {
	e.item.Hints = append(e.item.Hints, hints...)
	if e.item.Device == "" && e.err == nil {
		e.missingDevice()
	}
	if e.hello {
		e.settleFaults(0)
		if e.err == nil && !e.d.declare(e.item.Device, e.declared) {
			e.failAt(vaiven.CodeTooManyDevices, "", nil, e.at)
		}
	}
	values, states := e.judge()
	if len(e.faults) > 0 && !e.hello {
		e.settleFaults(values)
		states = e.states()
	}
	e.settleBadState(values)
	if e.err == nil {
		e.settleKind(values, states)
	}
	if e.err == nil && e.item.Kind == Reading {
		e.checkRules()
	}
	if e.err != nil {
		e.refuse()
	}
	e.r.yield(&e.item)
}

// refuse makes the item an Invalid one. Of the hints only that about the form
// of the message stays: more advice beside the error would hide it.
func (e *element) refuse() {
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
			e.failAt(vaiven.CodeMissingDevice, reasonAlias, e.entries[i].key, e.entries[i].keyAt)
			return
		}
	}
	reason := ""
	if e.seen&(1<<keyDevice) != 0 {
		reason = reasonNull
	}
	e.failAt(vaiven.CodeMissingDevice, reason, nil, e.at)
}

// judge sorts the entries into measurements and states, notes what is wrong
// with them, and gives hints for those it ignores. It counts what remains.
func (e *element) judge() (values, states int) {
	for i := range e.entries {
		en := &e.entries[i]
		switch {
		case len(en.upper) > 0 && en.upper[0] == '_':
			en.kind = kindNull
		case en.name != "" && e.d.isState(e.item.Device, en.name):
			states += e.judgeState(en)
		case e.hello:
			e.ignoreInHello(en)
		default:
			values += e.judgeValue(en)
		}
	}
	if states > MaxStates {
		e.failAt(vaiven.CodeTooLarge, reasonStates, nil, e.at)
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
		reason = stateTextReason(en.text)
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

// settleBadState refuses the element for a state that cannot be read, unless it
// has measurements: they are stored without it.
func (e *element) settleBadState(values int) {
	switch {
	case e.badState == nil:
	case values > 0:
		e.hint(e.badState.hint)
	case e.err == nil || e.badState.err.At < e.err.At:
		e.err = e.badState.err
	}
}

func stateTextReason(text []byte) string {
	if r := textReason(text); r == reasonQuoted || r == reasonEmpty {
		return r
	}
	return reasonOnOff
}

// judgeValue returns 1 if the entry is a measurement. The entry is left with
// kindNumber then.
func (e *element) judgeValue(en *entry) int {
	switch en.kind {
	case kindBool, kindNumber:
		if en.name == "" {
			e.failAt(vaiven.CodeBadName, "", en.key, en.keyAt)
		} else if math.IsInf(en.num, 0) {
			e.fail(vaiven.CodeOutOfRange, reasonHuge, en.key, &en.value)
		}
		en.kind = kindNumber
		e.hintName(en)
		return 1
	case kindNaN:
		e.fail(vaiven.CodeNotANumber, reasonNaN, en.key, &en.value)
	case kindText, kindNested:
		e.judgeOther(en)
	}
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
		e.fail(vaiven.CodeNotANumber, reason, en.key, &en.value)
		return
	}
	if e.hintName(en) {
		return
	}
	h := Hint{Kind: HintText, Key: shortKey(en.key)}
	if en.kind == kindNested {
		h.Kind, h.Got = HintNested, en.got()
	}
	e.hint(h)
}

// hintName says so if the key means a measurement of the CSV that the element
// has not got under its right name.
func (e *element) hintName(en *entry) bool {
	if en.name == "TEMP" || en.name == "HUM" {
		return false
	}
	want := measurementAlias(string(en.upper))
	if want == "" {
		return false
	}
	for i := range e.entries {
		if e.entries[i].name == want {
			return false
		}
	}
	e.hint(Hint{Kind: HintName, Key: shortKey(en.key), Want: want})
	return true
}

func (e *element) ignoreInHello(en *entry) {
	if en.kind != kindNull {
		e.hint(Hint{Kind: HintHello, Key: shortKey(en.key)})
	}
	en.kind = kindNull
}

// hint adds a hint, the first of its kind in the element.
func (e *element) hint(h Hint) {
	for _, old := range e.item.Hints {
		if old.Kind == h.Kind && old.Want == h.Want {
			return
		}
	}
	e.item.Hints = append(e.item.Hints, h)
}

// settleKind decides what the element is, and copies out its numbers.
func (e *element) settleKind(values, states int) {
	switch {
	case e.hello:
		e.item.Kind, e.item.Names = Hello, e.declared
	case values > 0 && e.elsewhere():
		return
	case values > 0:
		e.item.Kind = Reading
	case states > 0 && e.item.Seq == 0 && !e.unmeasured():
		e.item.Kind = Report
	case states > 0 && e.item.Seq != 0 && !e.unmeasured():
		e.failAt(vaiven.CodeNoValues, reasonSeqReport, nil, e.at)
		return
	default:
		e.noValues()
		return
	}
	if values > vaiven.MaxValues {
		e.failAt(vaiven.CodeTooLarge, vaiven.ReasonManyValues, nil, e.at)
		return
	}
	all := make([]vaiven.Value, 0, values+states) // one allocation for both
	all = e.appendKind(all, kindNumber)
	e.item.Values = all[:values:values]
	all = e.appendKind(all, kindBool)
	e.item.States = all[values:]
	if values == 0 {
		e.item.Values = nil
	}
	if states == 0 {
		e.item.States = nil
	}
}

func (e *element) appendKind(to []vaiven.Value, kind valueKind) []vaiven.Value {
	for i := range e.entries {
		if en := &e.entries[i]; en.kind == kind {
			to = append(to, vaiven.Value{Name: en.name, Num: en.num})
		}
	}
	return to
}

// unmeasured reports whether a measurement is null.
func (e *element) unmeasured() bool {
	for i := range e.entries {
		en := &e.entries[i]
		if en.kind == kindNull && en.name != "" && !e.d.isState(e.item.Device, en.name) {
			return true
		}
	}
	return false
}

// noValues says why nothing was measured: the sensor did not answer, or what
// was sent went by another name or type.
func (e *element) noValues() {
	if e.unmeasured() {
		e.failAt(vaiven.CodeNoValues, reasonNull, nil, e.at)
		return
	}
	for _, advice := range [...]struct {
		kind   HintKind
		reason string
	}{{HintName, reasonAlias}, {HintNested, reasonNested}, {HintText, reasonText}} { // the most telling first
		for _, h := range e.item.Hints {
			if h.Kind == advice.kind {
				e.failAt(vaiven.CodeNoValues, advice.reason, []byte(h.Key), e.at)
				e.err.Got = h.Got
				return
			}
		}
	}
	e.failAt(vaiven.CodeNoValues, "", nil, e.at)
}

// checkRules applies the ranges, and finds the place of what they refuse.
func (e *element) checkRules() {
	err := e.d.Rules.Check(e.item.Values)
	if err == nil {
		return
	}
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
