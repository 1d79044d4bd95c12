package stream

import (
	"context"
	"errors"
	"strings"
	"testing"

	"vaiven"
)

// TestAnotherNodeTrims: two logs on one server, of which one trims. The other, which
// reads, writes, or was away meanwhile, calls nothing damaged.
func TestAnotherNodeTrims(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	ctx := testContext(t)
	a := start(t, Options{URL: srv.ClientURL()})
	b := start(t, Options{URL: srv.ClientURL()})
	awayDir := t.TempDir()
	away := start(t, Options{URL: srv.ClientURL(), Dir: awayDir})
	a.write(100, 10)
	if err := away.stop(); err != nil {
		t.Fatal(err)
	}

	// b follows, and has come to the end; a slow reader of b's is at record 2.
	follow, stop := context.WithCancel(ctx)
	defer stop()
	seen := make(chan uint64, 1000)
	followed := make(chan error, 1)
	go func() {
		followed <- b.Read(follow, 1, 0, func(r vaiven.Record) error { seen <- r.Seq; return nil })
	}()
	waitFor := func(seq uint64) {
		t.Helper()
		for {
			select {
			case n := <-seen:
				if n == seq {
					return
				}
			case err := <-followed:
				t.Fatal(err)
			}
		}
	}
	waitFor(101)

	a.put(50, []byte("fifty"))
	if err := a.Trim(ctx, 50); err != nil {
		t.Fatal(err)
	}
	if data, err := b.Snapshot(ctx, 50); err != nil || string(data) != "fifty" {
		t.Errorf("the other node's snapshot: %q, %v", data, err)
	}
	var trimmed *TrimmedError
	err := b.Read(ctx, 2, 0, func(vaiven.Record) error { return nil })
	if !errors.As(err, &trimmed) || trimmed.First != 51 {
		t.Errorf("read what was trimmed: %v", err)
	}
	b.holds(51, 101)
	if err := b.Trim(ctx, 50); err != nil {
		t.Errorf("trim what is trimmed: %v", err)
	}
	b.append(reading(2, 1))
	b.await(1)
	waitFor(102)

	away = start(t, Options{URL: srv.ClientURL(), Dir: awayDir})
	away.holds(51, 102)
	late := start(t, Options{URL: srv.ClientURL()})
	late.holds(51, 102)
	if late.ID() != a.ID() {
		t.Errorf("two logs: %s and %s", late.ID(), a.ID())
	}
	stop()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower: %v", err)
	}
}

// TestAReaderIsOvertakenByATrim: it is in the middle of what goes.
func TestAReaderIsOvertakenByATrim(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	a := start(t, Options{URL: srv.ClientURL()})
	b := start(t, Options{URL: srv.ClientURL()})
	a.write(2*fetchRecords, 10) // more than is fetched ahead
	last := uint64(2*fetchRecords + 1)
	a.put(last-1, []byte("most"))
	ctx := testContext(t)
	var got uint64
	err := b.Read(ctx, 1, last, func(r vaiven.Record) error {
		if r.Seq != got+1 {
			t.Errorf("record %d after %d", r.Seq, got)
		}
		if got = r.Seq; got == 3 {
			return a.Trim(ctx, last-1)
		}
		return nil
	})
	var trimmed *TrimmedError
	if !errors.As(err, &trimmed) || trimmed.Want != got+1 || trimmed.First != last {
		t.Errorf("read %d records: %v", got, err)
	}
	b.holds(last, last)
}

// TestAClusterIsTrimmed: what one node trims is trimmed for all, the leader's death
// included, and a node that comes new starts from the snapshot.
func TestAClusterIsTrimmed(t *testing.T) {
	srvs := cluster(t, 3)
	var urls []string
	for _, s := range srvs {
		urls = append(urls, s.ClientURL())
	}
	o := Options{URL: strings.Join(urls, ","), Replicas: 3}
	ctx := testContext(t)
	a, b := start(t, o), start(t, o)
	a.write(20, 10)
	data := noise(7, 2*chunkData)
	a.put(10, data)
	b.put(15, []byte("fifteen"))
	if err := a.Trim(ctx, 10); err != nil {
		t.Fatal(err)
	}
	shutdown(leaderOf(t, a, srvs))
	until(t, "the other node's trim", func() bool {
		return b.DropSnapshot(ctx, 10) == nil && b.Trim(ctx, 15) == nil
	})
	late := start(t, o)
	late.holds(16, 21)
	a.holds16(t)
	if got, err := late.Snapshot(ctx, 15); err != nil || string(got) != "fifteen" {
		t.Errorf("%q, %v", got, err)
	}
}

// holds16 is holds(16, 21) for a node that must first find out.
func (r *running) holds16(t *testing.T) {
	t.Helper()
	var trimmed *TrimmedError
	err := r.Read(testContext(t), 12, 0, func(vaiven.Record) error { return nil })
	if !errors.As(err, &trimmed) || trimmed.First != 16 {
		t.Errorf("read what another node trimmed: %v", err)
	}
	r.holds(16, 21)
}

// TestNodesTrimAtOnce: the marks of two nodes never go back.
func TestNodesTrimAtOnce(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	a := start(t, Options{URL: srv.ClientURL()})
	b := start(t, Options{URL: srv.ClientURL()})
	a.write(30, 10)
	a.put(30, []byte("all"))
	ctx := testContext(t)
	done := make(chan error, 2)
	for _, l := range []*running{a, b} {
		go func() {
			s, _ := l.current()
			for first := uint64(2); first <= 31; first++ {
				got, err := l.putTrimMark(ctx, s, first)
				if err == nil && got < first {
					err = errors.New("the mark went back")
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	start(t, Options{URL: srv.ClientURL()}).holds(31, 31)
}
