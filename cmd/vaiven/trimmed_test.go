package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/server"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

// TestATrimmedLogIsWell: doctor and verify find nothing wrong with a log that begins
// later, with records behind its beginning and with none but the last, nor in a folder
// that has lost its checkpoint as well; and say so of one whose beginning is gone.
func TestATrimmedLogIsWell(t *testing.T) {
	data := t.TempDir()
	command := func(args ...string) (code int, text string) {
		var out, errs bytes.Buffer
		code = run(t.Context(), append(args, "--data", data), streams{os.Stdin, &out, &errs, func(string) string { return "" }})
		return code, out.String() + errs.String()
	}
	well := func(when, english, spanish string) {
		t.Helper()
		for lang, want := range map[string]string{"en": english, "es": spanish} {
			for _, args := range [][]string{{"verify"}, {"doctor", "--listen", "127.0.0.1:0"}} {
				if code, text := command(append(args, "--lang", lang)...); code != exitOK || !strings.Contains(text, want+": ok") || strings.Contains(text, "✗") {
					t.Errorf("%s: %v: exit %d, want %q in\n%s", when, args, code, want, text)
				}
			}
		}
	}
	readAhead(t, data, 1, 40)
	trimLog(t, data)
	well("as it was trimmed", "the log begins with record 2, behind 40 readings", "el registro empieza en la entrada 2, tras 40 lecturas")
	readAhead(t, data, 41, 50)
	well("later", "the log begins with record 2, behind 40 readings", "el registro empieza en la entrada 2, tras 40 lecturas")
	if err := os.Remove(filepath.Join(data, views.CheckpointName)); err != nil {
		t.Fatal(err)
	}
	well("without a checkpoint", "the log begins with record 2, behind 40 readings", "el registro empieza en la entrada 2, tras 40 lecturas")
	readAhead(t, data, 51, 60)
	trimLog(t, data)
	well("trimmed again", "60 rows, the log begins with record 4, behind 60 readings", "60 filas, el registro empieza en la entrada 4, tras 60 lecturas")
}

// TestSnapshotsThatAreLost: verify and doctor do as the server does. While the checkpoint
// covers what was trimmed they warn, and compare what is behind it; without it they
// refuse, in the server's words.
func TestSnapshotsThatAreLost(t *testing.T) {
	for _, how := range []string{"gone", "damaged"} {
		t.Run(how, func(t *testing.T) {
			data := t.TempDir()
			command := func(args ...string) (code int, text string) {
				var out, errs bytes.Buffer
				code = run(t.Context(), append(args, "--data", data), streams{os.Stdin, &out, &errs, func(string) string { return "" }})
				return code, out.String() + errs.String()
			}
			loseSnapshots(t, data, how)
			for lang, want := range map[string][]string{
				"en": {"the log begins with record 2, and no snapshot of what was before is whole", "; the checkpoint, at record 3, covers it", "behind 50 readings: ok"},
				"es": {"el registro empieza en la entrada 2, y no está completa ninguna instantánea de lo anterior", "; el punto de control, en la entrada 3, lo cubre", "tras 50 lecturas: ok"},
			} {
				for _, args := range [][]string{{"verify"}, {"doctor", "--listen", "127.0.0.1:0"}} {
					code, text := command(append(args, "--lang", lang)...)
					if code != exitOK || strings.Contains(text, "✗") {
						t.Errorf("%v: exit %d\n%s", args, code, text)
					}
					for _, words := range want {
						if !strings.Contains(text, words) {
							t.Errorf("%v: no %q in\n%s", args, words, text)
						}
					}
				}
			}
			csv := filepath.Join(data, "readings.csv")
			rows, err := os.ReadFile(csv)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(csv, bytes.Replace(rows, []byte(",49,"), []byte(",48,"), 1), 0o644); err != nil {
				t.Fatal(err)
			}
			if code, text := command("verify", "--lang", "en"); code == exitOK {
				t.Errorf("a row that somebody changed is not noticed: %s", text)
			}
			if err := os.WriteFile(csv, rows, 0o644); err != nil {
				t.Fatal(err)
			}

			if err := os.Remove(filepath.Join(data, views.CheckpointName)); err != nil {
				t.Fatal(err)
			}
			for lang, l := range map[string]vaiven.Lang{"en": vaiven.English, "es": vaiven.Spanish} {
				s, err := server.Open(t.Context(), server.Options{Class: true, Data: data, Lang: l})
				if err == nil {
					s.Close()
					t.Fatal("the server starts: this shows nothing")
				}
				for _, args := range [][]string{{"verify"}, {"doctor", "--listen", "127.0.0.1:0"}} {
					if code, text := command(append(args, "--lang", lang)...); code == exitOK || !strings.Contains(text, err.Error()) {
						t.Errorf("%v: exit %d, the server says %q\n%s", args, code, err, text)
					}
				}
			}
		})
	}
}

