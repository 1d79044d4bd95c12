package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
)

// TestOneBackupAtATime also shows that a backup that fails is cut off, and never looks
// whole.
func TestOneBackupAtATime(t *testing.T) {
	if a := send(t, newWorld(t).serve(t), "GET", prefix+"/backup", ""); a.problem(t).Status != http.StatusNotFound {
		t.Errorf("a server without backups: %d", a.status)
	}
	goOn := make(chan error)
	s := newWorld(t).serve(t, func(o *Options) {
		o.Backup = func(ctx context.Context, out io.Writer) error {
			if _, err := out.Write(make([]byte, 100_000)); err != nil {
				return err
			}
			select {
			case err := <-goOn:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	client := clientOf(t, s)
	for _, failed := range []error{nil, errors.New("the log is gone"), nil} {
		first, err := client.Backup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(first, make([]byte, 50_000)); err != nil {
			t.Fatal(err)
		}
		second := send(t, s, "GET", prefix+"/backup", "")
		if p := second.problem(t); p.Status != http.StatusServiceUnavailable || second.header.Get("Retry-After") != "10" {
			t.Errorf("a second one: %d, Retry-After %q", p.Status, second.header.Get("Retry-After"))
		}
		goOn <- failed
		n, err := io.Copy(io.Discard, first)
		if (err == nil) != (failed == nil) || failed == nil && n != 50_000 {
			t.Errorf("with the error %v: %d bytes more, %v", failed, n, err)
		}
		_ = first.Close()
	}
}
