package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	natsserver "github.com/nats-io/nats-server/v2/server"

	"vaiven"
	webapi "vaiven/internal/web/api"
)

// calendar stamps events by days of a log that began now.
type calendar struct{ begun int64 }

func (c calendar) day(n int) vaiven.Stamp {
	return vaiven.Stamp{At: c.begun + int64(n)*vaiven.Day.Milliseconds(), Offset: -5 * 3600, Synced: true}
}

func (c calendar) read(n int, d vaiven.Device, seq uint64) *vaiven.Reading {
	return &vaiven.Reading{Stamp: c.day(n), Device: d, Boot: "9f3c02aa", Seq: seq, Values: []vaiven.Value{{Name: "TEMP", Num: 20}}}
}

// happens commits events, each in a record of its own, and waits until every view has
// them.
func (r *running) happens(events ...vaiven.Event) {
	r.t.Helper()
	for _, ev := range events {
		if err := r.write(testContext(r.t), ev); err != nil {
			r.t.Fatal(err)
		}
	}
}

// forget is a round at a moment.
func (r *running) forget(now vaiven.Stamp) {
	r.t.Helper()
	if err := r.forgetSilent(testContext(r.t), now); err != nil {
		r.t.Fatal(err)
	}
	r.happens(&vaiven.Rejected{Stamp: now, Code: vaiven.CodeNotJSON, Count: 1}) // behind it
}

// known are the ids of the devices of the log.
func (r *running) known() string {
	var ids []string
	for _, d := range r.Devices() {
		ids = append(ids, string(d.ID))
	}
	return strings.Join(ids, " ")
}

func (r *running) expect(when, want string) {
	r.t.Helper()
	if got := r.known(); got != want {
		r.t.Errorf("%s: the devices are %s; want %s", when, got, want)
	}
}

// TestASilentBoardIsForgotten: by the log's time, up to what was read.
func TestASilentBoardIsForgotten(t *testing.T) {
	o := options(t.TempDir())
	o.ForgetAfter = 30 * vaiven.Day
	r := launch(t, o)
	c := calendar{time.Now().UnixMilli()}
	r.happens(
		c.read(0, "101", 1), &vaiven.Described{Stamp: c.day(0), Device: "101", Name: "Window"},
		&vaiven.Presence{Stamp: c.day(0), Device: "101", Connected: true, Remote: "192.0.2.1:5"},
		&vaiven.Presence{Stamp: c.day(1), Device: "101", Remote: "192.0.2.1:5"},
		c.read(0, "102", 1),
		&vaiven.Presence{Stamp: c.day(0), Device: "103", Connected: true, Remote: "192.0.2.3:5"}, c.read(0, "103", 1),
		&vaiven.SessionStart{Stamp: c.day(0), Device: "104", Readings: 50}, c.read(0, "104", 1),
		c.read(0, "105", 1), &vaiven.Presence{Stamp: c.day(1), Device: "105", Sleep: 60 * vaiven.Day.Milliseconds()},
		&vaiven.Described{Stamp: c.day(0), Device: "106", Name: "Never came"},
		c.read(0, "107", 1), &vaiven.Refusal{Stamp: c.day(28), Device: "107", Boot: "9f3c02aa", Seq: 2, Code: vaiven.CodeOutOfRange},
		&vaiven.Report{Stamp: c.day(2), Device: "108", States: []vaiven.Value{{Name: "LED", Num: 1}}}, // reports, and no reading
		c.read(29, "102", 2),
	)
	const all = "101 102 103 104 105 106 107 108"
	r.forget(c.day(29))
	r.expect("day 29", all)
	r.happens(c.read(31, "102", 3))
	unsure := c.day(31)
	unsure.Synced = false
	r.forget(unsure)
	r.expect("a clock that may be wrong", all)

	through := past{r.Server}.Position()
	r.happens(&vaiven.Described{Stamp: c.day(31), Device: "106", Name: "Will come"}) // decided, and then it is spoken of
	r.happens(&vaiven.Forgotten{Stamp: c.day(31), Device: "106", Through: through})
	r.expect("what was said meanwhile", all)

	r.forget(c.day(31))
	const left = "102 103 104 105 106 108"
	r.expect("day 31", left)
	if n := r.pump.Stats().Readings; n != 8 {
		t.Errorf("%d readings are left", n)
	}
	r.end()
	r = launch(t, o)
	r.expect("a restart", left)

	// What comes again begins anew, but for the SEQs, which are kept.
	r.happens(c.read(32, "101", 1), c.read(32, "101", 2), &vaiven.Forgotten{Stamp: c.day(32), Device: "101", Through: through})
	r.expect("one that came back", "101 "+left)
	if d := r.Devices()[0]; d.Readings != 1 || d.About != nil || d.First != c.day(32).At {
		t.Errorf("it is %+v", d)
	}
}

// TestForgettingIsBounded: a class that never came back goes in several rounds.
func TestForgettingIsBounded(t *testing.T) {
	o := options(t.TempDir())
	o.ForgetAfter = time.Hour
	r := launch(t, o)
	c := calendar{time.Now().UnixMilli()}
	var class []vaiven.Event
	for i := range mostForgotten + 7 {
		class = append(class, c.read(0, vaiven.Device(fmt.Sprintf("board-%d", i)), 1))
	}
	if err := r.log.Append(testContext(t), class[:64], nil); err != nil {
		t.Fatal(err)
	}
	if err := r.log.Append(testContext(t), class[64:], nil); err != nil {
		t.Fatal(err)
	}
	r.happens(c.read(1, "101", 1))
	for _, want := range []int{8, 1, 1} {
		r.forget(c.day(1))
		if n := len(r.Devices()); n != want {
			t.Fatalf("%d devices, want %d", n, want)
		}
	}
}

