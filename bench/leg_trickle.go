package main

import (
	"context"
	"fmt"

	"vaiven/bench/internal/load"
	"vaiven/bench/internal/machine"
	"vaiven/bench/internal/report"
)

// playTrickle measures a classroom: what is written for each reading when
// hardly two arrive together, and the memory that is resident at its end.
func playTrickle(ctx context.Context, t *trial) error {
	t.say("a classroom")
	f, err := t.fleet(ctx, classroom)
	if err != nil {
		return err
	}
	defer func() { t.retire(f) }()
	if err := f.SetLoad(load.Load{Window: pacedWindow, Rate: classroomRate}); err != nil {
		return err
	}
	if _, err := f.Run(ctx, t.plan.trickleWarm); err != nil {
		return err
	}
	size, err := machine.FolderSize(t.server.Dir)
	if err != nil {
		return err
	}
	m, err := t.stretch(ctx, f, 0, t.plan.trickle)
	if err != nil {
		return err
	}
	if err := t.classroomCosts(m, size); err != nil {
		return err
	}
	return f.Drain(ctx, patience)
}

func (t *trial) classroomCosts(m measured, sizeBefore uint64) error {
	rss, err := t.server.Resident()
	if err != nil {
		return err
	}
	t.record(report.TrickleRSS, float64(rss)/1e6)
	t.record(report.TrickleP50, ms(m.Latency.Quantile(0.50)))
	t.record(report.TrickleP99, ms(m.Latency.Quantile(0.99)))
	if t.peer.CSV == "" {
		return nil
	}
	size, err := machine.FolderSize(t.server.Dir)
	if err != nil {
		return err
	}
	t.record(report.TrickleWritten, float64(m.written)/float64(m.Acked))
	t.record(report.TrickleFolder, (float64(size)-float64(sizeBefore))/float64(m.Acked))
	return nil
}

func trickleMethod(p plan) []string {
	return []string{fmt.Sprintf("Classroom: %d boards, %.0f readings/s together, for %v. Bytes written are write_bytes of /proc/PID/io (pages that the process made dirty); the folder's growth is the size of its files.", classroom, classroomRate, p.trickle)}
}
