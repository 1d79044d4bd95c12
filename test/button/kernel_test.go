//go:build suites && linux

package button

import (
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

// counts presses the button in every way, without vaiven around it.
func counts(t *testing.T, p *pi, debounce, ready string) {
	p.start("VAIVEN_TEST_BUTTON=" + debounce + " /bin/pressing")
	p.waitSaid(ready)
	want := 0
	check := func(how string) {
		t.Helper()
		want++
		harness.Until(t, 4*time.Minute, how+" is one press", func() bool { return p.presses() >= want })
		if got := p.presses(); got != want {
			t.Fatalf("%s: %d presses, want %d", how, got, want)
		}
	}
	p.hold()
	check("a press, while the button is held")
	p.release()
	try(t, func() bool {
		before := p.presses()
		ok := p.chatter(false)
		// Held until it counts: the machine may be slow to look.
		harness.Until(t, 4*time.Minute, "the button that is held counts", func() bool { return p.presses() > before })
		ok = p.chatter(true) && ok
		p.rest()
		if !ok {
			want = p.presses()
			return false
		}
		return true
	})
	check("a contact that bounces")
	try(t, func() bool {
		if p.glitch() {
			return true
		}
		want = p.presses()
		return false
	})
	p.hold()
	check("a press behind a glitch")
	p.release()
	if out := p.stop(); !strings.Contains(out, "CLOSED") {
		t.Fatalf("the program ended with:\n%s", out)
	}
}

// presses is how many have been counted.
func (p *pi) presses() int { return strings.Count(p.said(), "PRESS GPIO17") }

// try repeats what this computer may be too slow for.
func try(t *testing.T, f func() bool) {
	t.Helper()
	for range 50 {
		if f() {
			return
		}
	}
	t.Fatal("this computer is too slow to let a contact bounce")
}

// control lets the contact bounce where nothing debounces: it must count more
// than once, or the others show nothing.
func control(t *testing.T, p *pi) {
	p.start("VAIVEN_TEST_BUTTON=-1ns /bin/pressing")
	p.waitSaid("READY")
	try(t, func() bool {
		before := p.presses()
		p.chatter(false)
		p.rest()
		p.chatter(true)
		p.rest()
		return p.presses() > before+1
	})
	t.Logf("without debouncing: %d presses", p.presses())
	p.stop()
}

// unplugged takes the chip away while its line is in use, as a USB chip may do
// it, and brings it back: the kernel gives it another number.
func unplugged(t *testing.T, p *pi) {
	const driver = "echo 9030000.pl061 >/sys/bus/amba/drivers/pl061_gpio/"
	p.start("VAIVEN_TEST_BUTTON=15ms /bin/pressing")
	p.waitSaid("READY")
	p.Run(driver + "unbind")
	p.waitSaid("line GPIO17: its GPIO chip is gone")
	p.Run(driver + "bind; ls /dev/gpiochip1")
	p.waitSaid("line GPIO17 works now")
	p.hold()
	harness.Until(t, 4*time.Minute, "a press on the chip that came back", func() bool { return p.presses() == 1 })
	p.release()
	p.stop()
}
