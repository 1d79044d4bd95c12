package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"vaiven/internal/backup"
)

// cli runs a command in a folder, and returns what it prints.
func cli(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append(args, "--lang", "en"), streams{os.Stdin, &out, &errs, func(string) string { return "" }}); code != exitOK {
		t.Fatalf("%q: exit %d, %s", args, code, errs.String())
	}
	return out.String()
}

// said runs a command that ends so, and returns all that it says.
func said(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, streams{os.Stdin, &out, &errs, func(string) string { return "" }}); code != want {
		t.Fatalf("%q: exit %d, %s%s", args, code, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

// imported makes a data folder with a few readings, whose CSV has this name.
func imported(t *testing.T, dir, csv string) (data string) {
	t.Helper()
	rows := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(rows, []byte("IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611220242,24.5,61\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	data = filepath.Join(dir, "data")
	cli(t, "import", rows, "--data", data, "--csv", filepath.Join(data, csv))
	return data
}

// TestBackupsAreForTheirUserOnly: they hold all that the log holds, which others may not
// read either.
func TestBackupsAreForTheirUserOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has other permissions
	}
	dir := t.TempDir()
	data := imported(t, dir, "readings.csv")
	file, folder := filepath.Join(dir, "one.backup"), filepath.Join(dir, "many")
	cli(t, "backup", file, "--data", data)
	there := filepath.Join(dir, "there")
	for _, made := range []string{folder, there} {
		if err := os.Mkdir(made, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(made, 0o755); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	cli(t, "backup", folder+"/", "--data", data)
	cli(t, "restore", file, "--data", filepath.Join(dir, "restored"))
	cli(t, "restore", file, "--data", there)
	for path, want := range map[string]fs.FileMode{file: 0o600, folder: 0o755, filepath.Join(folder, "*"): 0o600, filepath.Join(dir, "restored"): 0o700, there: 0o755} {
		found, err := filepath.Glob(path)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %q %v", path, found, err)
		}
		if info, err := os.Stat(found[0]); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has %v, %v", found[0], info.Mode(), err)
		}
	}
}

// rewritten is a backup with other totals.
func rewritten(t *testing.T, b []byte, totals backup.Totals) []byte {
	t.Helper()
	in, err := backup.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	w, err := backup.NewWriter(&out, in.Header())
	var file backup.File
	var content []byte
	for err == nil {
		var p backup.Part
		if p, err = in.Next(); file.Path != "" && (err != nil || p.Kind == backup.PartFile) {
			if werr := w.File(file, bytes.NewReader(content)); werr != nil {
				t.Fatal(werr)
			}
			content = nil
		}
		switch {
		case err != nil:
		case p.Kind == backup.PartRecord:
			err = w.Record(p.Seq, p.Data)
		case p.Kind == backup.PartFile:
			file = p.File
		case p.Kind == backup.PartData:
			content = append(content, p.Data...)
		default:
			t.Fatal("the log was trimmed")
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := errors.Join(w.Totals(totals), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBackupsSayHowManyReadings they have, and from when to when; restore --verify
// believes no other number.
func TestBackupsSayHowManyReadings(t *testing.T) {
	dir := t.TempDir()
	rows := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(rows, []byte("IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611220242,24.5,61\n2,102,202611220310,24.6,60\n3,101,202611220315,24.7,59\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	data, file, folder := filepath.Join(dir, "data"), filepath.Join(dir, "one.backup"), filepath.Join(dir, "many")
	cli(t, "import", rows, "--data", data)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	restore := []string{"restore", file, "--data", filepath.Join(dir, "back"), "--verify"}
	for _, args := range [][]string{{"backup", file, "--data", data}, {"backup", folder + "/", "--data", data}, {"backup", "--check", file}, restore} {
		if text := cli(t, args...); !strings.Contains(text, ", 3 readings from 2026-11-22 02:42:00 to 2026-11-22 03:15:00") {
			t.Errorf("%q: %s", args, text)
		}
	}
	if text := said(t, exitOK, "backup", "--check", file, "--lang", "es"); !strings.Contains(text, ", 3 lecturas desde 2026-11-22 02:42:00 hasta 2026-11-22 03:15:00, del ") {
		t.Error(text)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(dir, "wrong.backup")
	if err := os.WriteFile(wrong, rewritten(t, b, backup.Totals{Readings: 4}), 0o644); err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(dir, "lost")
	for lang, want := range map[string]string{"en": "says 4 readings, and restored there are 3", "es": "dice 4 lecturas, y restauradas hay 3"} {
		if text := said(t, exitError, "restore", wrong, "--data", lost, "--verify", "--lang", lang); !strings.Contains(text, want) {
			t.Error(text)
		}
	}
	if _, err := os.Stat(lost); err == nil {
		t.Error("a folder was made all the same")
	}
}

// TestABackupOfAFolderThatIsWrong, in rows that the log does not have any more, is not
// restored with --verify, which says how it is.
func TestABackupOfAFolderThatIsWrong(t *testing.T) {
	dir := t.TempDir()
	data, file, back := filepath.Join(dir, "data"), filepath.Join(dir, "one.backup"), filepath.Join(dir, "back")
	readAhead(t, data, 1, 40)
	readAhead(t, data, 41, 50)
	trimLog(t, data)
	rows := filepath.Join(data, "readings.csv")
	b, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rows, bytes.Replace(b, []byte(",20,"), []byte(",21,"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if text := cli(t, "backup", file, "--data", data); !strings.Contains(text, " 50 readings from 2026-11-22 09:00:41 to 2026-11-22 09:00:50 (40 of them are older, and not in the log any more)") {
		t.Error(text)
	}
	for lang, want := range map[string]string{"en": "hint: no folder was made.", "es": "pista: no se hizo ninguna carpeta."} {
		if text := said(t, exitError, "restore", file, "--data", back, "--verify", "--lang", lang); !strings.Contains(text, want) {
			t.Error(text)
		}
	}
	if _, err := os.Stat(back); err == nil {
		t.Error("a folder was made all the same")
	}
	cli(t, "restore", file, "--data", back)
}

// TestBackupsOfAnEarlierVaiven are restored, with what they say.
func TestBackupsOfAnEarlierVaiven(t *testing.T) {
	file, data := filepath.Join("..", "..", "internal", "backup", "testdata", "form1.backup"), filepath.Join(t.TempDir(), "data")
	if text := cli(t, "backup", "--check", file); !strings.Contains(text, "records 1 to 2, as of ") {
		t.Error(text)
	}
	if text := cli(t, "restore", file, "--data", data, "--verify"); !strings.Contains(text, "3 readings, 0 repeats dropped, 2 devices, 3 rows: ok") || !strings.Contains(text, "up to record 2. Start") {
		t.Error(text)
	}
}

// TestTheCommandThatRestorePrintsCanBeCopied, also where a name has a space.
func TestTheCommandThatRestorePrintsCanBeCopied(t *testing.T) {
	dir := t.TempDir()
	data := imported(t, dir, "sala 3 (O'Brien).csv")
	file := filepath.Join(dir, "one.backup")
	cli(t, "backup", file, "--data", data, "--csv", filepath.Join(data, "sala 3 (O'Brien).csv"))
	text := cli(t, "restore", file, "--data", filepath.Join(dir, "back"))
	want := "--csv '" + filepath.Join(dir, "back", `sala 3 (O'\''Brien).csv`) + "'"
	if runtime.GOOS == "windows" {
		want = `--csv "` + filepath.Join(dir, "back", "sala 3 (O'Brien).csv") + `"`
	}
	if !strings.Contains(text, want) {
		t.Errorf("no %s in %s", want, text)
	}
}
