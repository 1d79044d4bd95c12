package stream

import "google.golang.org/protobuf/encoding/protowire"

// The field numbers of docs/log.proto. A number is never given another
// meaning; a field that a reader must understand comes with a new version of
// the record, an optional one with a new number.

// Kinds and versions of records that this program writes and understands.
const (
	recordKind    = 1 // events
	recordVersion = 1
)

// Envelope and Record.
const (
	fieldCRC  = protowire.Number(1)
	fieldBody = protowire.Number(2)

	fieldKind    = protowire.Number(1)
	fieldVersion = protowire.Number(2)
	fieldWriter  = protowire.Number(3)
	fieldN       = protowire.Number(4)
	fieldTime    = protowire.Number(5)
	fieldOffset  = protowire.Number(6)
	fieldSynced  = protowire.Number(7)
	fieldColumn  = protowire.Number(8)
	fieldEvent   = protowire.Number(9)
)

// Column: what a number in an event is called, and its decimals.
const (
	fieldColName     = protowire.Number(1)
	fieldColDecimals = protowire.Number(2)
	fieldColReal     = protowire.Number(3)
)

// Event: which kind it is.
const (
	eventReading      = protowire.Number(1)
	eventRefusal      = protowire.Number(2)
	eventGap          = protowire.Number(3)
	eventRejected     = protowire.Number(4)
	eventSessionStart = protowire.Number(5)
	eventSessionEnd   = protowire.Number(6)
	eventPresence     = protowire.Number(7)
	eventReport       = protowire.Number(8)
	eventHello        = protowire.Number(9)
	eventConflict     = protowire.Number(10)
	eventLogStart     = protowire.Number(11)
	eventChange       = protowire.Number(12)
	eventSent         = protowire.Number(13)
	eventChangeEnd    = protowire.Number(14)
	eventDescribed    = protowire.Number(15)
	eventForgotten    = protowire.Number(16)
)

// Fields that have the same number in every kind of event.
const (
	fieldEvDelta  = protowire.Number(1)
	fieldEvOffset = protowire.Number(2)
	fieldEvSynced = protowire.Number(3)
	fieldNumber   = protowire.Number(4)
	fieldDevice   = protowire.Number(5)
	fieldBoot     = protowire.Number(6)
	fieldDigits   = protowire.Number(7)

	fieldSeq       = protowire.Number(8) // Hello: oldest; Gap: from
	fieldColumns   = protowire.Number(10)
	fieldMantissas = protowire.Number(11)
	fieldReals     = protowire.Number(12)
	fieldRev       = protowire.Number(14)
)

// Fields of one kind each.
const (
	fieldMeasured  = protowire.Number(9) // Reading
	fieldStates    = protowire.Number(13)
	fieldUncounted = protowire.Number(15)

	fieldCode = protowire.Number(9) // Refusal, Rejected

	fieldTo = protowire.Number(9) // Gap

	fieldCount  = protowire.Number(10) // Rejected, SessionEnd
	fieldText   = protowire.Number(11)
	fieldRemote = protowire.Number(12)

	fieldReadings = protowire.Number(9) // SessionStart
	fieldDeadline = protowire.Number(10)
	fieldInterval = protowire.Number(11)

	fieldReason = protowire.Number(9) // SessionEnd

	fieldConnected  = protowire.Number(9) // Presence
	fieldPeer       = protowire.Number(10)
	fieldPeerReason = protowire.Number(11)
	fieldSleep      = protowire.Number(12)
	fieldSilent     = protowire.Number(13)

	fieldNext  = protowire.Number(9) // Hello
	fieldLost  = protowire.Number(13)
	fieldFW    = protowire.Number(15)
	fieldUp    = protowire.Number(16)
	fieldNames = protowire.Number(17)

	fieldRemotes = protowire.Number(9) // Conflict

	fieldLog = protowire.Number(9) // LogStart

	fieldKey = protowire.Number(9) // Change, Sent, ChangeEnd
	fieldBy  = protowire.Number(15)

	fieldToggle = protowire.Number(13) // Change
	fieldUntil  = protowire.Number(16)
	fieldIf     = protowire.Number(17)

	fieldEndReason = protowire.Number(8) // ChangeEnd
	fieldOutcome   = protowire.Number(13)
	fieldAsked     = protowire.Number(16)

	fieldTitle  = protowire.Number(9) // Described
	fieldNote   = protowire.Number(10)
	fieldGroups = protowire.Number(11)
)

// defaultDigits is the length of a boot id that is not written down.
const defaultDigits = 8

// pow10 are the powers of ten that a double holds exactly and a column may
// name as its decimals.
var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}
