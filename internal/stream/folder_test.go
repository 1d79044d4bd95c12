package stream

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"vaiven"
)

func TestOneProcessPerFolder(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	if _, err := Open(testContext(t), Options{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Dir: dir})
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(testContext(t), Options{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrNotWritable) {
			t.Errorf("open %s: %v", dir, err)
		}
	}
}

func TestALogCanBeginBehindALostOne(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir, FirstSeq: 5000})
	l.append(reading(101, 1))
	l.await(1)
	if l.First() != 5000 || l.acked.Load() != 5001 {
		t.Errorf("first %d, last %d", l.First(), l.acked.Load())
	}
	var missing *MissingError
	err := l.Read(testContext(t), 1, 0, func(vaiven.Record) error { return nil })
	if !errors.As(err, &missing) || missing.Want != 1 || missing.Got != 5000 {
		t.Errorf("read from 1: %v", err)
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, Options{Dir: dir})
	if again.First() != 5000 {
		t.Errorf("first is %d after the restart", again.First())
	}
	again.check()
}

func TestALogThatWentBackIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	l.append(reading(101, 1))
	l.await(1)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	copyTree(t, filepath.Join(dir, "jetstream"), old)

	l = start(t, Options{Dir: dir})
	for i := range 3 {
		l.append(reading(101, i+2))
		l.await(i + 1)
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	copyTree(t, old, filepath.Join(dir, "jetstream"))
	_, err := Open(testContext(t), Options{Dir: dir, Logger: quiet()})
	var lost *LostRecordsError
	if !errors.As(err, &lost) || lost.Have != 2 || lost.Want != 5 {
		t.Errorf("an older state of the log: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	if _, err = Open(testContext(t), Options{Dir: dir, Logger: quiet()}); !errors.As(err, &lost) || lost.Have != 0 {
		t.Errorf("no log at all: %v", err)
	}
}

func TestACreationCutShortIsDoneAgain(t *testing.T) {
	dir := t.TempDir()
	msgs := filepath.Join(streamDir(dir, "VAIVEN"), "msgs")
	if err := os.MkdirAll(msgs, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(msgs, "1.blk"), filepath.Join(msgs, "..", "meta.inf")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := start(t, Options{Dir: dir})
	l.append(reading(101, 1))
	l.await(1)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Dir: dir}).check()
}

func TestAWitnessSurvivesATornWrite(t *testing.T) {
	dir := t.TempDir()
	w, m, err := openWitness(dir)
	if err != nil || m.acked != 0 {
		t.Fatal(m, err)
	}
	id := "00112233445566778899aabbccddeeff"
	if err := w.start(mark{log: id, first: 1, acked: 7}); err != nil {
		t.Fatal(err)
	}
	if err := w.set(8); err != nil {
		t.Fatal(err)
	}
	if err := w.set(9); err != nil {
		t.Fatal(err)
	}
	w.f.Close()
	good, err := os.ReadFile(filepath.Join(dir, WitnessName))
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x55
		if err := os.WriteFile(filepath.Join(dir, WitnessName), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		w, m, err := openWitness(dir)
		if err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
		w.f.Close()
		if m.log != id || m.acked != 8 && m.acked != 9 {
			t.Fatalf("byte %d: %+v", i, m)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, WitnessName), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openWitness(dir); !errors.Is(err, ErrCorrupt) {
		t.Errorf("nonsense: %v", err)
	}
}
