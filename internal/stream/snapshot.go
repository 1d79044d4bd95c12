package stream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

// Snapshots of the views are kept in a second stream beside the log's, NAME-SNAPSHOTS,
// so that they are where the log is: another node of a cluster finds both. A snapshot
// is some chunks and, behind them, a seal, all under one subject of its own,
// name.snapshot.POS.ATTEMPT. What has no seal, or not as many chunks as the seal says,
// is what remains of an attempt that was cut short: nobody sees it, and the next
// PutSnapshot removes it. The subject name.trim holds how far the log was trimmed.
//
// A piece is, in little-endian: its magic, the log's id (16 bytes), pos (uint64), then
//
//	chunk:  index (uint32), data
//	seal:   time (int64), size (uint64), chunks (uint32), CRC-32C of all data (uint32)
//	trim:   nothing; pos is the record that the log begins with
//
// and the CRC-32C of all that (uint32).
const (
	magicChunk = "VWSC"
	magicSeal  = "VWSS"
	magicTrim  = "VWST"

	pieceHead = 4 + 16 + 8
	sealBody  = 8 + 8 + 4 + 4
	chunkData = MaxRecord - 1<<10 // a piece is no larger than a record, which the server takes

	// MaxSnapshot is the largest snapshot, in bytes.
	MaxSnapshot = 256 << 20
)

// leftoverAge is after how long without a new chunk an attempt of another node is
// given up; in an embedded log there is no other node.
const leftoverAge = 10 * time.Minute

// ErrNoSnapshot means that no whole snapshot stands at that record.
var ErrNoSnapshot = errors.New("there is no snapshot at that record")

// ErrNeeded means that a snapshot cannot be dropped: the log begins behind it, and
// without it nobody could start.
var ErrNeeded = errors.New("the log cannot be read without that snapshot")

// piece is a message of the stream of snapshots.
type piece struct {
	magic  string
	log    string
	pos    uint64
	index  uint32 // of a chunk
	data   []byte // of a chunk
	at     int64  // of a seal, like all that follows
	size   uint64
	chunks uint32
	sum    uint32
}

// appendPiece appends the encoding of p to b.
func appendPiece(b []byte, p piece) ([]byte, error) {
	id, err := hex.DecodeString(p.log)
	if err != nil || len(id) != 16 {
		return nil, fmt.Errorf("%w: log id %q", ErrNotALog, p.log)
	}
	from, le := len(b), binary.LittleEndian
	b = append(append(b, p.magic...), id...)
	b = le.AppendUint64(b, p.pos)
	switch p.magic {
	case magicChunk:
		b = append(le.AppendUint32(b, p.index), p.data...)
	case magicSeal:
		b = le.AppendUint64(le.AppendUint64(b, uint64(p.at)), p.size)
		b = le.AppendUint32(le.AppendUint32(b, p.chunks), p.sum)
	}
	return le.AppendUint32(b, crc32.Checksum(b[from:], castagnoli)), nil
}

// parsePiece reads what appendPiece wrote; the data is a part of b. The error is
// ErrCorrupt or ErrLater.
func parsePiece(b []byte) (piece, error) {
	le := binary.LittleEndian
	if len(b) < pieceHead+4 {
		return piece{}, fmt.Errorf("%w: a piece of %d bytes", ErrCorrupt, len(b))
	}
	body, sum := b[:len(b)-4], le.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return piece{}, fmt.Errorf("%w: checksum of a piece", ErrCorrupt)
	}
	p := piece{magic: string(body[:4]), log: hex.EncodeToString(body[4:20]), pos: le.Uint64(body[20:])}
	rest := body[pieceHead:]
	switch {
	case p.magic == magicChunk && len(rest) >= 4:
		p.index, p.data = le.Uint32(rest), rest[4:]
	case p.magic == magicSeal && len(rest) == sealBody:
		p.at, p.size = int64(le.Uint64(rest)), le.Uint64(rest[8:])
		p.chunks, p.sum = le.Uint32(rest[16:]), le.Uint32(rest[20:])
	case p.magic == magicTrim && len(rest) == 0:
	default:
		return piece{}, fmt.Errorf("%w: a piece %q of %d bytes", ErrLater, p.magic, len(b))
	}
	return p, nil
}

