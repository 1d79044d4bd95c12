package remotewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vaiven"
)

// Bounds of what a store may say.
const (
	maxAnswer = 512 // bytes of an answer that are read, for a person
	maxAsked  = 5 * time.Minute
)

// refusedError is an answer after which the batch is not sent again.
type refusedError struct {
	status int
	text   string // what the store says of it
}

func (e *refusedError) Error() string { return fmt.Sprintf("%d: %s", e.status, e.text) }

// laterError is anything else than success: the same again, not before after.
type laterError struct {
	err    error
	status int           // 0: there was no answer
	after  time.Duration // 0: the store did not say
}

// refuses reports whether a status means that the samples themselves are refused, now
// and whenever they come again. Every other one may be put right in the store, or in
// front of it, while the samples wait.
func refuses(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}

// hurried reports whether a status of 4xx asks for the same again soon.
func hurried(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

// post sends samples once. The error is a *refusedError, or a *laterError.
func (s *Sender) post(ctx context.Context, samples []vaiven.Sample) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, bytes.NewReader(encode(samples)))
	if err != nil {
		return &laterError{err: withoutURL(err)}
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	req.Header.Set("User-Agent", "vaiven/"+s.o.Version)
	resp, err := s.client.Do(req)
	if err != nil {
		return &laterError{err: withoutURL(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch text := strings.TrimSpace(strings.ToValidUTF8(string(said), "")); {
	case resp.StatusCode/100 == 2:
		return nil // whatever became of its text
	case refuses(resp.StatusCode):
		return &refusedError{resp.StatusCode, text}
	default:
		later := &laterError{errors.Join(fmt.Errorf("%s: %s", resp.Status, text), err), resp.StatusCode, retryAfter(resp)}
		if resp.StatusCode/100 == 4 && !hurried(resp.StatusCode) {
			later.after = max(later.after, s.o.RetryMax) // it waits for a person
		}
		return later
	}
}

// withoutURL takes the URL out of an error of net/http's: a key may stand in its query,
// and the host is said anyway.
func withoutURL(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err
	}
	return err
}

// retryAfter is the pause that the store asks for, in seconds.
func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxAsked)
}
