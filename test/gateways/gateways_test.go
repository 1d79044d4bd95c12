//go:build suites && linux

package gateways

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

var cycles = flag.Int("cycles", 3, "how often a gateway hangs, or its way to NATS is cut")

const boards = 10

// gateway starts a vaiven on the shared server, with a folder of its own.
func gateway(t *testing.T, nats string) *harness.Server {
	t.Helper()
	return gatewayIn(t, nats, "UTC")
}

// gatewayIn is gateway in a zone.
func gatewayIn(t *testing.T, nats, zone string) *harness.Server {
	t.Helper()
	s := newGateway(t, nats, zone)
	s.StartReady()
	return s
}

func newGateway(t *testing.T, nats, zone string) *harness.Server {
	t.Helper()
	s := harness.NewServer(t, "serve", t.TempDir(), "--nats", "nats://"+nats)
	s.Env = append(s.Env, "TZ="+zone, "VAIVEN_API_TOKEN="+everywhere)
	return s
}

// everywhere is the token of all gateways, for who goes from one to another.
const everywhere = "one token for all of them"

// bothAtOnce starts two gateways in the same moment, each with its way to one
// server, which has no log yet.
func bothAtOnce(t *testing.T, nats1, nats2 string) (a, b *harness.Server) {
	t.Helper()
	a, b = newGateway(t, nats1, "UTC"), newGateway(t, nats2, "UTC")
	a.Start()
	b.Start()
	a.WaitReady()
	b.WaitReady()
	return a, b
}

// TestBoardsMoveWhileAGatewayHangs stops one gateway where it stands, at full
// speed, so that batches are in flight; the boards go to the other one; then the
// first wakes up and finishes what it was doing.
func TestBoardsMoveWhileAGatewayHangs(t *testing.T) {
	nats := natsServer(t)
	a, b := bothAtOnce(t, nats, nats)
	f := harness.NewFleet(t, a.Addr, boards)
	f.Start(t)
	for range *cycles {
		progress(t, f)
		a.Signal(syscall.SIGSTOP)
		for _, board := range f.Boards {
			board.Move(b.Addr)
		}
		progress(t, f)
		a.Signal(syscall.SIGCONT)
		progress(t, f)
		a, b = b, a
	}
	finish(t, f, a, b)
}

// TestPublishOfUnknownOutcome cuts the only gateway's way to NATS while it
// publishes, again and again: some batches arrived without their answer, some
// did not arrive.
func TestPublishOfUnknownOutcome(t *testing.T) {
	nats := natsServer(t)
	w := newWire(t, nats)
	a, b := bothAtOnce(t, w.addr, nats)
	f := harness.NewFleet(t, a.Addr, boards)
	f.Start(t)
	for range 3 * *cycles {
		progress(t, f)
		w.Cut()
		w.Join()
	}
	progress(t, f)
	finish(t, f, a, b)
}

// progress waits until each board has been acknowledged more than now.
func progress(t *testing.T, f *harness.Fleet) {
	t.Helper()
	var marks []uint64
	for _, b := range f.Boards {
		marks = append(marks, b.Acked())
	}
	for i, b := range f.Boards {
		harness.Until(t, 4*time.Minute, "board "+b.Device+" is acknowledged", func() bool { return b.Acked() > marks[i] })
	}
}

// finish stops the boards and requires of both gateways the same file, with
// everything in it.
func finish(t *testing.T, f *harness.Fleet, a, b *harness.Server) {
	t.Helper()
	f.Stop()
	harness.Until(t, 4*time.Minute, "both gateways hold the same rows", func() bool {
		x, errA := os.ReadFile(a.CSV())
		y, errB := os.ReadFile(b.CSV())
		return errA == nil && errB == nil && bytes.Equal(x, y)
	})
	a.Stop()
	b.Stop()
	rows := f.CheckCSV(t, a.CSV())
	if other := f.CheckCSV(t, b.CSV()); !slices.Equal(rows, other) {
		t.Errorf("the gateways' files differ: %d and %d rows", len(rows), len(other))
	}
	t.Logf("%d rows, %d acknowledged", len(rows), f.Ledger.Acked())
}