// joinPieces puts a snapshot together from its chunks and their seal, in the order in
// which next hands them out. The error is next's, ErrCorrupt or ErrLater.
func joinPieces(log string, pos uint64, next func() ([]byte, error)) ([]byte, error) {
	var data []byte
	for n := uint32(0); ; n++ {
		b, err := next()
		if err != nil {
			return nil, err
		}
		p, err := parsePiece(b)
		switch {
		case err != nil:
			return nil, err
		case p.log != log || p.pos != pos:
			return nil, fmt.Errorf("%w: a piece of another snapshot", ErrCorrupt)
		case p.magic == magicChunk && p.index == n && len(data)+len(p.data) <= MaxSnapshot:
			data = append(data, p.data...)
		case p.magic == magicSeal && p.chunks == n && p.size == uint64(len(data)) && p.sum == crc32.Checksum(data, castagnoli):
			return data, nil
		default:
			return nil, fmt.Errorf("%w: the pieces do not fit together", ErrCorrupt)
		}
	}
}

// snapshotsName and the subjects of the stream of snapshots.
func (s *store) snapshotsName() string { return s.stream + "-SNAPSHOTS" }

func (s *store) snapshotSubject(pos, attempt string) string {
	return strings.ToLower(s.stream) + ".snapshot." + pos + "." + attempt
}

func (s *store) trimSubject() string { return strings.ToLower(s.stream) + ".trim" }

// snapshotsConfig is the stream of snapshots, kept as well as the log.
func snapshotsConfig(s *store, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        s.snapshotsName(),
		Description: "snapshots of vaiven's views",
		Subjects:    []string{s.snapshotSubject("*", "*"), s.trimSubject()},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		Replicas:    replicas,
		Duplicates:  100 * time.Millisecond,
		Compression: jetstream.S2Compression,
	}
}

// kept is what the stream holds of one attempt at a snapshot.
type kept struct {
	subject string
	whole   bool
	info    vaiven.SnapshotInfo // of a whole one
	last    time.Time           // when its last piece was written
}

