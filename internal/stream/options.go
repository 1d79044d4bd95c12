package stream

import (
	"cmp"
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	"vaiven"
)

// Options say where the log is and how it is kept. The zero value with a Dir
// is an embedded log with fsync.
type Options struct {
	// Dir is the folder of the embedded log; it is created if need be, and
	// locked while the log is open. With URL it may be "": then there is no
	// witness of what was acknowledged, beside the servers' own replicas.
	Dir string
	// URL is an external NATS server or cluster ("nats://a:4222,nats://b:4222"),
	// "" for the embedded one.
	URL string
	// Stream is the stream's name, default "VAIVEN". Its one subject is the
	// name in lower case with ".log" appended.
	Stream string
	// Replicas is for a stream that has to be created on an external cluster,
	// default 1.
	Replicas int
	// NoSync leaves out fsync. Acknowledged readings can then be lost with the
	// power: only for the control of the power-cut test.
	NoSync bool
	// OnCommit is told, in log order and from Run's goroutine, what is
	// durable. It must not block: the next commit waits for it.
	OnCommit func([]vaiven.Ticket)
	// FirstSeq is the first sequence of a log that has to be created, default
	// 1. A log that replaces a lost one starts behind it, so that no id is
	// used twice.
	FirstSeq uint64
	// Stamp tells the time for the records that the log itself writes,
	// default the system's, as unsynchronised UTC.
	Stamp func() vaiven.Stamp
	// Rand is the source of the log's id and the writer's, default
	// crypto/rand.
	Rand io.Reader
	// Logger is told what happens, default slog.Default().
	Logger *slog.Logger

	// Reserve is the free space, in bytes, below which nothing is written:
	// default 64 MiB or 2 % of the filesystem, whichever is less. Negative:
	// none.
	Reserve int64
	// QueueEvents and QueueBytes bound what Append takes before it is
	// committed, defaults 65,536 and 16 MiB (of encoded size, counted on the
	// safe side). When full, Append waits.
	QueueEvents, QueueBytes int
	// CommitTimeout is how long one attempt may go without an answer before
	// the record is sent again, default 5 s.
	CommitTimeout time.Duration
	// StallAfter is how long nothing may have been committed before Append
	// refuses with CodeBusy, default 2 s.
	StallAfter time.Duration
	// DrainTimeout is how long Run goes on committing what is queued after its
	// context has ended, default 5 s.
	DrainTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Stream == "" {
		o.Stream = "VAIVEN"
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.FirstSeq == 0 {
		o.FirstSeq = 1
	}
	if o.OnCommit == nil {
		o.OnCommit = func([]vaiven.Ticket) {}
	}
	if o.Stamp == nil {
		o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli()} }
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.QueueEvents = cmp.Or(o.QueueEvents, 65_536)
	o.QueueBytes = cmp.Or(o.QueueBytes, 16<<20)
	o.CommitTimeout = cmp.Or(o.CommitTimeout, 5*time.Second)
	o.StallAfter = cmp.Or(o.StallAfter, 2*time.Second)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 5*time.Second)
	return o
}
