package views

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// FuzzCheckpoint: whatever a file holds, also under a right checksum, reading it
// does not panic, and what is accepted can be used.
func FuzzCheckpoint(f *testing.F) {
	d := begun(f)
	for s := uint64(1); s < 40; s++ {
		d.feed(f, reading("101", "aaaaaaaa", s*2), refusal("7", "bbbbbbbb", s))
	}
	body := appendText(nil, testLog)
	body = binary.AppendUvarint(body, d.next-1)
	body = append(d.appendState(body), 0)
	f.Add(body)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		b := append([]byte(checkpointMagic), checkpointVersion, 0, 0, 0)
		b = binary.LittleEndian.AppendUint64(b, uint64(len(body)))
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
		if cp, err := parseCheckpoint(append(b, body...)); err == nil {
			cp.decider.Clone().appendState(nil)
		}
		if cp, err := parseCheckpoint(body); err == nil {
			cp.decider.Clone()
		}
	})
}
