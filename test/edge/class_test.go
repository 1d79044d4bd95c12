//go:build suites && linux

package edge

import (
	"io"
	"os"
	"strings"
	"testing"

	"vaiven/test/harness"
)

// ended waits for a course run to end by itself, and returns the rows of its file.
func ended(t *testing.T, s *harness.Server) []harness.Row {
	t.Helper()
	if code := s.Wait(patience); code != 0 {
		t.Fatalf("exit %d\n%s", code, s.Stderr())
	}
	rows, err := harness.ReadCSV(s.CSV())
	if err != nil {
		t.Fatal(err)
	}
	harness.Verify(t, s.Data)
	return rows
}

// says waits until the server has said a text, once.
func says(t *testing.T, s *harness.Server, text string) {
	t.Helper()
	harness.Until(t, patience, text, func() bool { return strings.Contains(s.Stderr(), text) })
	if n := strings.Count(s.Stderr(), text); n != 1 {
		t.Errorf("%q was said %d times", text, n)
	}
}

// send writes messages of a board.
func (c *raw) send(t *testing.T, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if _, err := c.Write(text("%s", m)); err != nil {
			t.Fatal(err)
		}
	}
}

func get(t *testing.T, s *harness.Server, path string) string {
	t.Helper()
	resp, err := harness.Get("http://" + s.Addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// TestPhantomBoards lets boards send what the slide prints, and broken ids: they
// are told why, are in no list and no summary, and the workshop ends without them.
func TestPhantomBoards(t *testing.T) {
	s := harness.NewServer(t, "workshop", t.TempDir(), "--readings", "2")
	s.StartReady()
	number := strings.Repeat("X", 3) // as the slide has it
	for told, message := range map[string]string{
		`"` + number + `" only stands for a number`: strings.ReplaceAll(`{IDDEVICE: N, TEMP: N, HUM: N}`, "N", number),
		"board 0x65":    `{"IDDEVICE":0x65,"TEMP":20}`,
		"109  rejected": `{"IDDEVICE":109,"TEMP":"24.5"}`,
	} {
		c := mustOpen(t, s.Addr)
		c.send(t, message)
		c.say(t, `"ERROR"`)
		harness.Until(t, patience, told, func() bool { return strings.Contains(s.Stderr(), told) })
	}
	if got := get(t, s, "/api/v1/devices"); !strings.Contains(got, `"total":0`) {
		t.Errorf("devices: %s", got)
	}
	c := mustOpen(t, s.Addr)
	c.send(t, `{"IDDEVICE":101,"TEMP":20,"HUM":61}`, `{"IDDEVICE":101,"TEMP":21,"HUM":61}`)
	c.say(t, `"BYE"`)
	rows := ended(t, s)
	if len(rows) != 2 || !strings.Contains(s.Stdout(), "1 device") || strings.Contains(s.Stdout(), "109") {
		t.Errorf("%d rows\n%s", len(rows), s.Stdout())
	}
	resumen, err := os.ReadFile(s.Data + "/resumen.csv")
	if err != nil || strings.Count(string(resumen), "\n") != 2 {
		t.Errorf("%v: %s", err, resumen)
	}
}

// TestOtherNamesAreNoPerfectScore sends a lab under names that the file does not
// have: no row, no progress, and both are told, by name.
func TestOtherNamesAreNoPerfectScore(t *testing.T) {
	s := harness.NewServer(t, "lab", t.TempDir(), "--session-rate", "0")
	s.StartReady()
	c := mustOpen(t, s.Addr)
	for range 50 {
		c.send(t, `{"IDDEVICE":105,"temperatura":24.5,"humedad":61}`)
	}
	c.say(t, "TEMPERATURA", "TEMP, HUM", "write TEMP")
	c.say(t, "HUMEDAD", "write HUM")
	says(t, s, "TEMPERATURA has no column")
	says(t, s, "HUMEDAD has no column")
	harness.Until(t, patience, "50 stored", func() bool { return metric(t, s, "vaiven_readings") == 50 })
	if got := get(t, s, "/api/v1/devices/105"); !strings.Contains(got, `"count":0`) {
		t.Errorf("session: %s", got)
	}
	for range 10 {
		c.send(t, `{"IDDEVICE":105,"TEMP":24.5,"HUM":61}`)
	}
	c.say(t, `"BYE":"10 readings received"`)
	if rows := ended(t, s); len(rows) != 10 {
		t.Errorf("%d rows", len(rows))
	}
	if !strings.Contains(s.Stdout(), "10/10") {
		t.Errorf("summary\n%s", s.Stdout())
	}
	out, _, _ := harness.Vaiven(t, "verify", "--data", s.Data, "--lang", "en")
	if !strings.Contains(out, "60 readings") || !strings.Contains(out, "10 rows, 50 readings without a column and a row: ok") {
		t.Errorf("verify: %s", out)
	}
}

// TestAStrangerEndsNoClass sends a lab's ten readings in one message, with the
// board waited for by name and without.
func TestAStrangerEndsNoClass(t *testing.T) {
	const ten = `{"IDDEVICE":666,"TEMP":20},`
	for name, args := range map[string][]string{"anybody": {}, "named": {"--devices", "101", "--session-rate", "0"}} {
		t.Run(name, func(t *testing.T) {
			s := harness.NewServer(t, "lab", t.TempDir(), args...)
			s.StartReady()
			stranger := mustOpen(t, s.Addr)
			stranger.send(t, "["+strings.Repeat(ten, 9)+strings.TrimSuffix(ten, ",")+"]")
			if name == "named" {
				stranger.say(t, `"BYE"`) // its own session, and nobody else's
			} else {
				says(t, s, "more than 10 readings a second")
			}
			harness.Until(t, patience, "ten stored", func() bool { return metric(t, s, "vaiven_readings") == 10 })
			if !s.Ready() {
				t.Fatal("the lab is over")
			}
			if name == "anybody" {
				s.Stop()
				harness.Verify(t, s.Data)
				return
			}
			c := mustOpen(t, s.Addr)
			for range 10 {
				c.send(t, `{"IDDEVICE":101,"TEMP":20,"HUM":61}`)
			}
			c.say(t, `"BYE"`)
			if rows := ended(t, s); len(rows) != 20 {
				t.Errorf("%d rows", len(rows))
			}
		})
	}
}

// TestABoardThatGoesAwayHoldsNobodyUp leaves one of two boards of a workshop
// unplugged: the program says for whom it waits, and then no longer does.
func TestABoardThatGoesAwayHoldsNobodyUp(t *testing.T) {
	s := harness.NewServer(t, "workshop", t.TempDir(), "--readings", "2", "--devices", "2", "--patience", "6s")
	s.StartReady()
	gone, c := mustOpen(t, s.Addr), mustOpen(t, s.Addr)
	gone.send(t, `{"IDDEVICE":"lora.4","TEMP":20,"HUM":61}`)
	says(t, s, "lora.4 is taken as it is")
	gone.reset()
	c.send(t, `{"IDDEVICE":101,"TEMP":20,"HUM":61}`, `{"IDDEVICE":101,"TEMP":21,"HUM":61}`)
	c.say(t, `"BYE"`)
	rows := ended(t, s)
	if len(rows) != 3 || !strings.Contains(s.Stdout(), "lora.4") {
		t.Errorf("%d rows\n%s", len(rows), s.Stdout())
	}
	says(t, s, "nobody waits for it any more (--patience)")
}

// TestSetWaitOnTheCoursesBoard asks the course's sketch, which never reports, to
// confirm: that is said, with an exit code of its own.
func TestSetWaitOnTheCoursesBoard(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	c := mustOpen(t, s.Addr)
	c.send(t, `{"IDDEVICE":101,"TEMP":20,"HUM":61}`)
	harness.Until(t, patience, "connected", func() bool { return strings.Contains(s.Stderr(), "101  connected") })
	set := func() (string, string, int) {
		return harness.Vaiven(t, "set", "101", "LED=1", "--wait", "--timeout", "1m", "--server", "http://"+s.Addr, "--lang", "en")
	}
	out, errs, code := set()
	if code != 3 || !strings.Contains(out, "LED=1 asked for (REV 1); this board does not report") || !strings.Contains(errs, "is not known") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	c.say(t, `"LED":1`, `"REV":1`)
	c.send(t, `{"IDDEVICE":101,"LED":1,"REV":1}`) // it can do it after all
	harness.Until(t, patience, "confirmed", func() bool { return strings.Contains(s.Stderr(), "confirmed") })
	s.Stop()
}
