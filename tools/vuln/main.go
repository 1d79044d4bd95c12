// Command vuln says which known holes a program of ours can reach, and fails if an update
// of a module closes one. Those of Go itself are told, and do not fail it: they are closed
// by building with a later Go, which a release does.
//
// The database is a folder of golang.org/x/vulndb at the version that go.mod names, so
// that it needs no network and says the same everywhere; raising that version is part of
// a release.
//
//	vuln -db file:///FOLDER ./cmd/vaiven
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/vuln/scan"
)

// message is one of govulncheck's JSON output.
type message struct {
	OSV *struct {
		ID, Summary string
	}
	Finding *struct {
		OSV          string
		FixedVersion string `json:"fixed_version"`
		Trace        []struct{ Module, Version, Function string }
	}
}

// hole is a known one that is reached.
type hole struct{ id, module, version, fixed string }

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var out bytes.Buffer
	cmd := scan.Command(ctx, append([]string{"-format", "json"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	holes, summaries, err := read(&out)
	if err != nil {
		return err
	}
	var closable int
	for _, h := range holes {
		fix := "no fix is known"
		if h.fixed != "" {
			fix = "fixed in " + h.fixed
		}
		fmt.Printf("%s  %s %s (%s): %s\n", h.id, h.module, h.version, fix, summaries[h.id])
		if h.module != "stdlib" && h.fixed != "" {
			closable++
		}
	}
	if closable > 0 {
		return fmt.Errorf("%d of these are closed by an update: go get MODULE@VERSION", closable)
	}
	return nil
}

// read returns the holes whose code is reached, each once.
func read(r io.Reader) (holes []hole, summaries map[string]string, err error) {
	summaries = make(map[string]string)
	for d := json.NewDecoder(r); ; {
		var m message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, err
		}
		if m.OSV != nil {
			summaries[m.OSV.ID] = strings.TrimSpace(m.OSV.Summary)
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			holes = append(holes, hole{f.OSV, f.Trace[0].Module, f.Trace[0].Version, f.FixedVersion})
		}
	}
	slices.SortFunc(holes, func(a, b hole) int { return strings.Compare(a.id+a.module, b.id+b.module) })
	return slices.CompactFunc(holes, func(a, b hole) bool { return a.id == b.id && a.module == b.module }), summaries, nil
}
