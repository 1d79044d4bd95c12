package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/csvimport"
	"vaiven/internal/server"
	"vaiven/internal/stream"
)

// TestImportGoesOnWhereItStopped: the log has a part of the file's rows, as after a
// kill; the same command stores the others, and each is in the CSV once. Forty other
// files behind it do not make the first one new again.
func TestImportGoesOnWhereItStopped(t *testing.T) {
	dir := t.TempDir()
	path, data := filepath.Join(dir, "a.csv"), filepath.Join(dir, "d")
	content := "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n"
	for i := range 2500 {
		content += fmt.Sprintf("%d,10%d,2026112202%02d,%d.5,61\n", i+1, i%3, i/50, i%40)
	}
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(path, content)
	storeFirst(t, data, path, 1234)

	imported := func(want string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		args = append([]string{"import", "--data", data, "--zone", "UTC", "--lang", "en"}, args...)
		if code := run(t.Context(), args, streams{os.Stdin, &out, &errs, func(string) string { return "" }}); code != exitOK || !strings.Contains(out.String(), want) {
			t.Fatalf("exit %d, want %q\n%s%s", code, want, out.String(), errs.String())
		}
	}
	imported("1266 readings of 3 boards stored in", path)
	got, err := os.ReadFile(filepath.Join(data, "readings.csv"))
	if err != nil || string(got) != content {
		t.Fatalf("%d bytes, want %d: %v", len(got), len(content), err)
	}
	many := []string{"--append"}
	for i := range 40 {
		p := filepath.Join(dir, fmt.Sprintf("b%d.csv", i))
		write(p, fmt.Sprintf("IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n%d,101,202611220400,20,60\n", i+1))
		many = append(many, p)
	}
	imported("40 readings of 1 board", many...)
	imported("0 readings of 3 boards", "--append", path)
}

// storeFirst puts the first n rows of a file into a new log.
func storeFirst(t *testing.T, data, path string, n int) {
	t.Helper()
	o := csvimport.Options{Zone: time.UTC, Rules: vaiven.DefaultRules()}
	file, err := csvimport.Survey(path, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	var events []vaiven.Event
	err = file.Read(o, func(row csvimport.Row) error {
		if len(events) < n {
			events = append(events, row.Reading)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	log, err := stream.Open(t.Context(), stream.Options{Dir: server.LogDir(data)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	if err := log.Append(t.Context(), events, nil); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end() // Run commits what is queued, and returns
	if err := log.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsNoFileToImport: the message names it, and says what to do.
func TestWhatIsNoFileToImport(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.csv")
	if err := os.WriteFile(path, []byte("IDdato,IDdevice,TIMEFLAG,TEMP\n"+strings.Repeat("x", 1<<17)), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{path: "línea 2 mide más de 64 KiB", dir: "es una carpeta"} {
		var out, errs bytes.Buffer
		args := []string{"import", "--data", filepath.Join(dir, "d"), "--lang", "es", name}
		code := run(t.Context(), args, streams{os.Stdin, &out, &errs, func(string) string { return "" }})
		if text := errs.String(); code == exitOK || !strings.Contains(text, name+": la "+want) && !strings.Contains(text, name+" "+want) || strings.Contains(text, "%!") {
			t.Errorf("exit %d\n%s", code, text)
		}
	}
}

// TestAFileThatHasGrownIsNotStoredTwice: its rows of before are there under the name of
// another file. What the same command stores behind --again is stored once.
func TestAFileThatHasGrownIsNotStoredTwice(t *testing.T) {
	dir := t.TempDir()
	data, old, grown, other := filepath.Join(dir, "d"), filepath.Join(dir, "old.csv"), filepath.Join(dir, "grown.csv"), filepath.Join(dir, "other.csv")
	rows := "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n7,101,202611220242,20.5,61\n8,101,202611220242,20.5,61\n9,102,202611220243,21,\n"
	for path, content := range map[string]string{
		old: rows, grown: rows + "10,101,202611220244,22,60\n",
		other: "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611220242,20.6,61\n2,103,202611220242,20.5,61\n3,102,202611220244,21,\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	imports := func(want string, code int, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		args = append([]string{"import", "--data", data, "--zone", "UTC", "--lang", "en"}, args...)
		if got := run(t.Context(), args, streams{os.Stdin, &out, &errs, func(string) string { return "" }}); got != code || !strings.Contains(out.String()+errs.String(), want) {
			t.Fatalf("exit %d, want %q\n%s%s", got, want, out.String(), errs.String())
		}
	}
	imports("3 readings of 2 boards stored", exitOK, old)
	imports("already has 3 of these rows, in "+grown+" those from IDdato 7 to 9: nothing was stored", exitError, "--append", grown)
	imports("3 readings of 3 boards stored", exitOK, "--append", other)
	imports("4 readings of 2 boards stored", exitOK, "--append", "--again", grown)
	imports("0 readings of 2 boards stored", exitOK, "--append", grown) // all of it is there
	csv, err := os.ReadFile(filepath.Join(data, "readings.csv"))
	if n := strings.Count(string(csv), ",20.5,61\n"); err != nil || n != 5 {
		t.Errorf("%d rows, %v\n%s", n, err, csv)
	}
}
