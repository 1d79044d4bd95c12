package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/internal/access"
	"vaiven/internal/csvfile"
	"vaiven/internal/stream"
	"vaiven/internal/views"
	"vaiven/internal/web/api"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

// deadline bounds every wait of a test.
const deadline = 2 * time.Minute

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// options are those of a server in dir, on a port of its own.
func options(dir string) Options {
	return Options{Class: true, Listen: []string{"127.0.0.1:0"}, Data: dir, Lang: vaiven.English}
}

// running is a server at work, and what it told a person.
type running struct {
	*Server
	t      *testing.T
	cancel context.CancelFunc
	done   chan error

	mu   sync.Mutex
	told []string
}

// launch opens a server and runs it until the test is over, or end.
func launch(t *testing.T, o Options) *running {
	t.Helper()
	r := &running{t: t, done: make(chan error, 1)}
	o.Notify = func(text, hint string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, text, hint)
	}
	s, err := Open(testContext(t), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	r.Server = s
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.done <- s.Run(ctx) }()
	t.Cleanup(func() { r.end() })
	return r
}

// end ends Run in order, which sends the boards away, and closes the server.
func (r *running) end(boards ...*board) {
	r.t.Helper()
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	for _, b := range boards {
		b.sentAway()
	}
	if err := <-r.done; err != nil {
		r.t.Errorf("run: %v", err)
	}
	r.Close()
}

// settle waits until every view has applied what is in the log now.
func (r *running) settle() {
	r.t.Helper()
	ctx := testContext(r.t)
	last, err := r.log.Last(ctx)
	if err == nil {
		err = r.pump.Wait(ctx, last)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// token is what the server leaves for the commands on its machine.
func (r *running) token() string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.o.Data, access.LocalFile))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// get asks with that token.
func (r *running) get(path string) (*http.Response, error) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+r.Addresses().Local+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token())
	return http.DefaultClient.Do(req)
}

// ask is a client of the server's API; its connections end with the test.
func (r *running) ask() *api.Client {
	r.t.Helper()
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	c, err := api.New(api.Options{Server: "http://" + r.Addresses().Local, Token: r.token(), HTTP: &http.Client{Transport: transport}})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// device is what the API says of a board.
func (r *running) device(d vaiven.Device) api.Device {
	r.t.Helper()
	all, err := r.ask().AllDevices(testContext(r.t), api.Query{})
	if err != nil {
		r.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(a api.Device) bool { return a.ID == d })
	if i < 0 {
		r.t.Fatalf("%s is not among %d devices", d, len(all))
	}
	return all[i]
}

// board is a WebSocket, and a person who types into it.
type board struct {
	t    *testing.T
	conn *websocket.Conn
}

// connect makes a board's connection, and says HELLO; next is the SEQ that it has
// not sent yet.
func (r *running) connect(id, next int) *board {
	r.t.Helper()
	conn, _, err := websocket.Dial(testContext(r.t), "ws://"+r.Addresses().Local+"/ws", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.CloseNow() })
	b := &board{r.t, conn}
	b.say(`{"HELLO":1,"IDDEVICE":%d,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":%d,"STATES":"LED","LED":0}`, id, next)
	b.hears(`"WELCOME"`)
	return b
}

func (b *board) say(format string, args ...any) {
	b.t.Helper()
	if err := b.conn.Write(testContext(b.t), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		b.t.Fatal(err)
	}
}

// hears reads messages until one has the word.
func (b *board) hears(word string) string {
	b.t.Helper()
	var before []string
	for {
		_, m, err := b.conn.Read(testContext(b.t))
		if err != nil {
			b.t.Fatalf("no %s behind %q: %v", word, before, err)
		}
		if strings.Contains(string(m), word) {
			return string(m)
		}
		before = append(before, string(m))
	}
}

// sentAway reads to the connection's end, which must be a goodbye.
func (b *board) sentAway() {
	b.t.Helper()
	for {
		if _, _, err := b.conn.Read(testContext(b.t)); err != nil {
			if got := websocket.CloseStatus(err); got != websocket.StatusGoingAway {
				b.t.Errorf("the connection ended with %v", err)
			}
			return
		}
	}
}

