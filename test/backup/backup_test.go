//go:build suites && linux

package backup

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// wait bounds what is waited for.
const wait = 4 * time.Minute

// more waits until so many more readings are acknowledged.
func more(t *testing.T, f *harness.Fleet, n uint64) {
	t.Helper()
	before := f.Ledger.Acked()
	harness.Until(t, wait, "boards are acknowledged", func() bool { return f.Ledger.Acked() >= before+n })
}

// vaiven runs the program, and requires an exit code.
func vaiven(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, code := harness.Vaiven(t, append(args, "--lang", "en")...)
	if code != want {
		t.Fatalf("vaiven %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, stdout, stderr)
	}
	return stdout, stderr
}

// holds checks that every reading up to the marks is in the rows, and none twice, and
// returns which readings are there.
func holds(t *testing.T, f *harness.Fleet, csv string, marks map[harness.Life]uint64) map[harness.Life]map[uint64]bool {
	t.Helper()
	rows, err := harness.ReadCSV(csv)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := f.Ledger.Seen(rows)
	if err != nil {
		t.Fatal(err)
	}
	for life, acked := range marks {
		for seq := uint64(1); seq <= acked; seq++ {
			if !seen[life][seq] {
				t.Fatalf("%v: SEQ %d was acknowledged before the backup was begun, and is not there", life, seq)
			}
		}
	}
	return seen
}

// TestTheServerComesBack is the whole way, for slow boards that stay and for fast ones
// that only make the load.
func TestTheServerComesBack(t *testing.T) {
	dir := t.TempDir()
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"))
	s.StartReady()
	load := harness.NewFleet(t, s.Addr, 10)
	for i, b := range load.Boards {
		b.Device = "load" + string(rune('a'+i))
	}
	stay := harness.NewFleet(t, s.Addr, 5)
	for _, b := range stay.Boards {
		b.Pace = 50 * time.Millisecond
		b.Ledger = load.Ledger
	}
	stay.Ledger = load.Ledger
	load.Start(t)
	stay.Start(t)
	more(t, load, 5000)

	file := filepath.Join(dir, "pi.backup")
	before := stay.Ledger.Marks()
	if out, _ := vaiven(t, 0, "backup", file, "--server", "http://"+s.Addr); !strings.Contains(out, ": ok") {
		t.Fatal(out)
	}
	load.Stop()
	more(t, stay, 40)
	s.Kill()
	lost := stay.Ledger.Marks()
	if err := os.RemoveAll(s.Data); err != nil {
		t.Fatal(err)
	}

	out, _ := vaiven(t, 0, "restore", file, "--data", s.Data, "--verify")
	if !strings.Contains(out, "rows: ok") {
		t.Fatal(out)
	}
	holds(t, stay, s.CSV(), before)
	s.StartReady()
	for _, b := range stay.Boards {
		at := b.Acked()
		harness.Until(t, wait, b.Device+" goes on", func() bool { return b.Acked() >= at+20 })
	}
	stay.Stop()
	s.Stop()
	harness.Verify(t, s.Data)
	proveRest(t, stay, holds(t, stay, s.CSV(), before), before, lost)
}

// proveRest checks that what the restored server acknowledged is there, and that
// something was lost between the backup and the end of the old one.
func proveRest(t *testing.T, f *harness.Fleet, seen map[harness.Life]map[uint64]bool, before, lost map[harness.Life]uint64) {
	t.Helper()
	gone := 0
	for life, acked := range f.Ledger.Marks() {
		for seq := lost[life] + 1; seq <= acked; seq++ {
			if !seen[life][seq] {
				t.Errorf("%v: SEQ %d was acknowledged by the restored server, and is not there", life, seq)
			}
		}
		for seq := before[life] + 1; seq <= lost[life]; seq++ {
			if !seen[life][seq] {
				gone++
			}
		}
	}
	if gone == 0 {
		t.Error("nothing came between the backup and the end: this has shown less than it should")
	}
	t.Logf("%d acknowledged, %d of them after the backup, and gone with the old server", f.Ledger.Acked(), gone)
}

// killing returns an address that leads to the server, which is killed when it has
// answered so many bytes.
func killing(t *testing.T, s *harness.Server, bytes int64) string {
	t.Helper()
	return behind(t, s, bytes, func() { s.Signal(syscall.SIGKILL) })
}

// behind returns an address that leads to the server, once; then comes then, and the
// connection is cut.
func behind(t *testing.T, s *harness.Server, bytes int64, then func()) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		client, err := l.Accept()
		if err != nil {
			return // the test is over
		}
		defer client.Close()
		server, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer server.Close()
		go func() { _, _ = io.Copy(server, client) }() // until either is closed
		if n, err := io.CopyN(client, server, bytes); err != nil {
			t.Errorf("%d bytes and %v: too short to be cut", n, err)
		}
		then()
	}()
	return l.Addr().String()
}

