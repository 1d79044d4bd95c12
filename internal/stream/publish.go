package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How an attempt to write a record ended, where it did not succeed.
var (
	// errUnknown: the record may be in the log, or may still get there.
	errUnknown = errors.New("outcome of the commit is not known")
	// errNotNow: the record was not taken, and may be later.
	errNotNow = errors.New("the store does not take records now")
	// errNever: the record was refused for good.
	errNever = errors.New("the store refused the record")
)

// JetStream's error codes that are told apart.
const (
	codeWrongLast         = 10071
	codeWrongLastOnItsWay = 10164 // by a record that the cluster has not written yet
)

// publish makes one attempt to write rec. The error is errUnknown, errNotNow,
// errNever or the context's.
func (k *link) publish(ctx context.Context, msg *nats.Msg, timeout time.Duration) (uint64, error) {
	wait, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	wait, cut := context.WithCancelCause(wait)
	defer cut(nil)
	defer k.watch(cut)()
	if k.nc == nil || !k.nc.IsConnected() {
		return 0, fmt.Errorf("%w: not connected", errNotNow)
	}

	resp, err := k.nc.RequestMsgWithContext(wait, msg)
	switch {
	case err == nil:
		return k.parseAck(resp.Data)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, nats.ErrConnectionClosed):
		return 0, fmt.Errorf("%w: %w", errNotNow, err)
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrHeadersNotSupported):
		return 0, fmt.Errorf("%w: %w", errNever, err)
	case wait.Err() != nil:
		return 0, fmt.Errorf("%w: %w", errUnknown, context.Cause(wait))
	}
	return 0, fmt.Errorf("%w: %w", errUnknown, err)
}

// parseAck reads JetStream's answer to a publish.
func (k *link) parseAck(b []byte) (uint64, error) {
	var ack struct {
		Error  *jetstream.APIError `json:"error"`
		Stream string              `json:"stream"`
		Seq    uint64              `json:"seq"`
	}
	if err := json.Unmarshal(b, &ack); err != nil {
		return 0, fmt.Errorf("%w: answer does not parse: %w", errUnknown, err)
	}
	if e := ack.Error; e != nil {
		if e.ErrorCode == codeWrongLast || e.Code < 500 && e.Code != 408 && e.Code != 429 {
			return 0, fmt.Errorf("%w: %w", errNever, e)
		}
		return 0, fmt.Errorf("%w: %w", errNotNow, e)
	}
	if ack.Stream != k.stream || ack.Seq == 0 {
		return 0, fmt.Errorf("%w: stream %q answered for record %d", errNever, ack.Stream, ack.Seq)
	}
	return ack.Seq, nil
}

// publishFirst writes the first record behind last, unless another process
// was quicker: then its record is, or is about to be, the first.
func (k *link) publishFirst(ctx context.Context, rec []byte, last uint64) error {
	msg := nats.NewMsg(k.subject)
	msg.Data = rec
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(last, 10))
	for {
		_, err := k.publish(ctx, msg, apiTimeout)
		var api *jetstream.APIError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &api) && (api.ErrorCode == codeWrongLast || api.ErrorCode == codeWrongLastOnItsWay):
			return nil
		case errors.Is(err, errNever) || ctx.Err() != nil:
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits for d, or for the context's end.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
