package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/web"
)

// welcome shows the administrator the way in, once the server runs; the channel is closed
// when that is done.
func (a *attended) welcome(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if a.AwaitRunning(ctx) != nil {
			return
		}
		if err := a.showLink(ctx); err != nil && ctx.Err() == nil {
			a.logger().Warn("no login link was made", "err", err)
		}
	}()
	return done
}

// linkTimeout is how long the log may take to have a link.
const linkTimeout = 10 * time.Second

// showLink shows a login link. In the journal of a service it would lie about, so what is
// said there is how to get one.
func (a *attended) showLink(ctx context.Context) error {
	if a.getenv("JOURNAL_STREAM") != "" {
		a.notice(a.say("`vaiven login-link` prints a link that opens a browser as administrator", "`vaiven login-link` muestra un enlace que abre un navegador como administrador"), "")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	secret, expires, err := a.Server.Access().LoginLink(ctx, a.command)
	if err != nil {
		return err
	}
	addresses := a.Addresses()
	urls := web.LoginURLs(addresses.URLs(), secret)
	if len(urls) == 0 && addresses.Local != "" {
		urls = web.LoginURLs([]string{"ws://" + addresses.Local + "/"}, secret)
	}
	if len(urls) == 0 {
		return nil // nobody can connect
	}
	link := console.Link{URLs: urls, Minutes: minutesUntil(expires, a.Stamp().At), QR: !a.c.NoQR}
	if w := a.screenLog.Load(); w != nil { // the screen has a line for it
		a.notice(urls[0], fmt.Sprintf(a.say("opens one browser as administrator, once, within %d minutes", "abre un navegador como administrador, una vez, en %d minutos"), link.Minutes))
		return nil
	}
	screen := a.stderr()
	screen.Height = cmp.Or(screen.Height, 24) - firstLines
	return console.WriteLink(screen, a.lang, link)
}

// firstLines are about so many as the program says before: a QR code does not push off the
// screen where boards connect.
const firstLines = 20

// minutesUntil is how many minutes there are between two moments, Unix ms.
func minutesUntil(end, now int64) int {
	return int((end - now + 59_999) / 60_000)
}

// Lines about boards that wait: so many at once, then one sentence for the rest of
// waitingPause.
const (
	waitingLines = 5
	waitingPause = time.Minute
)

// announcer tells of boards that wait. Somebody who names ever other boards does not fill
// the terminal.
type announcer struct {
	mu    sync.Mutex
	since time.Time
	lines int
}

// next is what may be said now: a line of its own, that there are more, or nothing.
func (n *announcer) next(now time.Time) (line, more bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.since) > waitingPause {
		n.since, n.lines = now, 0
	}
	n.lines++
	return n.lines <= waitingLines, n.lines == waitingLines+1
}

// announceWaiting tells of a board that waits, once.
func (p *program) announceWaiting(w vaiven.Waiting) {
	line, more := p.announced.next(time.Now())
	switch {
	case line:
		hint := fmt.Sprintf(p.say("`vaiven devices approve %s` lets it in", "`vaiven devices approve %s` la admite"), w.Device)
		if keys := p.keyFor.Load(); keys != nil {
			hint = p.keyHint(w, keys.list())
		}
		p.notice(fmt.Sprintf(p.say("%s at %s waits to be let in", "%s en %s espera a ser admitida"), w.Device, w.Remote), hint)
	case more:
		p.notice(p.say("more boards wait", "esperan más placas"), p.say("`vaiven devices waiting` lists them", "`vaiven devices waiting` las muestra"))
	}
}

// whoWaits lists the boards that wait, who came first first.
type whoWaits struct{ list func() []vaiven.Waiting }

// keyHint says how the person at the keys lets a board in. The key is for whoever waits
// longest: where that is another, pressing it for this one would let a stranger in.
func (p *program) keyHint(w vaiven.Waiting, all []vaiven.Waiting) string {
	if len(all) > 0 && (all[0].Device != w.Device || all[0].Remote != w.Remote) {
		return fmt.Sprintf(p.say("`vaiven devices approve %s` lets it in; a is for %s at %s, which waits longer", "`vaiven devices approve %s` la admite; a es para %s en %s, que espera hace más"),
			w.Device, all[0].Device, all[0].Remote)
	}
	return fmt.Sprintf(p.say("press a to let it in (and Enter, without the full screen), or `vaiven devices approve %s`",
		"pulsa a para admitirla (y Enter, sin la pantalla completa), o `vaiven devices approve %s`"), w.Device)
}

// approveFromTerminal lets a board in for the person at the keys.
func (a *attended) approveFromTerminal(ctx context.Context, w vaiven.Waiting) error {
	var others int
	for _, b := range a.Server.Access().Waiting() {
		if b.Device == w.Device && b.Remote != w.Remote {
			others++
		}
	}
	if others > 0 {
		return fmt.Errorf(a.say("two boards wait as %[1]s: `vaiven devices approve %[1]s --address %[2]s` lets one in", "dos placas esperan como %[1]s: `vaiven devices approve %[1]s --address %[2]s` admite una"), w.Device, w.Remote)
	}
	from, err := netip.ParseAddr(w.Remote)
	if err != nil {
		return errors.New(a.say("its address is not known", "no se conoce su dirección"))
	}
	return a.Server.Access().Approve(ctx, w.Device, from, false, "terminal")
}
