package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/csvimport"
	"vaiven/internal/stream"
	"vaiven/internal/views/verify"
)

// maxCompared is how many rows are looked for among the readings that are there, the
// first ones of the files: about 40 MB. A file that has grown begins with such rows.
const maxCompared = 1 << 20

var errCompared = errors.New("enough rows were compared")

// refuseAgain refuses files with rows that the folder has as readings of something else:
// a file that has grown since it was imported is another one, and so is the server's
// own CSV. A row is there if its board has a reading of its minute with its values.
func (r *importRun) refuseAgain(ctx context.Context, log *stream.Log, last uint64) error {
	v := &sameView{importRun: r, seed: maphash.MakeSeed(), columns: make(map[string]bool), waiting: make(map[uint64]int), there: make(map[uint64]int)}
	for _, s := range r.files {
		for _, name := range s.Columns {
			v.columns[name] = true
		}
	}
	err := v.eachRow(func(_ *csvimport.Report, row csvimport.Row) { v.waiting[v.key(row.Reading)]++ })
	if err != nil || len(v.waiting) == 0 {
		return err
	}
	bar := &progressView{console.NewProgress(r.stderr(), r.lang, r.say("looking for the rows in the log", "buscando las filas en el registro"), last, nil)}
	defer bar.bar.Done()
	if _, err := verify.Replay(ctx, log, bar, v); err != nil {
		return r.explain.Views(err)
	}
	var path string
	var first, latest, n uint64
	err = v.eachRow(func(s *csvimport.Report, row csvimport.Row) {
		k := v.key(row.Reading)
		if v.there[k] == 0 {
			return
		}
		v.there[k]--
		if n++; n == 1 {
			path, first, latest = s.Path, row.ID, row.ID
		} else if path == s.Path {
			latest = max(latest, row.ID)
		}
	})
	if err != nil || n == 0 {
		return err
	}
	bar.bar.Done()
	return hinted(fmt.Errorf(r.say("%s already has %d of these rows, in %s those from IDdato %d to %d: nothing was stored",
		"%s ya tiene %d de estas filas, en %s las de IDdato %d a %d: no se guardó nada"), r.o.Data, n, path, first, latest),
		r.say("has the file grown since it was imported? Take those rows out, in a copy, and import that; --again stores them a second time",
			"¿creció el archivo desde que se importó? Quita esas filas, en una copia, e importa la copia; --again las guarda por segunda vez"))
}

// sameView finds rows of the files among the log's readings of others.
type sameView struct {
	*importRun
	seed    maphash.Seed
	columns map[string]bool
	waiting map[uint64]int // rows by what they say, of which no reading was found
	there   map[uint64]int // and of which one was
}

// eachRow hands on the first rows of those that are to be stored.
func (v *sameView) eachRow(fn func(*csvimport.Report, csvimport.Row)) error {
	n := 0
	for _, s := range v.files {
		err := s.Read(v.read, func(row csvimport.Row) error {
			if row.Reading.Seq <= v.known[fileBoard{s.Boot, row.Reading.Device}] {
				return nil
			}
			if n++; n > maxCompared {
				return errCompared
			}
			fn(s, row)
			return nil
		})
		if errors.Is(err, errCompared) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// key is what a row says of a reading: its board, its minute, and the values that have a
// column.
func (v *sameView) key(r *vaiven.Reading) uint64 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	number := func(n uint64) { _, _ = h.Write(binary.LittleEndian.AppendUint64(nil, n)) } // never fails
	values := slices.DeleteFunc(slices.Clone(r.Values), func(x vaiven.Value) bool { return !v.columns[x.Name] })
	slices.SortFunc(values, func(a, b vaiven.Value) int { return cmp.Compare(a.Name, b.Name) })
	_, _ = h.WriteString(string(r.Device)) // never fails
	number(uint64(r.At / time.Minute.Milliseconds()))
	for _, x := range values {
		_, _ = h.WriteString(x.Name) // never fails
		number(math.Float64bits(x.Num))
	}
	return h.Sum64()
}

func (v *sameView) Name() string { return "same" }

func (v *sameView) Apply(_ uint64, entries []vaiven.Entry) error {
	for _, e := range entries {
		r, ok := e.Event.(*vaiven.Reading)
		if !ok || slices.ContainsFunc(v.files, func(s *csvimport.Report) bool { return s.Boot == r.Boot }) {
			continue
		}
		if k := v.key(r); v.waiting[k] > 0 {
			v.waiting[k]--
			v.there[k]++
		}
	}
	return nil
}

func (v *sameView) Snapshot() ([]byte, error) { return nil, nil }
