package views

// keepWriters is how many writers are remembered; the one that has not written
// for the longest is forgotten first.
const keepWriters = 1024

// writers knows how far each writer of the log has counted. Each process start
// is a writer, and numbers its records 1, 2, 3 ... with one in flight at a
// time; so a number that comes twice is the same record published twice, and a
// number that is left out is a record that the log has lost.
type writers struct {
	known   map[uint64]writer
	evicted bool // one was forgotten: an unknown writer need not begin at 1
}

type writer struct {
	n    uint64 // its last record
	used uint64 // where that stands in the log
}

// take notes record (id, n) at seq. It reports whether it is new; want is the
// number that should have come when there is a hole, else 0.
func (w *writers) take(id, n, seq uint64) (fresh bool, want uint64) {
	last, known := w.known[id]
	switch {
	case known && n <= last.n:
		w.known[id] = writer{last.n, seq}
		return false, 0
	case known && n != last.n+1:
		return false, last.n + 1
	case !known && n != 1 && !w.evicted:
		return false, 1
	}
	if !known && len(w.known) >= keepWriters {
		w.evict()
	}
	if w.known == nil {
		w.known = make(map[uint64]writer)
	}
	w.known[id] = writer{n, seq}
	return true, 0
}

func (w *writers) evict() {
	var oldest uint64
	found := false
	for id, e := range w.known {
		if !found || e.used < w.known[oldest].used {
			oldest, found = id, true
		}
	}
	delete(w.known, oldest)
	w.evicted = true
}
