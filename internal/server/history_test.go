package server

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/stream"
	"vaiven/internal/views"
	"vaiven/internal/views/verify"
	"vaiven/internal/web/api"
)

// historyOf asks for the last hours of board 101.
func (r *running) historyOf() *api.Curves {
	r.t.Helper()
	got, err := r.ask().History(testContext(r.t), api.Past{Devices: []vaiven.Device{"101"}, Last: 5 * time.Hour, Points: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

// samples is how many samples of a measurement or state there are.
func samples(c *api.Curves, name string) (n uint64) {
	for _, curve := range c.Curves {
		for _, p := range curve.Points {
			if curve.Measurement+curve.State == name {
				n += p.N
			}
		}
	}
	return n
}

// TestHistoryIsKept: readings of now and of three hours ago, restarts, and a folder
// that is gone; the history is what the log says each time.
func TestHistoryIsKept(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	b := r.connect(101, 1)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5,"HUM":61}`)
	b.hears(`"ACK":1`)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":2,"AGE":10800000,"TEMP":20.5}`) // three hours late
	b.hears(`"ACK":2`)
	r.settle()
	check := func() {
		t.Helper()
		got := r.historyOf()
		if samples(got, "TEMP") != 2 || samples(got, "HUM") != 1 || samples(got, "LED") != 1 {
			t.Fatalf("%+v", got)
		}
		for _, c := range got.Curves {
			if c.Measurement != "TEMP" {
				continue
			}
			if apart := c.Points[1].At.Sub(c.Points[0].At); c.Points[0].Mean != 20.5 || c.Points[1].Mean != 24.5 || apart < 179*time.Minute || apart > 181*time.Minute {
				t.Errorf("%+v", c.Points)
			}
		}
	}
	check()
	r.end(b)
	r = launch(t, options(dir)) // from the log: no block was written
	check()
	// Let it write one, as a server does every two hours.
	h := r.history
	if err := h.Apply(1<<40, []vaiven.Entry{{Event: &vaiven.Presence{Stamp: vaiven.Stamp{At: time.Now().Add(3 * time.Hour).UnixMilli()}, Device: "101"}}}); err != nil || h.Kept() == 0 {
		t.Fatalf("kept %d, %v", h.Kept(), err)
	}
	check()
	r.end()
	if _, err := os.Stat(HistoryDir(dir)); err != nil {
		t.Error(err)
	}
	r = launch(t, options(dir))
	check()
	r.end()
	if err := os.RemoveAll(HistoryDir(dir)); err != nil {
		t.Fatal(err)
	}
	r = launch(t, options(dir))
	check()
	if len(r.told) > 0 {
		t.Errorf("told %q", r.told)
	}
}

func TestHistoryMayBeOff(t *testing.T) {
	o := options(t.TempDir())
	o.NoHistory = true
	r := launch(t, o)
	if _, err := r.ask().History(testContext(t), api.Past{}); err == nil || !strings.Contains(err.Error(), "no history") {
		t.Error(err)
	}
	for _, path := range []string{"/metrics", "/metrics/devices"} {
		resp, err := r.get(path)
		if err != nil {
			t.Fatal(err)
		}
		defer http.DefaultClient.CloseIdleConnections()
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(text), "vaiven_history") {
			t.Errorf("%s: %d, %v", path, resp.StatusCode, err)
		}
	}
}