// TestTwoNodesForgetTheSame: both of them write it, and each reads both.
func TestTwoNodesForgetTheSame(t *testing.T) {
	nats, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		JetStreamMaxStore: 1 << 30, JetStreamMaxMemory: 1 << 26,
	})
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	t.Cleanup(func() { nats.Shutdown(); nats.WaitForShutdown() })
	if !nats.ReadyForConnections(deadline) {
		t.Fatal("no NATS")
	}
	var nodes []*running
	for range 2 {
		o := options(t.TempDir())
		o.NATS, o.ForgetAfter = nats.ClientURL(), 30*vaiven.Day
		nodes = append(nodes, launch(t, o))
	}
	c := calendar{time.Now().UnixMilli()}
	nodes[0].happens(c.read(0, "101", 1), c.read(0, "102", 1), c.read(31, "102", 2))
	through := past{nodes[0].Server}.Position()
	for _, n := range nodes {
		n.settle()
		if err := n.forgetSilent(testContext(t), c.day(31)); err != nil {
			t.Fatal(err)
		}
	}
	// It comes back to one node, while another one still wants to forget it.
	nodes[1].happens(
		&vaiven.Forgotten{Stamp: c.day(31), Device: "101", Through: through},
		&vaiven.Presence{Stamp: c.day(32), Device: "101", Connected: true, Remote: "192.0.2.1:5"}, c.read(32, "101", 2),
		&vaiven.Forgotten{Stamp: c.day(32), Device: "101", Through: through},
	)
	for _, n := range nodes {
		n.settle()
		n.expect("both", "101 102")
		if d := n.Devices()[0]; d.Readings != 1 || !d.Connected {
			t.Errorf("it is %+v", d)
		}
	}
	a, b := nodes[0].Devices(), nodes[1].Devices()
	if !slices.EqualFunc(a, b, func(a, b vaiven.DeviceInfo) bool { return a.ID == b.ID && a.Word == b.Word && a.Readings == b.Readings }) {
		t.Errorf("the nodes differ: %+v %+v", a, b)
	}
}

// TestWhoWasNeverTakenLeavesNothing: asking for states of an id that is not known, a HELLO
// that is none and a reading that is refused make no device, of no table.
func TestWhoWasNeverTakenLeavesNothing(t *testing.T) {
	o := options(t.TempDir())
	o.Readings = 50
	r := launch(t, o)
	ctx, api := testContext(t), r.ask()
	if _, err := api.Set(ctx, "666", webapi.States{"LED": 1}, webapi.Terms{}); err == nil {
		t.Error("a change for an unknown id is taken")
	}
	if _, err := api.Toggle(ctx, "666", []string{"LED"}, webapi.Terms{}); err == nil {
		t.Error("a toggle for an unknown id is taken")
	}
	if err := api.NewSession(ctx, "666"); err != nil { // which is as it would begin by itself
		t.Error(err)
	}
	if err := api.Forget(ctx, "666"); err == nil {
		t.Error("an unknown id is forgotten")
	}
	conn, _, err := websocket.Dial(ctx, "ws://"+r.Addresses().Local+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	b := &board{t, conn}
	b.say(`{"HELLO":1,"IDDEVICE":667,"BOOT":"not hexadecimal","OLDEST":1,"NEXT":1}`)
	b.hears(`"ERROR"`)
	b.say(`{"IDDEVICE":668,"BOOT":"9f3c02aa","SEQ":1,"TEMP":9999}`)
	b.hears(`"ERROR"`)
	_ = conn.Close(websocket.StatusNormalClosure, "")
	r.end()
	r = launch(t, o)
	r.settle()
	if r.known() != "" || len(r.twin.List()) != 0 {
		t.Errorf("the devices are %q, those with states %v", r.known(), r.twin.List())
	}
	refusals := 0
	err = past{r.Server}.History(ctx, vaiven.ID{}, func(en vaiven.Entry) error {
		if en.Event.Of() != "" && !vaiven.Refuses(en.Event) {
			t.Errorf("the log has %+v", en.Event)
		}
		if en.Event.Of() == "667" || en.Event.Of() == "668" {
			refusals++
		}
		return nil
	})
	if err != nil || refusals == 0 {
		t.Errorf("%d refusals in the log, %v", refusals, err)
	}
	if n := r.pump.Stats().Devices; n > 1 { // of 668 that its SEQ is settled, among a bounded number
		t.Errorf("the decider knows %d devices", n)
	}
}

// TestBoardsHaveTimeToComeBack: the first look is an hour after the start, and others
// follow.
func TestBoardsHaveTimeToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		began := time.Now()
		var at []time.Duration
		nowAndThen(ctx, func(context.Context) {
			if at = append(at, time.Since(began)); len(at) == 3 {
				end()
			}
		})
		if want := []time.Duration{time.Hour, 70 * time.Minute, 80 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("looked after %v, want %v", at, want)
		}
	})
}