// TestAReadingIsKept follows one reading from the board's socket to its
// acknowledgement, the API and the CSV, and over a restart.
func TestAReadingIsKept(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	b := r.connect(101, 1)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5,"HUM":61}`)
	if ack := b.hears(`"ACK"`); !strings.Contains(ack, `"ACK":1`) {
		t.Errorf("acknowledged with %s", ack)
	}
	r.settle()
	if d := r.device("101"); d.Readings != 1 || d.Status != api.Connected || len(d.Values) != 2 || float64(d.Values[0].Value) != 24.5 {
		t.Errorf("the API says %+v", d)
	}
	r.end(b)
	last := r.replayed
	csv, err := os.ReadFile(filepath.Join(dir, "readings.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if rows := strings.Split(strings.TrimSpace(string(csv)), "\n"); len(rows) != 2 ||
		!strings.HasPrefix(rows[1], "1,101,") || !strings.HasSuffix(strings.TrimSpace(rows[1]), ",24.5,61") {
		t.Errorf("the CSV has %q", rows)
	}

	r = launch(t, options(dir))
	if r.Replayed() <= last {
		t.Errorf("opened at record %d, before at %d", r.Replayed(), last)
	}
	if d := r.Devices(); len(d) != 1 || d[0].ID != "101" || d[0].Readings != 1 || d[0].Connected {
		t.Errorf("the devices are %+v", d)
	}
	if d := r.device("101"); d.Readings != 1 || d.Status != api.Disconnected {
		t.Errorf("the API says %+v", d)
	}
	b = r.connect(101, 2)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5,"HUM":61}`) // again: it was not heard that it is kept
	b.hears(`"ACK"`)
	r.settle()
	if d := r.device("101"); d.Readings != 1 {
		t.Errorf("a repeat makes %d readings", d.Readings)
	}
	if len(r.told) > 0 {
		t.Errorf("told %q", r.told)
	}
}

// TestRunEndsInOrder ends a server whose boards are talking: each is answered and
// sent away, and the checkpoint stands at the log's end.
func TestRunEndsInOrder(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	var all []*board
	for id := 101; id <= 105; id++ {
		all = append(all, r.connect(id, 1))
	}
	for i, b := range all {
		b.say(`{"IDDEVICE":%d,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`, 101+i)
		b.hears(`"ACK"`)
	}
	r.cancel()
	for _, b := range all {
		b.hears(`"BYE"`)
		b.sentAway()
	}
	if err := <-r.done; err != nil {
		t.Errorf("run: %v", err)
	}
	last, err := r.log.Last(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	r.done <- nil
	r.end()
	r.Close() // safe twice
	if at := views.CheckpointPosition(dir); at != last {
		t.Errorf("the checkpoint is at record %d of %d", at, last)
	}
}

// TestAPartThatFailsEndsRun takes a listener away: Run ends, in order, and says why.
func TestAPartThatFailsEndsRun(t *testing.T) {
	r := launch(t, options(t.TempDir()))
	b := r.connect(101, 1)
	_ = r.listeners[0].Close()
	b.sentAway()
	if err := <-r.done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("run: %v", err)
	}
	r.done <- nil
}

// refused opens a server that must not open, and returns why.
func refused(t *testing.T, o Options) *Error {
	t.Helper()
	s, err := Open(testContext(t), o)
	var explained *Error
	if !errors.As(err, &explained) || s != nil {
		t.Fatalf("open: %v, %v", s, err)
	}
	return explained
}

// freeAddress is one that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestOneServerAFolder(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	b := r.connect(101, 1)
	second := options(dir)
	second.Listen = []string{freeAddress(t)}
	for lang, want := range map[vaiven.Lang][2]string{
		vaiven.English: {" is in use by another vaiven", "stop that one"},
		vaiven.Spanish: {" está en uso por otro vaiven", "cierra ese otro"},
	} {
		second.Lang = lang
		e := refused(t, second)
		if e.Text != dir+want[0] || !strings.HasPrefix(e.Hint, want[1]) || !errors.Is(e, stream.ErrLocked) {
			t.Errorf("%q, %q: %v", e.Text, e.Hint, e.Err)
		}
	}
	l, err := Listen(testContext(t), vaiven.English, second.Listen[0])
	if err != nil {
		t.Fatalf("the port is not given back: %v", err)
	}
	_ = l.Close()
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`) // the first one was not disturbed
	b.hears(`"ACK"`)
}

func TestABusyPortIsSaidBeforeAnythingIsOpened(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	o := options(filepath.Join(t.TempDir(), "data"))
	o.Listen = []string{freeAddress(t), l.Addr().String()}
	e := refused(t, o)
	if e.Text != fmt.Sprintf("port %d is in use", port) || !strings.Contains(e.Hint, "another program (or another vaiven) listens there") {
		t.Errorf("%q, %q", e.Text, e.Hint)
	}
	if _, err := os.Stat(o.Data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	first, err := net.Listen("tcp", o.Listen[0])
	if err != nil {
		t.Fatalf("the first port is not given back: %v", err)
	}
	_ = first.Close()
}

// TestAFailedOpenLeavesNothingOpen lets the last things fail that are opened: the log
// before them is free again.
func TestAFailedOpenLeavesNothingOpen(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	b := r.connect(101, 1)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`)
	b.hears(`"ACK"`)
	r.end(b)
	other := options(filepath.Join(t.TempDir(), "other"))
	other.CSV = r.o.CSVPath()
	held, err := csvfile.Lock(r.o.CSVPath(), r.o.Owner()) // as another vaiven would
	if err != nil {
		t.Fatal(err)
	}
	e := refused(t, other)
	var inUse *csvfile.InUseError
	if !errors.As(e, &inUse) || e.Hint != "stop it, or name another file with --csv" {
		t.Errorf("%q, %q", e.Text, e.Hint)
	}
	held.Remove()
	other.CSV = ""
	s, err := Open(testContext(t), other)
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // without Run
}