// TestHistoryThatCannotBeOpened says what to do, in both languages.
func TestHistoryThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	r.end()
	if err := os.MkdirAll(HistoryDir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	text := `{"version":99}`
	file := fmt.Sprintf("%s\n%08x\n", text, crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(filepath.Join(HistoryDir(dir), "manifest"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[vaiven.Lang]string{vaiven.English: "starts without it", vaiven.Spanish: "arranca sin él"} {
		o := options(dir)
		o.Lang = lang
		if e := refused(t, o); !strings.Contains(e.Text, "99") || !strings.Contains(e.Hint, want) {
			t.Errorf("%q, %q", e.Text, e.Hint)
		}
	}
}

// TestDamagedHistoryIsAnswered flips bits of the history's only block under a running
// server: both APIs answer, and say that something is missing, a person is told once.
func TestDamagedHistoryIsAnswered(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	b := r.connect(101, 1)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5}`)
	b.hears(`"ACK":1`)
	r.settle()
	if err := r.history.Settle(1 << 40); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(HistoryDir(dir), "*", "chunks", "000001"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := 8; i < len(text); i++ { // behind the file's header
		text[i] ^= 1
	}
	if err := os.WriteFile(files[0], text, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := r.historyOf(); samples(got, "TEMP") != 0 || len(got.Unread) == 0 {
			t.Errorf("%+v", got)
		}
		resp, err := r.get("/prometheus/api/v1/query?query=count_over_time(vaiven_reading[5h])")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"warnings":["history: block `) {
			t.Errorf("%d, %s, %v", resp.StatusCode, body, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	r.end(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) != 2 || r.told[1] == "" || !strings.Contains(r.told[0], filepath.Base(filepath.Dir(filepath.Dir(files[0])))) {
		t.Errorf("told %q", r.told)
	}
}

// TestHistoryFromLongAgo puts an older copy of the history back beside a log that was
// trimmed since: a start says what is missing, once that has a block no start does, and
// verify knows it for ever.
func TestHistoryFromLongAgo(t *testing.T) {
	dir, older := t.TempDir(), filepath.Join(t.TempDir(), "older")
	r := launch(t, options(dir))
	b := r.connect(101, 1)
	say := func(seq int) uint64 {
		t.Helper()
		b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":24.5}`, seq)
		b.hears(fmt.Sprintf(`"ACK":%d`, seq))
		r.settle()
		last, err := r.log.Last(testContext(t))
		if err == nil {
			err = r.history.Settle(last)
		}
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	kept := say(1)
	if err := os.CopyFS(older, os.DirFS(HistoryDir(dir))); err != nil {
		t.Fatal(err)
	}
	say(2)
	r.end(b)
	last := trimToCheckpoint(t, dir)
	if err := os.RemoveAll(HistoryDir(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(HistoryDir(dir), os.DirFS(older)); err != nil {
		t.Fatal(err)
	}
	records := fmt.Sprintf("(the log's records %d to %d)", kept+1, last-1)
	for range 2 { // nothing of it is in a block yet
		r = launch(t, options(dir))
		r.mu.Lock()
		if len(r.told) != 2 || !strings.Contains(r.told[0], records) || r.told[1] == "" {
			t.Errorf("told %q, want %q", r.told, records)
		}
		r.mu.Unlock()
		r.end()
	}
	r = launch(t, options(dir))
	b = r.connect(101, 3)
	say(3)
	r.end(b)
	r = launch(t, options(dir))
	if len(r.told) != 0 {
		t.Errorf("told again: %q", r.told)
	}
	r.end()
	log, err := stream.Open(t.Context(), stream.Options{Dir: LogDir(dir)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	c, err := CheckHistory(dir, log.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := verify.Replay(t.Context(), log, c); err != nil {
		t.Fatal(err)
	}
	found, err := c.Finish(t.Context())
	if err != nil || found.Text(vaiven.English) != "" || !strings.Contains(found.MissedText(vaiven.English), records) || !strings.Contains(found.MissedText(vaiven.Spanish), "entradas") {
		t.Errorf("%+v: %q, %v", found, found.MissedText(vaiven.English), err)
	}
}

// trimToCheckpoint trims a stopped server's log; its last record stays, which is returned.
func trimToCheckpoint(t *testing.T, dir string) (last uint64) {
	t.Helper()
	state, err := os.ReadFile(filepath.Join(dir, views.CheckpointName))
	if err != nil {
		t.Fatal(err)
	}
	log, err := stream.Open(t.Context(), stream.Options{Dir: LogDir(dir)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	pos := views.CheckpointPosition(dir)
	if err := log.PutSnapshot(t.Context(), vaiven.SnapshotInfo{Pos: pos, At: time.Now().UnixMilli()}, state); err != nil {
		t.Fatal(err)
	}
	list, err := log.Snapshots(t.Context())
	for _, s := range list {
		if s.Pos < pos && err == nil {
			err = log.DropSnapshot(t.Context(), s.Pos)
		}
	}
	if err == nil {
		err = log.Trim(t.Context(), pos)
	}
	if err != nil {
		t.Fatal(err)
	}
	last, err = log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return last
}
