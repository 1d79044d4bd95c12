//go:build suites && linux

package board

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

var (
	boards = flag.Int("boards", 50, "boards in the fleet")
	hours  = flag.Float64("hours", 0.5, "simulated hours that the fleet works")
	kills  = flag.Int("kills", 6, "how often the server is killed meanwhile")
	seed   = flag.Uint64("seed", 0, "for the random moments; 0: a new one, which is printed")
)

// speed is how many times faster than life the fleet lives.
const speed = 50

// fleet is the boards, the server, and what lies between.
type fleet struct {
	t      *testing.T
	server *harness.Server
	proxy  *proxy
	boards []*boardtest.Board
	dice   *rand.Rand // the test's own goroutine's
}

func device(i int) string { return fmt.Sprintf("%03d", i+1) }

// TestFleet: fifty boards at once, and everything goes wrong: the server is
// killed, Wi-Fi drops, acknowledgements come after the boards gave up waiting,
// sensors fail or are pulled out, people switch the LEDs from both sides. At the
// end every reading that was taken is in the CSV once, in order, with its time,
// and every LED is as it should be.
func TestFleet(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	f := &fleet{t: t, dice: rand.New(rand.NewPCG(*seed, 0))}
	f.server = harness.NewServer(t, "serve", t.TempDir())
	f.server.StartReady()
	f.proxy = newProxy(t, f.server.Addr)
	f.switchOn()
	f.trouble(time.Duration(*hours * float64(time.Hour) / speed))
	f.calm()
	f.check()
}

// switchOn starts the boards and sets them up, each with a millis() of its own:
// every fifth rolls over within the first minutes.
func (f *fleet) switchOn() {
	prog := program(f.t)
	var wait sync.WaitGroup
	for i := range *boards {
		begin := f.dice.Uint32N(1 << 30)
		if i%5 == 0 {
			begin = 1<<32 - 1 - f.dice.Uint32N(600_000)
		}
		b := boardtest.New(f.t, prog, f.proxy.addr, fmt.Sprintf("BOARD_SPEED=%d", speed), "BOARD_IDLE=10000",
			"BOARD_SENSOR_FAIL=0.05", fmt.Sprintf("BOARD_SEED=%d", i+1), fmt.Sprintf("BOARD_MILLIS=%d", begin),
			"BOARD_SSID=red", "BOARD_PASSWORD=la clave")
		b.Keep = worthKeeping
		f.boards = append(f.boards, b)
		b.Start()
		setUp(b, device(i), "interval 5")
		wait.Go(func() { b.Wait(patience, 2, "boot", nil) })
	}
	wait.Wait()
}

// worthKeeping leaves out what ten hours would fill the memory with.
func worthKeeping(e boardtest.Event) bool {
	switch e.Event {
	case "sent":
		return strings.Contains(e.Text, `"SEQ":`)
	case "sensor", "boot", "started", "serial", "watchdog", "restart", "connected":
		return true
	}
	return false
}

// trouble lasts d of real time, and until the last kill is over. Each kind has its
// own pace.
func (f *fleet) trouble(d time.Duration) {
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	var wait sync.WaitGroup
	every := func(pace time.Duration, do func(dice *rand.Rand)) {
		dice := rand.New(rand.NewPCG(*seed, f.dice.Uint64()))
		wait.Go(func() {
			for sleep(ctx, time.Duration(dice.Int64N(int64(2*pace)))) {
				do(dice)
			}
		})
	}
	every(500*time.Millisecond, func(dice *rand.Rand) { f.dropWifi(ctx, dice) })
	every(500*time.Millisecond, func(dice *rand.Rand) { f.dropWifi(ctx, dice) })
	every(2*time.Second, func(dice *rand.Rand) { f.pullSensor(ctx, dice) })
	every(3*time.Second, func(dice *rand.Rand) { f.delayAcks(ctx, dice) })
	every(100*time.Millisecond, f.ask)
	every(500*time.Millisecond, f.press)
	f.kill(d)
	cancel()
	wait.Wait()
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (f *fleet) any(dice *rand.Rand) (int, *boardtest.Board) {
	i := dice.IntN(len(f.boards))
	return i, f.boards[i]
}

// kill kills the server and starts it again, evenly over d. Now and then it stays
// away for some simulated minutes.
func (f *fleet) kill(d time.Duration) {
	begun := time.Now()
	for n := range *kills + 1 {
		sleep(f.t.Context(), time.Until(begun.Add(d*time.Duration(n+1)/time.Duration(*kills+1))))
		if n == *kills {
			return
		}
		f.server.Kill()
		time.Sleep(time.Duration(f.dice.Int64N(int64(d) / int64(2**kills+1))))
		f.server.StartReady()
	}
}

// dropWifi takes a board's Wi-Fi away for up to 100 simulated seconds.
func (f *fleet) dropWifi(ctx context.Context, dice *rand.Rand) {
	_, b := f.any(dice)
	b.Tell("wifi down")
	sleep(ctx, time.Duration(dice.Int64N(int64(2*time.Second))))
	b.Tell("wifi up")
}

func (f *fleet) pullSensor(ctx context.Context, dice *rand.Rand) {
	_, b := f.any(dice)
	b.Tell("sensor unplugged")
	sleep(ctx, time.Duration(dice.Int64N(int64(time.Second))))
	b.Tell("sensor fail 0.05")
}

// delayAcks makes everything that the server says late, by more than the ten
// simulated seconds after which boards send again.
func (f *fleet) delayAcks(ctx context.Context, dice *rand.Rand) {
	f.proxy.delay(time.Duration(250+dice.IntN(250)) * time.Millisecond)
	sleep(ctx, time.Duration(dice.Int64N(int64(2*time.Second))))
	f.proxy.delay(0)
}

// ask asks the server for some LED; a server that is not there says nothing.
func (f *fleet) ask(dice *rand.Rand) {
	i, _ := f.any(dice)
	setLED(f.t, f.server.Addr, device(i), dice.Int64N(2))
}

// press presses the button at some board.
func (f *fleet) press(dice *rand.Rand) {
	_, b := f.any(dice)
	b.Tell("pin %d low", pinWall)
	time.Sleep(20 * time.Millisecond) // a second of the board's
	b.Tell("pin %d high", pinWall)
}

// calm lets everything work again, ends the measuring, asks for a last LED each,
// and waits until the server has all there is.
func (f *fleet) calm() {
	f.proxy.delay(0)
	for i, b := range f.boards {
		b.Tell("wifi up")
		b.Tell("sensor unplugged")
		led := int64(i % 2)
		harness.Until(f.t, patience, "the server takes a change", func() bool { return setLED(f.t, f.server.Addr, device(i), led)/100 == 2 })
	}
	for i, b := range f.boards {
		waitLED(f.t, b, int64(i%2))
		harness.Until(f.t, patience, "everything acknowledged", func() bool { return ask(f.t, b).waiting == 0 })
	}
}
