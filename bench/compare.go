package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"vaiven/bench/internal/machine"
	"vaiven/bench/internal/report"
)

// compare plays all legs with all peers, round by round, and reports. A trial
// that fails is reported and makes the run fail at its end; the others go on.
func compare(ctx context.Context, o options, stdout io.Writer, stderr *os.File) error {
	r := &report.Results{Date: time.Now().Format(time.DateOnly), Smoke: o.plan.smoke, Samples: report.Samples{}, Method: o.method()}
	for _, p := range o.peers {
		version, err := p.Version(ctx)
		if err != nil {
			return err
		}
		r.Peers = append(r.Peers, report.Peer{Key: p.Key, Title: p.Title, Version: version})
	}
	dir, err := scratch(o.dir)
	if err != nil {
		return fmt.Errorf("folder for the servers' data: %w", err)
	}
	if !o.keep {
		defer os.RemoveAll(dir)
	}
	if r.Machine, err = machine.Inspect(dir); err != nil {
		return err
	}
	show := newProgress(stderr, o.trials())
	for round := range o.plan.rounds {
		if err := playRound(ctx, o, round+1, dir, r, show); err != nil {
			return err
		}
	}
	show.clear()
	return publish(r, o.out, stdout)
}

// playRound plays each leg with the peers in turn, so that whatever the
// machine does meanwhile meets all of them.
func playRound(ctx context.Context, o options, round int, dir string, r *report.Results, show *progress) error {
	for _, l := range o.legs {
		for _, p := range o.peers {
			if !l.meant(p) {
				continue
			}
			name := fmt.Sprintf("round %d, %s, %s", round, l.title, p.Key)
			data := filepath.Join(dir, fmt.Sprintf("%d-%s-%s", round, l.key, p.Key))
			t := &trial{plan: o.plan, peer: p, found: report.Samples{}, say: func(what string) { show.say(name, what) }}
			checked, err := runTrial(ctx, l, t, data)
			show.finish(name, err)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			note(r, t, name, checked, err)
			if !o.keep {
				_ = os.RemoveAll(data)
			}
		}
	}
	return nil
}

// note takes the figures of a trial into the results, unless it failed.
func note(r *report.Results, t *trial, name, checked string, err error) {
	if err != nil {
		r.Failures = append(r.Failures, name+": "+err.Error())
		return
	}
	r.Samples.Merge(t.found)
	if checked != "" {
		r.Verified = append(r.Verified, name+": "+checked)
	}
}

func publish(r *report.Results, out string, stdout io.Writer) error {
	if err := r.Markdown(stdout); err != nil {
		return err
	}
	if out != "" {
		path, err := r.Keep(out)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "kept in", path)
	}
	if len(r.Failures) > 0 {
		return errors.New("some trials failed; they are listed at the end of the table")
	}
	return nil
}