// TestAskingABoard: what may be asked is asked, the rest is refused in words.
func TestAskingABoard(t *testing.T) {
	o := options(t.TempDir())
	o.States = []string{"RELAY", "LED"}
	r := launch(t, o)
	if got := r.States(); !slices.Equal(got, []string{"LED", "RELAY"}) {
		t.Errorf("states %v", got)
	}
	b := r.connect(101, 1)
	led := []vaiven.Value{{Name: "LED", Num: 1}}
	if err := r.Ask(testContext(t), vaiven.ChangeRequest{Device: "101", States: []vaiven.Value{{Name: "DIM", Num: 1}}}); err == nil ||
		!strings.HasPrefix(err.Error(), "has no state DIM; it has [LED RELAY]") {
		t.Errorf("a state that it does not have: %v", err)
	}
	if err := r.Ask(testContext(t), vaiven.ChangeRequest{Device: "101", States: led, By: "terminal"}); err != nil {
		t.Fatal(err)
	}
	if m := b.hears(`"REV"`); !strings.Contains(m, `"LED":1`) {
		t.Errorf("the board hears %s", m)
	}
	if s, ok := r.State("101"); !ok || len(s.Wanted) != 1 || s.Wanted[0].Num != 1 {
		t.Errorf("the state is %+v", s)
	}
}

// TestTheSpreadsheetsFileIsKeptComplete: once it was begun, also a server that does
// not ask for it writes it.
func TestTheSpreadsheetsFileIsKeptComplete(t *testing.T) {
	o := options(t.TempDir())
	o.CSVDialect = csvfile.ExcelES
	launch(t, o).end()
	o.CSVDialect = ""
	r := launch(t, o)
	b := r.connect(101, 1)
	b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5,"HUM":61}`)
	b.hears(`"ACK"`)
	r.end(b)
	paths := r.CSVPaths()
	if len(paths) != 2 {
		t.Fatalf("files %q", paths)
	}
	sheet, err := os.ReadFile(paths[1])
	if err != nil || !strings.Contains(string(sheet), ";24,5;61") {
		t.Errorf("%q, %v", sheet, err)
	}
}

// TestAHandshakeThatIsForeignIsRecorded: what no handler learns of, the gateway does.
func TestAHandshakeThatIsForeignIsRecorded(t *testing.T) {
	r := launch(t, options(t.TempDir()))
	conn, err := net.Dial("tcp", r.Addresses().Local)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\x10\x0e\x00\x04MQTT\x04\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(deadline))
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it was answered, so it was looked at
		t.Fatal(err)
	}
	if n := r.gateway.Stats().Rejected()[vaiven.CodeWrongProtocol]; n != 1 {
		t.Errorf("%d strangers are counted", n)
	}
}

// TestWhoWasConnectedWhenTheProcessDiedIsGone: the next start says so in the log.
func TestWhoWasConnectedWhenTheProcessDiedIsGone(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, options(dir))
	came := &vaiven.Presence{Stamp: r.Stamp(), Device: "101", Remote: "192.0.2.1:5", Connected: true}
	if err := r.log.Append(testContext(t), []vaiven.Event{came}, nil); err != nil { // and no goodbye, as after kill -9
		t.Fatal(err)
	}
	r.end()
	r = launch(t, options(dir))
	b := r.connect(102, 1) // Run says it before it lets anybody in
	b.say(`{"IDDEVICE":102,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`)
	b.hears(`"ACK"`) // so that is on disk, too
	r.settle()
	if d := r.device("101"); d.Status != api.Disconnected || d.Reason != "restart" {
		t.Errorf("it is %s (%s)", d.Status, d.Reason)
	}
}

// TestWhatPeopleSayOfABoardIsShownAtOnce: the API answers once every view knows it.
func TestWhatPeopleSayOfABoardIsShownAtOnce(t *testing.T) {
	r := launch(t, options(t.TempDir()))
	name := "Window"
	if _, err := r.ask().Describe(testContext(t), "101", api.Description{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if d := r.Devices(); len(d) != 1 || d[0].Described().Name != name {
		t.Errorf("the devices are %+v", d)
	}
	if err := r.ask().Forget(testContext(t), "101"); err != nil {
		t.Fatal(err)
	}
	if d := r.Devices(); len(d) != 0 {
		t.Errorf("the devices are %+v", d)
	}
}

// TestABoardOverHTTPIsAnsweredWhenItsReadingIsKept posts as a board whose network
// lets no WebSocket through.
func TestABoardOverHTTPIsAnsweredWhenItsReadingIsKept(t *testing.T) {
	r := launch(t, options(t.TempDir()))
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	post := func(message string) (int, string) {
		c := &http.Client{Transport: transport, Timeout: deadline}
		resp, err := c.Post("http://"+r.Addresses().Local+"/api/v1/readings", "application/json", strings.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if code, body := post(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5}`); code != http.StatusOK || !strings.Contains(body, `"ACK":1`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := post(`{"IDDEVICE":101,"TEMP":"x"}`); code < 400 || !strings.Contains(body, string(vaiven.CodeNotANumber)) {
		t.Errorf("%d %s", code, body)
	}
	r.settle()
	if d := r.device("101"); d.Readings != 1 {
		t.Errorf("%d readings", d.Readings)
	}
}

