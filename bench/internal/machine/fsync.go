package machine

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// Fsync is how long it takes to append 4 KiB to a file and fsync it.
type Fsync struct {
	P50us float64 `json:"p50_us"`
	P99us float64 `json:"p99_us"`
}

const (
	probeWrites = 500
	probeTime   = 5 * time.Second // a slow card gets fewer writes
)

func probe(dir string) (Fsync, error) {
	f, err := os.CreateTemp(dir, "fsync-*")
	if err != nil {
		return Fsync{}, fmt.Errorf("fsync probe: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	var took []time.Duration
	for begin := time.Now(); len(took) < probeWrites && time.Since(begin) < probeTime; {
		one := time.Now()
		if _, err := f.Write(block); err != nil {
			return Fsync{}, fmt.Errorf("fsync probe: %w", err)
		}
		if err := f.Sync(); err != nil {
			return Fsync{}, fmt.Errorf("fsync probe: %w", err)
		}
		took = append(took, time.Since(one))
	}
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[int(q*float64(len(took)-1))].Nanoseconds()) / 1000
	}
	return Fsync{P50us: at(0.50), P99us: at(0.99)}, nil
}
