package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streamState is what the server says the stream holds.
type streamState struct {
	first, last, msgs uint64
	fresh             bool // nothing was ever written
}

func (k *link) state(ctx context.Context) (streamState, error) {
	if k.js == nil {
		return streamState{}, ErrClosed
	}
	ctx, cancel := k.ask(ctx)
	defer cancel()
	var s jetstream.Stream
	err := insist(ctx, func(ctx context.Context) (err error) { s, err = k.js.Stream(ctx, k.stream); return err })
	if err != nil {
		return streamState{}, err
	}
	st, begin := s.CachedInfo().State, max(s.CachedInfo().Config.FirstSeq, 1)
	fresh := st.Msgs == 0 && st.LastSeq == begin-1
	return streamState{first: st.FirstSeq, last: st.LastSeq, msgs: st.Msgs, fresh: fresh}, nil
}

// insist repeats a question about a stream that exists, with ever more time for the
// answer, until ctx ends: in a cluster a question is lost when the stream changes its
// leader, and a server that has not yet heard of the stream says that there is none.
func insist(ctx context.Context, question func(context.Context) error) error {
	for wait := answerTimeout; ; wait *= 2 {
		one, cancel := context.WithTimeout(ctx, wait)
		err := question(one)
		late := one.Err() != nil
		cancel()
		none := errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, nats.ErrStreamNotFound)
		if err == nil || ctx.Err() != nil || !late && !none {
			return err
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
}

// get returns the bytes of one record. The stream's leader is asked: another
// server of a cluster may not have a record yet that the leader has acknowledged,
// and would say that it is missing.
func (k *link) get(ctx context.Context, seq uint64) ([]byte, error) {
	if k.nc == nil {
		return nil, ErrClosed
	}
	ctx, cancel := k.ask(ctx)
	defer cancel()
	js, err := k.nc.JetStream()
	if err != nil {
		return nil, err
	}
	var m *nats.RawStreamMsg
	err = insist(ctx, func(ctx context.Context) (err error) {
		m, err = js.GetMsg(k.stream, seq, nats.Context(ctx))
		return err
	})
	if errors.Is(err, nats.ErrMsgNotFound) {
		return nil, &MissingError{Want: seq}
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// JetStream's error codes of a stream that somebody else is just making, and of
// a cluster that is just coming together.
const (
	codeNameInUse   = 10058
	codeNoSuchPeers = 10005
	codeNotAvail    = 10008
	codeNoResources = 10023
)

// ensureStream makes sure that the stream exists and keeps what it is given. It
// is not made over files that hold records up to found, nor where something was
// acknowledged before.
//
// Other gateways may be making it at the same moment. A cluster then may answer
// one of them alone: whoever got no answer looks again.
func (k *link) ensureStream(ctx context.Context, o *Options, known mark, found uint64) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for {
		s, err := k.findStream(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if found > 0 {
				return ErrUnreadable
			}
			if known.acked > 0 {
				return &LostRecordsError{Want: known.acked}
			}
			s, err = k.createStream(ctx, o)
		}
		if err == nil {
			return checkConfig(s.CachedInfo().Config, k.subject)
		}
		if ctx.Err() != nil || !passing(err) {
			return fmt.Errorf("stream %s: %w", k.stream, err)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("stream %s: %w", k.stream, err)
		}
	}
}

// Creating a log settles within settleTimeout or not at all. An answer is waited for
// no longer than answerTimeout at first: that it did not come may mean nothing.
const (
	settleTimeout = 60 * time.Second
	answerTimeout = 2 * time.Second
)

func (k *link) findStream(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := k.ask(ctx)
	defer cancel()
	return k.js.Stream(ctx, k.stream)
}

func (k *link) createStream(ctx context.Context, o *Options) (jetstream.Stream, error) {
	ctx, cancel := k.ask(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return k.js.CreateStream(ctx, streamConfig(o, k.subject))
}

// passing says that a stream may be there, or can be made, a moment later.
func passing(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeNameInUse, codeNoSuchPeers, codeNotAvail, codeNoResources:
			return true
		}
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

// streamConfig keeps everything for ever: trimming is ours. No message ids are
// used, so the server need not remember any.
func streamConfig(o *Options, subject string) jetstream.StreamConfig {
	cfg := jetstream.StreamConfig{
		Name:        o.Stream,
		Description: "the log of vaiven",
		Subjects:    []string{subject},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		Replicas:    o.Replicas,
		Duplicates:  100 * time.Millisecond,
		AllowDirect: true,
	}
	if o.FirstSeq > 1 {
		cfg.FirstSeq = o.FirstSeq
	}
	return cfg
}

// checkConfig refuses a stream that loses what it has acknowledged.
func checkConfig(c jetstream.StreamConfig, subject string) error {
	limited := c.MaxMsgs > 0 || c.MaxBytes > 0 || c.MaxMsgsPerSubject > 0
	switch {
	case c.Storage != jetstream.FileStorage:
		return fmt.Errorf("%w: its storage is %s, not file", ErrUnsafe, c.Storage)
	case c.PersistMode != jetstream.DefaultPersistMode:
		return fmt.Errorf("%w: its persist mode is %s: it acknowledges before it writes", ErrUnsafe, c.PersistMode)
	case c.MaxAge > 0:
		return fmt.Errorf("%w: it discards what is older than %s", ErrUnsafe, c.MaxAge)
	case c.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("%w: its retention is %s", ErrUnsafe, c.Retention)
	case c.Discard != jetstream.DiscardNew && limited:
		return fmt.Errorf("%w: it discards old records when it is full", ErrUnsafe)
	case c.MaxMsgSize > 0 && c.MaxMsgSize < MaxRecord:
		return fmt.Errorf("%w: its messages are at most %d bytes, records up to %d", ErrUnsafe, c.MaxMsgSize, MaxRecord)
	case c.NoAck:
		return fmt.Errorf("%w: it does not acknowledge", ErrUnsafe)
	case c.Mirror != nil || len(c.Sources) > 0 || c.SubjectTransform != nil:
		return fmt.Errorf("%w: it is a copy of another stream", ErrUnsafe)
	case len(c.Subjects) != 1 || c.Subjects[0] != subject:
		return fmt.Errorf("%w: its subjects are %q, not %q", ErrUnsafe, c.Subjects, subject)
	}
	return nil
}
