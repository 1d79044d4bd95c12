//go:build suites && linux

package button

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

// TestPi boots the machine once; what follows uses it, one after the other.
func TestPi(t *testing.T) {
	p := bootPi(t)
	for _, c := range []struct {
		name string
		run  func(*testing.T, *pi)
	}{
		{"workshop", workshop},
		{"no chip", noChip},
		{"no permission, and the cure, on the first Pi", noPermission},
		{"the kernel debounces", func(t *testing.T, p *pi) { counts(t, p, "15ms", "READY, debounced by the kernel: true") }},
		{"a kernel before 5.10", func(t *testing.T, p *pi) { counts(t, p, "-15ms", "READY, debounced by the kernel: false") }},
		{"control", control},
		{"the chip goes away and comes back", unplugged}, // last: this kernel does not like it
	} {
		fine := t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("the program said:\n%s", p.said())
				}
			}()
			c.run(t, &pi{VM: p.VM, t: t})
		})
		if !fine {
			return // what it started may still run
		}
	}
}

// workshop is the lesson itself: the button switches the LED of a board across
// the room, and the Pi's own LED says when the board has done it.
func workshop(t *testing.T, p *pi) {
	p.Run("echo " + p.globalNumber(takenPin) + " >/sys/class/gpio/export")
	p.start("vaiven workshop --readings 100000 --data /disk/workshop --listen :8080 --lang en" +
		" --button GPIO17=101:LED --indicator gpio27=101:LED" +
		" --button GPIO22=102:LED --indicator GPIO5=102:LED --button GPIO99=101:LED")
	p.waitReady()
	out := p.said()
	for _, line := range []string{
		`line GPIO22 is in use by "sysfs"`,
		"this computer has no GPIO line GPIO99", "near ones: GPIO",
	} {
		if strings.Count(out, line) != 1 {
			t.Errorf("not once: %q\n%s", line, out)
		}
	}
	p.Run("echo " + p.globalNumber(takenPin) + " >/sys/class/gpio/unexport")

	b := connect(t, p.Addr, "101", false)
	for _, led := range []int{1, 0, 1} {
		p.hold()
		b.want(led) // while the button is held
		p.waitLit(indicatorPin, led == 1)
		p.rest()
		p.release()
	}
	bounces(t, p, b)
	latency(t, p, b)
	muteBoard(t, p)

	if b.last.LED == 0 {
		p.hold()
		b.want(1)
		p.rest()
		p.release()
	}
	p.waitLit(indicatorPin, true)
	p.stop()
	p.waitLit(indicatorPin, false) // the line was given back dark
	if out := p.Run("vaiven verify --data /disk/workshop --lang en"); !strings.Contains(out, "ok") {
		t.Errorf("vaiven verify: %s", out)
	}
}

// bounces lets the contact chatter and spark.
func bounces(t *testing.T, p *pi, b *board) {
	t.Helper()
	try(t, func() bool {
		ok := p.chatter(false)
		p.rest()
		ok = p.chatter(true) && ok
		p.rest()
		if !ok {
			b.forget()
		}
		return ok
	})
	b.want(1 - b.last.LED)
	try(t, func() bool {
		ok := p.glitch()
		if !ok {
			b.forget()
		}
		return ok
	})
	p.hold()
	b.want(1 - b.last.LED) // by the next change: the glitch and the chatter made none
	p.rest()
	p.release()
}

// latency measures from the pin to the board, the debounce time included.
func latency(t *testing.T, p *pi, b *board) {
	t.Helper()
	var took []time.Duration
	for range 20 {
		began := time.Now()
		p.hold()
		took = append(took, b.want(1-b.last.LED).at.Sub(began))
		p.rest()
		p.release()
	}
	slices.Sort(took)
	ms := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	t.Logf("press to board, %v of debouncing included: median %v, worst %v of %d presses",
		debounce, ms(took[len(took)/2]), ms(took[len(took)-1]), len(took))
}

// muteBoard is one of the course's, which never reports: its indicator follows
// what was sent. Its button had been in use by somebody else.
func muteBoard(t *testing.T, p *pi) {
	t.Helper()
	p.waitSaid("line GPIO22 works now")
	b := connect(t, p.Addr, "102", true)
	p.waitSaid("102") // its first reading: from then on it is told
	for _, led := range []int{1, 0} {
		p.Pins.Drive(takenPin, false)
		b.want(led)
		p.waitLit(sentPin, led == 1)
		p.rest()
		p.Pins.Drive(takenPin, true)
		p.rest()
	}
	b.stop()
}

// noChip starts without a GPIO chip, which then appears.
func noChip(t *testing.T, p *pi) {
	p.Run("mv /dev/gpiochip0 /dev/away")
	p.start("vaiven serve --data /disk/serve --open --listen :8080 --lang es --button GPIO17=101:LED --indicator GPIO27=101:LED")
	p.waitReady()
	b := connect(t, p.Addr, "101", false)
	p.waitSaid("101")
	p.Run("mv /dev/away /dev/gpiochip0")
	p.waitSaid("la línea GPIO17 ya funciona")
	p.waitSaid("la línea GPIO27 ya funciona")
	p.hold()
	b.want(1)
	p.waitLit(indicatorPin, true)
	p.rest()
	p.release()
	if out := p.stop(); strings.Count(out, "aquí no hay ningún chip GPIO") != 1 {
		t.Errorf("not told once that there is no chip:\n%s", out)
	}
}

// noPermission runs the program for the oldest Pis as somebody who may not open
// the chip, then with the cure that it names: the group.
func noPermission(t *testing.T, p *pi) {
	if out := p.Run("vaiven6 version"); !strings.Contains(out, "arm") {
		t.Errorf("vaiven version: %s", out)
	}
	p.Run("chgrp gpio /dev/gpiochip0; chmod 660 /dev/gpiochip0; mkdir /disk/student; chown student /disk/student")
	lab := "su -s /bin/sh student -c 'exec vaiven6 lab --readings 3 --data /disk/student/%s --listen :8080 --lang en --button GPIO17=101:LED'"
	p.start(strings.Replace(lab, "%s", "before", 1))
	p.waitReady()
	connect(t, p.Addr, "101", false)
	p.waitEnd()
	out := p.said()
	if strings.Count(out, "/dev/gpiochip0 may not be opened") != 1 || !strings.Contains(out, "sudo usermod -aG gpio $USER") {
		t.Errorf("not told what is forbidden and the cure:\n%s", out)
	}
	p.threeRows("before")

	p.Run("sed -i 's/gpio:x:997:/&student/' /etc/group")
	p.start(strings.Replace(lab, "%s", "after", 1))
	p.waitReady()
	p.hold() // before there is any board: the change waits for it
	p.rest()
	p.release()
	connect(t, p.Addr, "101", false).want(1)
	p.waitEnd()
	if out := p.said(); strings.Contains(out, "gpiochip") { // of a slow log there may be a notice
		t.Errorf("a notice about a chip that may be opened:\n%s", out)
	}
	p.threeRows("after")
}

// threeRows checks the CSV of a lab of three readings.
func (p *pi) threeRows(folder string) {
	p.t.Helper()
	rows, err := harness.ParseCSV(p.ReadFile("/disk/student/" + folder + "/readings.csv"))
	if err != nil || len(rows) != 3 {
		p.t.Errorf("%d rows of a lab of three readings (%v)", len(rows), err)
	}
}
