package stream

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

// TestAnOutsiderDecodesARecord gives a record to protoc with the published
// schema. It needs Debian's protobuf-compiler, which the project's script for
// test dependencies installs.
func TestAnOutsiderDecodesARecord(t *testing.T) {
	protoc, err := exec.LookPath("protoc")
	if err != nil {
		t.Fatalf("this test needs protoc: apt-get install protobuf-compiler (%v)", err)
	}
	at := int64(1_795_333_377_000)
	st := vaiven.Stamp{At: at, Offset: -18000, Synced: true}
	rec := vaiven.Record{Writer: 0x1122334455667788, N: 41, Events: []vaiven.Event{
		&vaiven.Reading{Stamp: st, Device: "101", Boot: "9f3c02aa", Seq: 17, Measured: at - 250,
			Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}, {Name: "PI", Num: 3.141592653589793}},
			States: []vaiven.Value{{Name: "LED", Num: 1}}, Rev: 7},
		&vaiven.Gap{Stamp: vaiven.Stamp{At: at + 3}, Device: "nodo.7", Boot: "0123456789", From: 4, To: 9},
	}}
	b := encoded(t, rec)
	cmd := exec.Command(protoc, "--decode=vaiven.log.v1.Envelope", "--proto_path=../../docs", "log.proto")
	cmd.Stdin = bytes.NewReader(b)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("protoc: %v\n%s", err, errs.String())
	}
	want := `record {
  kind: 1
  version: 1
  writer: 1234605616436508552
  n: 41
  time: 1795333377000
  offset: -18000
  synced: true
  columns {
    name: "TEMP"
    decimals: 1
  }
  columns {
    name: "HUM"
  }
  columns {
    name: "PI"
    real: true
  }
  columns {
    name: "LED"
  }
  events {
    reading {
      number: 101
      boot: 2671510186
      seq: 17
      measured: -250
      columns: 0
      columns: 1
      columns: 2
      columns: 3
      mantissas: 245
      mantissas: 61
      mantissas: 1
      reals: 3.1415926535897931
      states: 1
      rev: 7
    }
  }
  events {
    gap {
      delta: 3
      offset: 0
      synced: false
      device: "nodo.7"
      boot: 4886718345
      boot_digits: 10
      from: 4
      to: 9
    }
  }
}
`
	_, got, _ := bytes.Cut(out, []byte("\n")) // the first line is the checksum
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("protoc sees something else:\n%s", d)
	}
}

// TestKindsHaveTheirNumbers compares the schema's list of kinds with the domain's: the
// codec takes a kind's number from its place there.
func TestKindsHaveTheirNumbers(t *testing.T) {
	schema, err := os.ReadFile("../../docs/log.proto")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(schema), "oneof kind {")
	list, _, _ = strings.Cut(list, "}")
	var got []string
	for i, m := range regexp.MustCompile(`\w+ (\w+) = (\d+);`).FindAllStringSubmatch(list, -1) {
		if m[2] != strconv.Itoa(i+1) {
			t.Errorf("%s has number %s, at place %d", m[1], m[2], i+1)
		}
		got = append(got, m[1])
	}
	if d := cmp.Diff(vaiven.KindNames(), got); d != "" {
		t.Error(d)
	}
	for i, kind := range eventKinds[1:] {
		if n := kindNumber(kind.make()); n != i+1 {
			t.Errorf("kind %d makes an event of kind %d", i+1, n)
		}
	}
}

// TestTheSchemaKnowsEveryKind lets protoc decode every kind of event: none of
// its fields may be unknown to the schema.
func TestTheSchemaKnowsEveryKind(t *testing.T) {
	rec := everyKind()
	rec.Events = append(rec.Events, fullEvents()...)
	cmd := exec.Command("protoc", "--decode=vaiven.log.v1.Envelope", "--proto_path=../../docs", "log.proto")
	cmd.Stdin = bytes.NewReader(encoded(t, rec))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("this test needs protoc: apt-get install protobuf-compiler: %v\n%s", err, out)
	}
	for line := range bytes.Lines(out) {
		field := bytes.TrimLeft(line, " ")
		if len(field) > 0 && '0' <= field[0] && field[0] <= '9' {
			t.Errorf("a field that the schema does not name: %s", line)
		}
	}
}
