//go:build suites && linux

package foreign

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

// flagForm is TIMEFLAG's AAAAMMDDHHMM.
const flagForm = "200601021504"

// board sends lines to addr and says what the server answered and how it closed.
type board func(t *testing.T, addr string, lines []string) (said []string, closed string)

func TestWorkshop(t *testing.T) {
	boards := []struct {
		name string
		send board
	}{{"python", pythonBoard}, {"arduino", arduinoBoard}}
	for _, b := range boards {
		t.Run(b.name, func(t *testing.T) { workshop(t, b.send, false) })
		t.Run(b.name+" through nginx", func(t *testing.T) { workshop(t, b.send, true) })
	}
}

// workshop runs `vaiven workshop` for one board, which has one reading more
// than are wanted, and compares the CSV byte for byte.
func workshop(t *testing.T, send board, proxied bool) {
	data := t.TempDir()
	s := harness.NewServer(t, "workshop", data, "--trusted-proxy", "127.0.0.1/32", "--session-rate", "0") // a board that does not wait
	s.Env = append(s.Env, "TZ=UTC")
	s.StartReady()
	addr := s.Addr
	if proxied {
		addr = harness.Nginx(t, s.Addr, true)
	}
	from := time.Now()
	lines, rows := readings(51)
	said, closed := send(t, addr, lines)
	code := s.Wait(harness.StopTimeout)
	to := time.Now()

	if code != 0 {
		t.Errorf("exit %d\n%s", code, s.Stderr())
	}
	if want := "1000 50 readings received"; closed != want {
		t.Errorf("closed with %q, want %q", closed, want)
	}
	if len(said) != 1 || said[0] != `{"BYE":"50 readings received","RETRY":0}` {
		t.Errorf("a board of the course's form was told %q, want the BYE alone", said)
	}
	compareCSV(t, s.CSV(), rows[:50], from, to)
	harness.Verify(t, data)
}

// readings makes n lines of the course's form, and the CSV row of each with %s
// where TIMEFLAG stands.
func readings(n int) (lines, rows []string) {
	for i := range n {
		temp := strings.TrimSuffix(fmt.Sprintf("%d.%d", 18+i/10, i%10), ".0")
		lines = append(lines, fmt.Sprintf(`{"IDDEVICE":101,"TEMP":%s,"HUM":%d}`, temp, 40+i%50))
		rows = append(rows, fmt.Sprintf("%d,101,%%s,%s,%d", i+1, temp, 40+i%50))
	}
	return lines, rows
}

// compareCSV compares the file byte for byte with the rows, whose TIMEFLAG must
// be a minute between from and to, none before the one above.
func compareCSV(t *testing.T, path string, rows []string, from, to time.Time) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.NewBufferString(harness.Header + "\n")
	lines := strings.Split(string(got), "\n")
	last := from.UTC().Format(flagForm)
	for i, row := range rows {
		flag := last
		if i+1 < len(lines) {
			if f := strings.Split(lines[i+1], ","); len(f) == 5 && f[2] >= last && f[2] <= to.UTC().Format(flagForm) {
				flag = f[2]
			}
		}
		last = flag
		fmt.Fprintf(want, row+"\n", flag)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s holds\n%s\nwant\n%s", path, got, want)
	}
}

// pythonBoard sends the lines with Debian's python3-websockets.
func pythonBoard(t *testing.T, addr string, lines []string) (said []string, closed string) {
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "board.py", "ws://"+addr+"/")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("board.py: %v\n%s", err, out)
	}
	if !strings.HasPrefix(string(out), "subprotocol arduino\n") {
		t.Errorf("board.py: %s", out)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if m, ok := strings.CutPrefix(line, "message "); ok {
			said = append(said, m)
		}
		if c, ok := strings.CutPrefix(line, "closed "); ok {
			closed = c
		}
	}
	return said, closed
}
