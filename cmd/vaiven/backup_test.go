package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
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
