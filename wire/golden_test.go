package wire_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name, or writes it there with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

func TestCorpus(t *testing.T) {
	var b strings.Builder
	for _, c := range corpus {
		fmt.Fprintf(&b, "== %s\n%q\n", c.name, c.text)
		new(wire.Decoder).Decode(false, []byte(c.text), func(it *wire.Item) { describe(&b, it) })
		b.WriteByte('\n')
	}
	golden(t, "corpus.golden", b.String())
}

func describe(b *strings.Builder, it *wire.Item) {
	kind := [...]string{"invalid", "reading", "hello", "report"}[it.Kind]
	fmt.Fprintf(b, "%s device=%s", kind, it.Device)
	if it.Boot != "" {
		fmt.Fprintf(b, " boot=%s", it.Boot)
	}
	if it.Seq != 0 {
		fmt.Fprintf(b, " seq=%d", it.Seq)
	}
	if it.Err != nil {
		fmt.Fprintf(b, " code=%s at=%d\n", it.Err.Code, it.Err.At)
		fmt.Fprintf(b, "  en: %s\n", wire.Explain(it.Err, vaiven.English))
		fmt.Fprintf(b, "  es: %s\n", wire.Explain(it.Err, vaiven.Spanish))
	} else {
		describeTimes(b, it)
		describeValues(b, " values", it.Values)
		describeValues(b, " states", it.States)
		if it.HasRev {
			fmt.Fprintf(b, " rev=%d", it.Rev)
		}
		if it.Kind == wire.Hello {
			fmt.Fprintf(b, " oldest=%d next=%d lost=%d up=%d sleep=%d fw=%q", it.Oldest, it.Next, it.Lost, it.Up, it.Sleep, it.FW)
			if it.Proof != "" {
				b.WriteString(" proof=" + it.Proof)
			}
		}
		b.WriteByte('\n')
	}
	for _, h := range it.Hints {
		fmt.Fprintf(b, "  hint %s en: %s\n", h.Kind, h.Text(vaiven.English))
		fmt.Fprintf(b, "  hint %s es: %s\n", h.Kind, h.Text(vaiven.Spanish))
	}
}

func describeTimes(b *strings.Builder, it *wire.Item) {
	switch it.Age {
	case wire.AgeAbsent:
	case wire.AgeUnknown:
		b.WriteString(" age=unknown")
	default:
		fmt.Fprintf(b, " age=%d", it.Age)
	}
	if it.Time != 0 {
		fmt.Fprintf(b, " time=%d", it.Time)
	}
}

func describeValues(b *strings.Builder, label string, values []vaiven.Value) {
	if len(values) == 0 {
		return
	}
	b.WriteString(label + "=")
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(v.Name + ":" + vaiven.FormatNumber(v.Num))
	}
}