// TestAnIndicatorShowsWhatIsConfirmed, and of a board that does not report, what was
// sent to it.
func TestAnIndicatorShowsWhatIsConfirmed(t *testing.T) {
	r := launch(t, options(t.TempDir()))
	led := func(d vaiven.Device, v float64) {
		t.Helper()
		if err := r.Ask(testContext(t), vaiven.ChangeRequest{Device: d, States: []vaiven.Value{{Name: "LED", Num: v}}}); err != nil {
			t.Fatal(err)
		}
	}
	b := r.connect(101, 1)
	reports := func(v, n int) { // of change n
		t.Helper()
		b.hears(fmt.Sprintf(`"REV":%d`, n))
		b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","LED":%d,"REV":%d}`, v, n)
		b.say(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":20}`, n)
		b.hears(`"ACK"`) // so the report before it is in the log
		r.settle()
	}
	led("101", 1)
	if reports(1, 1); !r.lit("101", "LED") {
		t.Error("confirmed, and not lit")
	}
	led("101", 0)
	if !r.lit("101", "LED") {
		t.Error("put out before it was confirmed")
	}
	if reports(0, 2); r.lit("101", "LED") {
		t.Error("lit, and confirmed to be off")
	}

	conn, _, err := websocket.Dial(testContext(t), "ws://"+r.Addresses().Local+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	course := &board{t, conn} // of the course's form: no HELLO, no reports
	course.say(`{"IDDEVICE":102,"TEMP":20}`)
	changed := make(chan struct{}, 1)
	defer r.twin.Watch(func(d vaiven.Device) {
		if d == "102" {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	})()
	led("102", 1)
	course.hears(`"LED":1`)
	for ctx := testContext(t); !r.lit("102", "LED"); {
		select {
		case <-changed: // that it was sent comes into the log behind it
		case <-ctx.Done():
			t.Fatal("sent, and not lit")
		}
	}
}

// TestNamesOfMetricsStay: dashboards of other people are made of them.
func TestNamesOfMetricsStay(t *testing.T) {
	o := options(t.TempDir())
	o.RemoteWrite = "http://127.0.0.1:1/" // nothing is sent before Run
	s, err := Open(testContext(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.gateway.Refused(netip.AddrPort{}, &vaiven.Error{Code: vaiven.CodeWrongProtocol, At: -1}) // one code is there
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "vaiven_") {
			got = append(got, strings.TrimPrefix(f.GetName(), "vaiven_"))
		}
	}
	want := strings.Fields(`changes_confirmed_total connections connections_accepted connections_evicted_total
		connections_no_place_total connections_refused_total day_exceeded_total feed_events_total
		finished_returns_total followers followers_ended_total followers_refused_total handshakes_bad_total
		handshakes_total history_blocks history_bytes history_dropped_samples_total history_joining_ok
		history_kept_record history_late_samples_total history_memory_samples history_oldest_seconds
		history_samples_total history_unreadable_blocks log_bytes log_first_record log_ready log_records log_snapshots messages_paused_total messages_total posts_total prometheus_failed_total
		prometheus_no_place_total prometheus_reading prometheus_requests_total readings readings_admitted_total readings_crowded_total
		rejected_total remote_write_dropped_samples_total remote_write_failures_total remote_write_lag_records
		remote_write_ok remote_write_samples_total remote_write_trimmed_records_total repeats_total states_delivered_total states_resent_total takeovers_total view_lag_records view_ok`)
	if !slices.Equal(got, want) {
		t.Errorf("metrics are\n%q, want\n%q", got, want)
	}
}