// listKept looks at every attempt in the stream of snapshots. With insist, that there
// is no such stream is not believed at once: it exists, and some server of the cluster
// may not have heard of it.
func (l *Log) listKept(ctx context.Context, s *store, insist bool) ([]kept, error) {
	stream, err := s.snapshots(ctx, insist)
	if err != nil || stream == nil {
		return nil, err
	}
	var info *jetstream.StreamInfo
	err = s.insist(ctx, func(ctx context.Context) (err error) {
		info, err = stream.Info(ctx, jetstream.WithSubjectFilter(s.snapshotSubject("*", "*")))
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []kept
	for subject, messages := range info.State.Subjects {
		k := kept{subject: subject}
		m, err := lastOf(ctx, s, stream, subject)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue // it was removed just now
		}
		k.last = m.Time
		p, err := parsePiece(m.Data)
		if err == nil && p.magic == magicSeal && p.log == l.id && uint64(p.chunks)+1 == messages {
			k.whole = true
			k.info = vaiven.SnapshotInfo{Pos: p.pos, At: p.at, Size: int64(p.size)}
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b kept) int {
		return cmp.Or(cmp.Compare(a.info.Pos, b.info.Pos), strings.Compare(a.subject, b.subject))
	})
	return out, nil
}

// snapshots returns the stream of snapshots, nil when there is none.
func (s *store) snapshots(ctx context.Context, insist bool) (jetstream.Stream, error) {
	if s.js == nil {
		return nil, ErrClosed
	}
	var stream jetstream.Stream
	err := s.insist(ctx, func(ctx context.Context) (err error) {
		stream, err = s.js.Stream(ctx, s.snapshotsName())
		if (!insist || s.srv != nil) && errors.Is(err, jetstream.ErrStreamNotFound) {
			stream, err = nil, nil
		}
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	return stream, err
}

// lastOf returns the last message under a subject, nil when there is none.
func lastOf(ctx context.Context, s *store, stream jetstream.Stream, subject string) (m *jetstream.RawStreamMsg, err error) {
	err = s.insist(ctx, func(ctx context.Context) (err error) {
		m, err = stream.GetLastMsgForSubject(ctx, subject)
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return m, err
}

// Snapshots lists the whole snapshots of this log, ascending by Pos.
func (l *Log) Snapshots(ctx context.Context) ([]vaiven.SnapshotInfo, error) {
	s, _ := l.current()
	all, err := l.listKept(ctx, s, false)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	return wholeOnes(all), nil
}

// wholeOnes is each whole snapshot once, whoever wrote it.
func wholeOnes(all []kept) (out []vaiven.SnapshotInfo) {
	for _, k := range all {
		if k.whole && (len(out) == 0 || out[len(out)-1].Pos != k.info.Pos) {
			out = append(out, k.info)
		}
	}
	return out
}

// PutSnapshot keeps data as the snapshot at info.Pos, durably; info.Size need not be
// given. Where there is one at that record already, nothing is done. The error is a
// *LowDiskError when it would leave less than half of the reserve.
//
// If we die here, the pieces that were written are nobody's, and the next PutSnapshot
// removes them.
func (l *Log) PutSnapshot(ctx context.Context, info vaiven.SnapshotInfo, data []byte) error {
	if err := l.putSnapshot(ctx, info, data); err != nil {
		return fmt.Errorf("snapshot at record %d: %w", info.Pos, err)
	}
	return nil
}

func (l *Log) putSnapshot(ctx context.Context, info vaiven.SnapshotInfo, data []byte) error {
	if len(data) > MaxSnapshot {
		return fmt.Errorf("%d MiB are more than a snapshot may have, %d MiB", len(data)>>20, MaxSnapshot>>20)
	}
	if err := l.disk.checkRoomFor(int64(len(data))); err != nil {
		return err
	}
	select {
	case l.keeping <- struct{}{}: // one at a time: what is not whole is then of nobody
		defer func() { <-l.keeping }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, _ := l.current()
	if s.js == nil {
		return ErrClosed
	}
	stream, err := s.obtainStream(ctx, snapshotsConfig(s, max(l.durability.Replicas, 1)), nil)
	if err != nil {
		return err
	}
	all, err := l.listKept(ctx, s, true)
	if err != nil {
		return err
	}
	if err := l.removeLeftovers(ctx, s, stream, all); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(k kept) bool { return k.whole && k.info.Pos == info.Pos }) {
		return l.syncRest() // the attempt that wrote it may have failed at that
	}
	var b [8]byte
	if _, err := io.ReadFull(l.o.Rand, b[:]); err != nil {
		return err
	}
	if err := s.putPieces(ctx, s.snapshotSubject(strconv.FormatUint(info.Pos, 10), hex.EncodeToString(b[:])), l.id, info, data); err != nil {
		return err
	}
	return l.syncRest()
}

// putPieces writes the chunks and, last, the seal.
func (s *store) putPieces(ctx context.Context, subject, log string, info vaiven.SnapshotInfo, data []byte) error {
	seal := piece{magic: magicSeal, log: log, pos: info.Pos, at: info.At, size: uint64(len(data)), sum: crc32.Checksum(data, castagnoli)}
	var buf []byte
	for chunk := range slices.Chunk(data, chunkData) {
		var err error
		buf, err = appendPiece(buf[:0], piece{magic: magicChunk, log: log, pos: info.Pos, index: seal.chunks, data: chunk})
		if err == nil {
			err = s.putPiece(ctx, subject, buf)
		}
		if err != nil {
			return err
		}
		seal.chunks++
	}
	buf, err := appendPiece(buf[:0], seal)
	if err == nil {
		err = s.putPiece(ctx, subject, buf)
	}
	return err
}

// putPiece writes one message of the stream of snapshots. An embedded server has it on
// the disk behind syncRest.
func (s *store) putPiece(ctx context.Context, subject string, b []byte, opts ...jetstream.PublishOpt) error {
	ctx, cancel := s.boundQuestion(ctx)
	defer cancel()
	_, err := s.js.Publish(ctx, subject, b, append(opts, jetstream.WithExpectStream(s.snapshotsName()))...)
	return err
}

// removeLeftovers removes what remains of attempts that were cut short. Another node
// may just be writing one: then only what has not grown for long.
func (l *Log) removeLeftovers(ctx context.Context, s *store, stream jetstream.Stream, all []kept) error {
	alone := l.o.URL == ""
	var newest time.Time // by the server's clock, as all of these
	for _, k := range all {
		if k.last.After(newest) {
			newest = k.last
		}
	}
	for _, k := range all {
		if !k.whole && (alone || newest.Sub(k.last) > leftoverAge) {
			if err := l.purgeSubject(ctx, s, stream, k.subject, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// purgeRoom is what must be free for a subject to be purged: a note for each piece.
// JetStream that cannot write one holds its lock for ever.
const purgeRoom = 1 << 20

// purgeSubject removes all messages of a subject but the newest keep. The error is a
// *LowDiskError when there is not even space to do that.
func (l *Log) purgeSubject(ctx context.Context, s *store, stream jetstream.Stream, subject string, keep uint64) error {
	if l.disk.dir != "" {
		if free, _, err := diskSpace(l.disk.dir); err == nil && free < purgeRoom {
			return &LowDiskError{Free: free, Reserve: purgeRoom}
		}
	}
	opts := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSubject(subject)}
	if keep > 0 {
		opts = append(opts, jetstream.WithPurgeKeep(keep))
	}
	err := s.insist(ctx, func(ctx context.Context) error { return stream.Purge(ctx, opts...) })
	if err == nil { // it may have put another file, not synced, in the place of one that also holds others
		err = l.syncRest()
	}
	return err
}

// Snapshot returns the snapshot at a record. The error is ErrNoSnapshot, or ErrCorrupt
// for one that is not what was put.
func (l *Log) Snapshot(ctx context.Context, pos uint64) ([]byte, error) {
	data, err := l.readSnapshot(ctx, pos)
	if err != nil {
		return nil, fmt.Errorf("snapshot at record %d: %w", pos, err)
	}
	return data, nil
}

func (l *Log) readSnapshot(ctx context.Context, pos uint64) ([]byte, error) {
	s, _ := l.current()
	all, err := l.listKept(ctx, s, false)
	if err != nil {
		return nil, err
	}
	stream, err := s.snapshots(ctx, false)
	if err != nil {
		return nil, err
	}
	err = ErrNoSnapshot
	for _, k := range all { // two nodes may have written it; one good one is enough
		if !k.whole || k.info.Pos != pos {
			continue
		}
		var data []byte
		if data, err = l.readPieces(ctx, s, stream, k); err == nil {
			return data, nil
		}
	}
	return nil, err
}

// readPieces reads one attempt.
func (l *Log) readPieces(ctx context.Context, s *store, stream jetstream.Stream, k kept) ([]byte, error) {
	seq := uint64(0)
	return joinPieces(l.id, k.info.Pos, func() ([]byte, error) {
		var m *jetstream.RawStreamMsg
		err := s.insist(ctx, func(ctx context.Context) (err error) {
			m, err = stream.GetMsg(ctx, seq+1, jetstream.WithGetMsgSubject(k.subject))
			return err
		})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, fmt.Errorf("%w: pieces are missing", ErrCorrupt)
		}
		if err != nil {
			return nil, err
		}
		seq = m.Sequence
		return bytes.Clone(m.Data), nil
	})
}

// DropSnapshot removes the snapshot at a record; that there is none is no error. It is
// ErrNeeded for the last one without which a trimmed log could not be read.
func (l *Log) DropSnapshot(ctx context.Context, pos uint64) error {
	if err := l.dropSnapshot(ctx, pos); err != nil {
		return fmt.Errorf("drop snapshot at record %d: %w", pos, err)
	}
	return nil
}

func (l *Log) dropSnapshot(ctx context.Context, pos uint64) error {
	s, _ := l.current()
	all, err := l.listKept(ctx, s, false)
	if err != nil || len(all) == 0 {
		return err
	}
	if first := l.First(); first > l.genesis && pos+1 >= first {
		others := slices.ContainsFunc(all, func(k kept) bool { return k.whole && k.info.Pos != pos && k.info.Pos+1 >= first })
		if !others {
			return ErrNeeded
		}
	}
	stream, err := s.snapshots(ctx, false)
	if err != nil || stream == nil {
		return err
	}
	for _, k := range all {
		if k.whole && k.info.Pos == pos {
			if err := l.purgeSubject(ctx, s, stream, k.subject, 0); err != nil {
				return err
			}
		}
	}
	return nil
}
