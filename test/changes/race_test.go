//go:build suites && linux

package changes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/test/harness"
)

// commands is how often the command line takes part in the race; the others go
// on as long as it does.
const commands = 12

// TestEverybodyRacesForOneLED lets the keys of the server's terminal, the command
// line, the API and the board's own switch fight over one LED. When they are
// tired, every screen shows what the board is.
func TestEverybodyRacesForOneLED(t *testing.T) {
	r := randomness(t)
	w := newWorld(t, r, 1<<30)
	term := harness.NewTerminal(t)
	w.server.Terminal = term
	b := w.add(&board{names: []string{"LED"}})
	b.net.delay = 20 * time.Millisecond
	w.begin()
	followed := w.follow()
	ctx, stop := context.WithCancel(t.Context())
	var racers sync.WaitGroup
	a := &asker{
		b: b, api: w.api, ledger: w.ledger, think: 80 * time.Millisecond, rand: rand.New(rand.NewPCG(r.Uint64(), 3)),
		fail: func(err error) { t.Error(err) },
	}
	racers.Go(func() { a.run(t.Context(), func() bool { return ctx.Err() == nil }) })
	racers.Go(func() {
		for pause(ctx, random(100*time.Millisecond)) {
			b.flip("LED")
		}
	})
	keys := []string{"\n", "t\n", "LED=1\n", "led = off\n", b.device + " t LED\n"}
	racers.Go(func() {
		for i := 0; pause(ctx, random(100*time.Millisecond)); i++ {
			if err := term.Type(keys[i%len(keys)]); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range commands {
		w.command(b, r.IntN(3), i%4 == 0)
	}
	stop()
	racers.Wait()
	w.calm(calmAfter)

	// What was decided before the board was switched last may be written behind that:
	// the last word of all is a change that nothing overtakes.
	w.command(b, 0, true)
	w.calm(calmAfter)

	h := w.history()
	by := h.adopt()
	count, wrong := h.check()
	report(t, wrong)
	if by["terminal"] == 0 || by["api 127.0.0.1"] != commands+1 || count.local == 0 || len(h.asked) == 0 {
		t.Errorf("not everybody took part: %v, %d at the board", by, count.local)
	}
	w.agree(b, term, followed(h.events[len(h.events)-1].ID))
	w.server.Stop()
	harness.Verify(t, w.server.Data)
	t.Logf("asked for by others than the ledger's: %v; %v", by, count)
}

// command runs the program's own client once.
func (w *world) command(b *board, what int, wait bool) {
	w.t.Helper()
	args := [][]string{
		{"toggle", b.device, "LED"}, {"set", b.device, "LED=1"}, {"set", b.device, "LED=0"},
	}[what]
	args = append(args, "--server", "http://"+w.server.Addr, "--lang", "en")
	if wait {
		args = append(args, "--wait")
	}
	out, errs, code := harness.Vaiven(w.t, args...)
	overtaken := strings.Contains(out+errs, "overtaken") // even before the server has answered
	if code != 0 && !overtaken {
		w.t.Errorf("vaiven %v: exit %d\n%s%s", args, code, out, errs)
	}
}

// adopt takes the changes that others than the ledger's askers asked for into
// the ledger, and counts them.
func (h *history) adopt() (by map[string]int) {
	known := map[string]bool{}
	for i := range h.asked {
		known[h.asked[i].key] = true
	}
	by = map[string]int{}
	for i := range h.events {
		e := &h.events[i]
		if e.Kind != "change" || e.By == "board" || known[e.Key] {
			continue
		}
		by[e.By]++
		h.asked = append(h.asked, asked{device: e.Device, key: e.Key, states: e.States, toggle: e.Toggle})
	}
	return by
}

// lastWord is what a terminal says of an LED, when it says what it is.
var lastWord = regexp.MustCompile(`LED=(\d)(?: confirmed by the board|: somebody switched it at the board)`)

// agree requires that every screen shows the LED as the board has it.
func (w *world) agree(b *board, term *harness.Terminal, feed []event) {
	t := w.t
	t.Helper()
	is := b.is()
	led := strconv.FormatFloat(is["LED"], 'f', -1, 64)
	s, err := w.api.state(t.Context(), b.device)
	if err != nil || !equal(s.Desired, is) || !equal(s.reported(), is) {
		t.Errorf("the board is %v; the API wants %v and has %v reported (%v)", is, s.Desired, s.reported(), err)
	}
	said := feed[len(feed)-1]
	for _, e := range feed {
		if e.Kind == "change_end" && e.Outcome == "confirmed" {
			said = e
		}
	}
	if !equal(said.States, is) {
		t.Errorf("the board is %v; the live feed's last word is %+v", is, said)
	}
	shown := func() string {
		all := lastWord.FindAllStringSubmatch(term.Text(), -1)
		if len(all) == 0 {
			return ""
		}
		return all[len(all)-1][1]
	}
	// The terminal is a view as others: it may be a moment behind the API.
	for deadline := time.Now().Add(10 * time.Second); shown() != led && time.Now().Before(deadline); {
		pause(t.Context(), 10*time.Millisecond)
	}
	if shown() != led {
		t.Errorf("the board's LED is %s; the terminal's last word is %q in\n%s", led, shown(), tail(term.Text(), 40))
	}
	out, errs, code := harness.Vaiven(t, "devices", "--json", "--server", "http://"+w.server.Addr)
	if code != 0 || !strings.Contains(strings.ReplaceAll(out, " ", ""), fmt.Sprintf(`{"name":"LED","value":%s`, led)) {
		t.Errorf("the board's LED is %s; vaiven devices (exit %d) says\n%s%s", led, code, out, errs)
	}
}

// tail is the last n lines.
func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