// loseSnapshots makes a folder whose log was trimmed, and has no whole snapshot, and two
// records of readings.
func loseSnapshots(t *testing.T, data, how string) {
	t.Helper()
	made := filepath.Join(data, "made")
	readAhead(t, made, 1, 40)
	trimLog(t, made)
	readAhead(t, made, 41, 50)
	file := filepath.Join(data, "made.backup")
	cli(t, "backup", file, "--data", made)
	if err := os.RemoveAll(made); err != nil {
		t.Fatal(err)
	}
	cli(t, "restore", file, "--data", made) // in whose files nothing of what was trimmed is left
	if err := os.CopyFS(data, os.DirFS(made)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(made); err != nil {
		t.Fatal(err)
	}
	if how == "gone" {
		if err := os.RemoveAll(filepath.Join(server.LogDir(data), "jetstream", "$G", "streams", "VAIVEN-SNAPSHOTS")); err != nil {
			t.Fatal(err)
		}
		return
	}
	onLog(t, data, func(ctx context.Context, log *stream.Log) error {
		list, err := log.Snapshots(ctx)
		if err == nil {
			err = log.PutSnapshot(ctx, vaiven.SnapshotInfo{Pos: 1, At: 1_795_333_377_000}, []byte("no snapshot"))
		}
		for _, s := range list {
			err = errors.Join(err, log.DropSnapshot(ctx, s.Pos))
		}
		return err
	})
}

// onLog opens a stopped server's log, and commits what fn appends.
func onLog(t *testing.T, data string, fn func(context.Context, *stream.Log) error) {
	t.Helper()
	log, err := stream.Open(t.Context(), stream.Options{Dir: server.LogDir(data)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	if err := fn(t.Context(), log); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := log.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// readAhead commits a board's readings in one record, and has a server apply them and
// end.
func readAhead(t *testing.T, data string, from, to uint64) {
	t.Helper()
	var events []vaiven.Event
	for seq := from; seq <= to; seq++ {
		s := vaiven.Stamp{At: time.Date(2026, 11, 22, 9, 0, int(seq), 0, time.UTC).UnixMilli(), Synced: true}
		events = append(events, &vaiven.Reading{Stamp: s, Device: "101", Boot: "9f3c02aa", Seq: seq, Values: []vaiven.Value{{Name: "TEMP", Num: float64(seq)}}})
	}
	onLog(t, data, func(ctx context.Context, log *stream.Log) error { return log.Append(ctx, events, nil) })
	s, err := server.Open(t.Context(), server.Options{Class: true, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	s.Close()
}

// trimLog trims a stopped server's log to its checkpoint; the last record stays.
func trimLog(t *testing.T, data string) {
	t.Helper()
	state, err := os.ReadFile(filepath.Join(data, views.CheckpointName))
	if err != nil {
		t.Fatal(err)
	}
	pos := views.CheckpointPosition(data)
	onLog(t, data, func(ctx context.Context, log *stream.Log) error {
		if err := log.PutSnapshot(ctx, vaiven.SnapshotInfo{Pos: pos, At: 1_795_333_377_000}, state); err != nil {
			return err
		}
		list, err := log.Snapshots(ctx)
		for _, s := range list {
			if s.Pos < pos && err == nil {
				err = log.DropSnapshot(ctx, s.Pos)
			}
		}
		if err != nil {
			return err
		}
		return log.Trim(ctx, pos)
	})
}
