package wire

import (
	"vaiven"
)

// DeviceReading is a reading as a board sends it.
type DeviceReading struct {
	Device vaiven.Device
	Boot   vaiven.Boot // left out when ""
	Seq    uint64      // left out when 0
	Age    int64       // ms, or AgeAbsent or AgeUnknown; 0 is written only with a SEQ, without one it says nothing new
	Time   int64       // epoch ms, instead of Age; left out when 0
	Values []vaiven.Value
	States []vaiven.Value
	Rev    uint64 // of States, left out when 0
}

// DeviceHello is what a board says of itself when it connects.
type DeviceHello struct {
	Device       vaiven.Device
	Boot         vaiven.Boot
	Oldest, Next uint64 // range of SEQ still held; both left out when Next is 0
	Lost         uint64
	Up           int64          // ms since power-up; left out when negative
	Sleep        int64          // left out when 0
	Declare      []string       // state names beyond the server's own, sent as STATES
	States       []vaiven.Value // what they are now
	Rev          uint64         // left out when 0
	FW           string         // left out when ""
	Proof        string         // vaiven.Proof for the server's nonce; left out when ""
}

// DeviceReport is a state report: what the board has, with the REV that it
// follows.
type DeviceReport struct {
	Device vaiven.Device
	Boot   vaiven.Boot
	States []vaiven.Value
	Rev    uint64 // left out when 0: a local change
}

// AppendReading appends the message to b.
func AppendReading(b []byte, r DeviceReading) []byte {
	b = appendDevice(append(b, '{'), r.Device, r.Boot)
	if r.Seq != 0 {
		b = appendUint(b, vaiven.KeySeq, r.Seq)
	}
	switch {
	case r.Age == AgeUnknown:
		b = append(appendKey(b, vaiven.KeyAge), "null"...)
	case r.Age > 0 || r.Age == 0 && r.Seq != 0 && r.Time == 0:
		b = appendInt(b, vaiven.KeyAge, r.Age)
	}
	if r.Time != 0 {
		b = appendInt(b, vaiven.KeyTime, r.Time)
	}
	b = appendValues(b, r.Values)
	b = appendValues(b, r.States)
	if r.Rev != 0 {
		b = appendUint(b, vaiven.KeyRev, r.Rev)
	}
	return append(b, '}')
}

// AppendHello appends the message to b.
func AppendHello(b []byte, h DeviceHello) []byte {
	b = appendDevice(append(b, `{"HELLO":1,`...), h.Device, h.Boot)
	if h.Next != 0 {
		b = appendUint(b, vaiven.KeyOldest, h.Oldest)
		b = appendUint(b, vaiven.KeyNext, h.Next)
	}
	if h.Lost != 0 || h.Next != 0 {
		b = appendUint(b, vaiven.KeyLost, h.Lost)
	}
	if h.Up >= 0 {
		b = appendInt(b, vaiven.KeyUp, h.Up)
	}
	if h.Sleep > 0 {
		b = appendInt(b, vaiven.KeySleep, h.Sleep)
	}
	if len(h.Declare) > 0 {
		b = append(appendKey(b, vaiven.KeyStates), '"')
		for i, n := range h.Declare {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, n...)
		}
		b = append(b, '"')
	}
	b = appendValues(b, h.States)
	if h.Rev != 0 {
		b = appendUint(b, vaiven.KeyRev, h.Rev)
	}
	if h.FW != "" {
		b = appendString(appendKey(b, vaiven.KeyFW), h.FW, MaxFW+2)
	}
	if h.Proof != "" {
		b = appendString(appendKey(b, vaiven.KeyProof), h.Proof, len(h.Proof)+2)
	}
	return append(b, '}')
}

// AppendReport appends the message to b.
func AppendReport(b []byte, r DeviceReport) []byte {
	b = appendDevice(append(b, '{'), r.Device, r.Boot)
	b = appendValues(b, r.States)
	if r.Rev != 0 {
		b = appendUint(b, vaiven.KeyRev, r.Rev)
	}
	return append(b, '}')
}

func appendValues(b []byte, values []vaiven.Value) []byte {
	for _, v := range values {
		b = vaiven.AppendNumber(appendKey(b, v.Name), v.Num)
	}
	return b
}
