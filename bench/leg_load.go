package main

import (
	"context"
	"fmt"

	"vaiven/bench/internal/board"
	"vaiven/bench/internal/load"
	"vaiven/bench/internal/report"
)

// playLoad measures full speed with one reading in flight on each connection,
// then with several, then the paced rate, all on the same connections.
func playLoad(ctx context.Context, t *trial) error {
	t.say("connecting")
	f, err := t.fleet(ctx, t.plan.boards)
	if err != nil {
		return err
	}
	defer func() { t.retire(f) }()
	if err := t.saturated(ctx, f); err != nil {
		return err
	}
	if err := t.windowed(ctx, f); err != nil {
		return err
	}
	return t.paced(ctx, f)
}

func (t *trial) saturated(ctx context.Context, f *load.Fleet) error {
	t.say("at saturation")
	m, err := t.loaded(ctx, f, load.Load{Window: 1})
	if err != nil {
		return err
	}
	t.record(report.SaturatedCPU, us(m.perReading))
	t.record(report.SaturatedRate, m.Rate())
	t.record(report.SaturatedP50, ms(m.Latency.Quantile(0.50)))
	t.record(report.SaturatedP99, ms(m.Latency.Quantile(0.99)))
	t.record(report.SaturatedOwn, us(m.CPU)/float64(m.Acked))
	t.record(report.SaturatedOthers, m.others)
	return nil
}

func (t *trial) windowed(ctx context.Context, f *load.Fleet) error {
	t.say("at saturation, several in flight")
	m, err := t.loaded(ctx, f, load.Load{Window: t.plan.window})
	if err != nil {
		return err
	}
	t.record(report.WindowCPU, us(m.perReading))
	t.record(report.WindowRate, m.Rate())
	t.record(report.WindowP99, ms(m.Latency.Quantile(0.99)))
	t.record(report.WindowOthers, m.others)
	return nil
}

func (t *trial) paced(ctx context.Context, f *load.Fleet) error {
	t.say("paced")
	m, err := t.loaded(ctx, f, load.Load{Window: pacedWindow, Rate: t.plan.rate})
	if err != nil {
		return err
	}
	t.record(report.PacedCPU, us(m.perReading))
	t.record(report.PacedRate, m.Rate())
	t.record(report.PacedP50, ms(m.Latency.Quantile(0.50)))
	t.record(report.PacedP99, ms(m.Latency.Quantile(0.99)))
	t.record(report.PacedOthers, m.others)
	return nil
}

// loaded plays one load and then waits until all of it is acknowledged.
func (t *trial) loaded(ctx context.Context, f *load.Fleet, l load.Load) (measured, error) {
	if err := f.SetLoad(l); err != nil {
		return measured{}, err
	}
	m, err := t.stretch(ctx, f, t.plan.warm, t.plan.measure)
	if err != nil {
		return m, err
	}
	return m, f.Drain(ctx, patience)
}

func loadMethod(p plan) []string {
	return []string{
		fmt.Sprintf("All servers get the same reading (%d bytes of JSON with BOOT and SEQ, raw TCP: always as long as that) and acknowledge it (%d bytes, Mosquitto: PUBACK); boards connect from many loopback addresses.", len(board.RawRequest()), len(board.RawAnswer())),
		fmt.Sprintf("Saturation: %d connections, one reading in flight on each, the next one leaves when its acknowledgement has come; %v after %v of warming up. Then the same with %d in flight on each.", p.boards, p.measure, p.warm, p.window),
		fmt.Sprintf("Paced: %.0f readings/s over the same connections, evenly spread, at most %d in flight on each. Latency counts from the moment at which a reading was due, also when the board could not send it then; a server that cannot keep up shows fewer readings/s.", p.rate, pacedWindow),
	}
}