// tokenFile holds a server's token for commands on its machine, which find it by themselves
// where nothing stands between.
func tokenFile(s *harness.Server) string { return filepath.Join(s.Data, "cli-token") }

// TestAServerThatDiesMeanwhile leaves no backup, and a restore that dies no folder.
func TestAServerThatDiesMeanwhile(t *testing.T) {
	dir := t.TempDir()
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"))
	s.StartReady()
	f := harness.NewFleet(t, s.Addr, 10)
	f.Start(t)
	more(t, f, 8_000)
	f.Stop()
	marks := f.Ledger.Marks()
	file := filepath.Join(dir, "pi.backup")
	vaiven(t, 0, "backup", file, "--server", "http://"+s.Addr)

	cut := filepath.Join(dir, "cut.backup")
	_, said := vaiven(t, 1, "backup", cut, "--token-file", tokenFile(s), "--server", "http://"+killing(t, s, 50_000))
	if !strings.Contains(said, "did not send all of the backup") {
		t.Errorf("it says %q", said)
	}
	for _, name := range []string{cut, cut + ".new"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is there", name)
		}
	}

	data := filepath.Join(dir, "restored")
	for range 5 {
		cmd := exec.Command(harness.Binary(t), "restore", file, "--data", data)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		harness.Until(t, wait, "the restore is under way", func() bool {
			_, half := os.Stat(data + ".restoring")
			_, whole := os.Stat(data)
			return half == nil || whole == nil
		})
		_ = cmd.Process.Kill() // fails only when it is over already
		_ = cmd.Wait()         // killed
		if _, err := os.Stat(data); err == nil {
			harness.Verify(t, data) // it was quicker: then it is whole
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	vaiven(t, 0, "restore", file, "--data", data, "--verify")
	holds(t, f, filepath.Join(data, "readings.csv"), marks)
	left, err := filepath.Glob(data + ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestABackupThatDiesTakesNoOldOneAway: one that is killed while it is written leaves
// those that are kept, whole, and nothing in the next one's way.
func TestABackupThatDiesTakesNoOldOneAway(t *testing.T) {
	dir := t.TempDir()
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"))
	s.StartReady()
	f := harness.NewFleet(t, s.Addr, 10)
	f.Start(t)
	more(t, f, 8_000)
	f.Stop()
	folder := filepath.Join(dir, "usb")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	whole := func() (names []string) {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(folder, "vaiven-*.backup"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			vaiven(t, 0, "backup", "--check", name)
		}
		return names
	}
	keep := []string{"backup", folder, "--keep", "2", "--token-file", tokenFile(s), "--server"}
	next := func() {
		t.Helper()
		before := time.Now().UTC().Format("150405")
		harness.Until(t, wait, "the clock moves on", func() bool { return time.Now().UTC().Format("150405") != before })
		vaiven(t, 0, append(keep, "http://"+s.Addr)...)
	}
	next()
	next()
	there := whole()
	if len(there) != 2 {
		t.Fatalf("in the folder: %q", there)
	}
	for _, bytes := range []int64{400, 50_000} {
		half := filepath.Join(folder, "vaiven.backup.new")
		reached, stop := make(chan struct{}), make(chan struct{})
		cmd := exec.Command(harness.Binary(t), append(keep, "http://"+behind(t, s, bytes, func() { close(reached); <-stop }))...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-reached:
		case <-time.After(wait):
			t.Error("it asks for no backup")
		}
		_ = cmd.Process.Kill() // it waits for the rest
		_ = cmd.Wait()         // killed
		close(stop)
		if now := whole(); !slices.Equal(now, there) {
			t.Errorf("killed behind %d bytes, in the folder: %q, before: %q", bytes, now, there)
		}
		if _, err := os.Stat(half); err != nil {
			t.Errorf("it was over before it was killed: %v", err)
		}
	}
	next()
	if now := whole(); len(now) != 2 || now[0] != there[1] {
		t.Errorf("in the folder: %q, before: %q", now, there)
	}
	if names, err := os.ReadDir(folder); err != nil || len(names) != 2 {
		t.Errorf("left: %v, %v", names, err)
	}
	s.Stop()
}
