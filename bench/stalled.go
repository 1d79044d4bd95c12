package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vaiven/bench/internal/feed"
	"vaiven/bench/internal/report"
)

// stalled compares, for each transport, followers alone with followers beside
// others who never read; who begins changes from turn to turn.
func (a *audience) stalled(ctx context.Context) error {
	for turn := range a.plan.pairs {
		for _, tr := range feed.Transports {
			a.say(fmt.Sprintf("%d stalled followers, %s", a.plan.beside, tr))
			var alone, beside followed
			for half := range 2 {
				var err error
				if (turn+half)%2 == 0 {
					alone, err = a.few(ctx, tr)
				} else {
					beside, err = a.besideStalled(ctx, tr)
				}
				if err != nil {
					return err
				}
			}
			a.notePair(string(tr), alone, beside)
		}
	}
	return nil
}

func (a *audience) notePair(column string, alone, beside followed) {
	p50, p99 := ms(alone.late.Quantile(0.50)), ms(alone.late.Quantile(0.99))
	p50Beside, p99Beside := ms(beside.late.Quantile(0.50)), ms(beside.late.Quantile(0.99))
	a.recordAs(report.StalledP99Alone, column, p99)
	a.recordAs(report.StalledP99Beside, column, p99Beside)
	a.recordAs(report.StalledP50Alone, column, p50)
	a.recordAs(report.StalledP50Beside, column, p50Beside)
	a.recordAs(report.StalledP99, column, p99Beside/p99)
	a.recordAs(report.StalledP50, column, p50Beside/p50)
	a.recordAs(report.StalledCPU, column, beside.server.Seconds()/alone.server.Seconds()*alone.took.Seconds()/beside.took.Seconds())
	a.recordAs(report.StalledBusy, column, max(alone.busy, beside.busy))
	a.recordAs(report.StalledOthers, column, max(alone.others, beside.others))
}

// few measures followers who are left in peace.
func (a *audience) few(ctx context.Context, tr feed.Transport) (followed, error) {
	if err := a.catchUp(ctx); err != nil {
		return followed{}, err
	}
	return a.follow(ctx, tr, a.plan.beside, 0, a.plan.pair)
}

// besideStalled measures them beside as many who are stuck, and proves that
// the server had dropped none of these before the end.
func (a *audience) besideStalled(ctx context.Context, tr feed.Transport) (r followed, err error) {
	if err := a.catchUp(ctx); err != nil {
		return r, err
	}
	before, err := a.page(ctx)
	if err != nil {
		return r, err
	}
	stalled, err := feed.Stall(ctx, a.server.Addr, tr, a.plan.beside)
	if err != nil {
		return r, err
	}
	defer stalled.Close()
	if err := a.beside(ctx, a.fleet, func(ctx context.Context) error { return a.stuck(ctx, tr, before) }); err != nil {
		return r, err
	}
	if r, err = a.follow(ctx, tr, a.plan.beside, 0, a.plan.pair); err != nil {
		return r, err
	}
	after, err := a.page(ctx)
	if err != nil {
		return r, err
	}
	if was, is := before.slow(), after.slow(); is != was {
		return r, fmt.Errorf("%.0f stalled %s followers were dropped before the measurement was over", is-was, tr)
	}
	return r, errors.Join(stalled.Close(), a.beside(ctx, a.fleet, func(ctx context.Context) error { return a.gone(ctx, tr) }))
}

const (
	lookEvery = 100 * time.Millisecond
	still     = 4 // looks at which nothing moved
)

// stuck waits until nothing is written any more to those who do not read, and
// proves that it is because nothing fits: each of them is still being answered,
// and none has got all.
func (a *audience) stuck(ctx context.Context, tr feed.Transport, before page) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last, same := -1.0, 0
	for same < still {
		now, err := a.page(ctx)
		if err != nil {
			return fmt.Errorf("wait until followers are stuck: %w", err)
		}
		sent := now.sent(tr) - before.sent(tr)
		if same++; sent != last || now.inside(tr) != float64(a.plan.beside) {
			last, same = sent, 0
		}
		if err := pause(ctx, lookEvery); err != nil {
			return fmt.Errorf("%.0f of %d %s followers are stuck: %w", now.inside(tr), a.plan.beside, tr, err)
		}
	}
	if all := float64(a.fleet.Sent()) * float64(a.plan.beside); tr != feed.Poll && last > all/2 {
		return fmt.Errorf("the sockets of stalled followers took %.0f of %.0f events: too few to be sure that they are full", last, all)
	}
	return nil
}

// gone waits until the server has noticed that they are.
func (a *audience) gone(ctx context.Context, tr feed.Transport) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		now, err := a.page(ctx)
		if err != nil || now.inside(tr) == 0 {
			return err
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// page is the server's /metrics.
type page string

func (t *trial) page(ctx context.Context) (page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.server.Addr+"/metrics", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return page(b), err
}

// value is not a number for what is not there, so that nothing is equal to it.
func (p page) value(series string) float64 {
	_, rest, _ := strings.Cut(string(p), "\n"+series+" ")
	text, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

func (p page) sent(tr feed.Transport) float64 {
	return p.value(fmt.Sprintf("vaiven_feed_events_total{transport=%q}", tr))
}

func (p page) inside(tr feed.Transport) float64 {
	return p.value(fmt.Sprintf("vaiven_followers{transport=%q}", tr))
}

// slow counts the followers who were dropped because they did not read.
func (p page) slow() float64 { return p.value(`vaiven_followers_ended_total{reason="too_slow"}`) }
