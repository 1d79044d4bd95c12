package server

import (
	"cmp"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/button"
	"vaiven/internal/csvfile"
	"vaiven/internal/history"
)

// Options say what a Server is. Data is required; everything else has a useful zero
// value. A server without Listen and TLSListen is reached by nobody.
type Options struct {
	// Listen are the addresses for HTTP and ws://, HOST:PORT; HOST may be empty for
	// every address of this machine, PORT may be 0 for any that is free.
	Listen []string
	// TLSCert and TLSKey are PEM files: the certificate chain, and its key. Without
	// them TLSListen, the addresses for HTTPS and wss://, counts for nothing.
	TLSCert, TLSKey string
	TLSListen       []string

	// Data is the folder for everything that is kept; it is created if need be. One
	// server at a time has it.
	Data string
	// CSV is the CSV file, by default readings.csv in Data. Its other fields mean
	// what those of [csvfile.Options] do; the zero value leaves a file as it is.
	CSV        string
	CSVColumns []string // measurements with a column each
	CSVDigits  int      // csvfile.ThreeFigures or csvfile.Exact
	CSVZone    string   // IANA name of TIMEFLAG's zone, or csvfile.Recorded
	// CSVRotate is when a file ends and another one begins: [csvfile.Options].Rotate,
	// for both files.
	CSVRotate string
	// CSVDialect is csvfile.ExcelES for a second file, beside the exact one. Once it
	// was begun it is kept complete, also by a server that does not ask for it.
	CSVDialect string

	// KeepLog is how long the log's records are kept once every view has what they say,
	// 0: for ever. KeepLogSize is how many bytes they may take, 0: a third of the disk.
	// On a full disk the oldest records go before any reading is refused, whatever these
	// say.
	KeepLog     time.Duration
	KeepLogSize int64
	// TrimGrace is how long another node of an external log that just begins may take to
	// read what is behind a snapshot; 0: 10 minutes.
	TrimGrace time.Duration

	// ForgetAfter is how long nothing may come of a device that is not connected and has
	// no open session before it is forgotten; 0: for ever, otherwise ShortestForget at
	// least. Its readings stay.
	ForgetAfter time.Duration

	// NoHistory keeps no time series beside the log. KeepHistory is how long they are
	// kept, 0: for ever; HistorySize is how many bytes they may take, 0: a fifth of the
	// disk.
	NoHistory   bool
	KeepHistory time.Duration
	HistorySize int64

	// RemoteWrite is the URL of a store that all readings are sent on to, by
	// Prometheus's remote-write; "": none.
	RemoteWrite string

	Readings uint64        // ends a board's session after so many readings; 0: no limit
	For      time.Duration // ends it so long after it began; 0: no limit
	Rate     float64       // readings a second of a board that its session counts; 0: any number
	Interval time.Duration // between readings, as the summary of a session expects; 0: none is asked for

	MaxMessage     int            // bytes in a message; default 64 KiB
	MaxDevices     int            // boards that one connection speaks for; default 256
	MaxUnverified  int            // of them without proof, unless one is a concentrator; default 8
	MaxPerAddress  int            // connections of one address, loopback excepted; default 1000
	MaxConnections int            // in all; 0: the gateway's own limit
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed

	States     []string         // names that are states of every board, beside LED
	Buttons    []button.Binding // lines of this computer that switch a board's state
	Indicators []button.Binding // lines that show one
	LEDText    [2]string        // sent for LED on and off, instead of JSON, to boards without HELLO; "": JSON

	// Class lets every board in, unverified, and everybody look: a class, where forty
	// students share one network. Otherwise a board waits until a person approves it.
	Class bool
	// PublicView lets everybody look, and nothing else.
	PublicView bool
	// CORS are the origins of other sites' pages that may ask, as https://example.org;
	// Hosts are names that the server goes by beside those of its machine.
	CORS, Hosts []string
	// APIToken has all rights, "": there is none but those that the log has. It has
	// access.ShortestToken characters at least.
	APIToken string

	Version string // of the program, as /api/v1/server and the page at / tell it

	NATS     string // external NATS that keeps the log, nats://HOST:PORT[,...]; "": the embedded one
	Replicas int    // copies of a log that is created on an external cluster; default 1
	// CommitEvery is how long readings wait for others before they are written and
	// acknowledged; 0: not at all. What a person waits for is written at once.
	CommitEvery time.Duration
	// NoSync switches fsync off, so that a power cut loses acknowledged readings. It
	// exists for the control of the test that must see such a loss.
	NoSync bool

	Lang vaiven.Lang
	// Notify tells a person something that is not in the log, in Lang, with what to
	// try ("": nothing). While Open runs it is called by Open; afterwards from any
	// goroutine. It may take long. Default: nothing is told.
	Notify func(text, hint string)
	// Waiting tells a person that a board came which nobody has let in, from any goroutine.
	// It may take long. Default: Notify.
	Waiting func(vaiven.Waiting)
	// Verified is told by Open, line by line, what was found right about a log that
	// does not promise by itself what the embedded one does. May be nil.
	Verified func(line string)
	// Progress tells how much of the log Open has read: records, of so many. The
	// first call has done 0. May be nil.
	Progress func(done, total uint64)
	// Sketch returns the lines of a board's sketch that connect it to an address,
	// for the page at /; nil: the page shows none.
	Sketch func(host, port string) []string
	// Logger is for those who run the server. Default: silent.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.MaxMessage = cmp.Or(o.MaxMessage, vaiven.MaxMessage)
	o.MaxDevices = cmp.Or(o.MaxDevices, 256)
	o.MaxPerAddress = cmp.Or(o.MaxPerAddress, 1000)
	if o.Notify == nil {
		o.Notify = func(string, string) {}
	}
	if o.Verified == nil {
		o.Verified = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(uint64, uint64) {}
	}
	if o.Sketch == nil {
		o.Sketch = func(string, string) []string { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// LogDir is where a data folder keeps its log.
func LogDir(data string) string { return filepath.Join(data, "log") }

// HistoryDir is where a data folder keeps its history.
func HistoryDir(data string) string { return filepath.Join(data, "history") }

// ExamineHistory looks at the history of a data folder, and changes nothing.
func ExamineHistory(data string) (history.Folder, error) { return history.Examine(HistoryDir(data)) }

// CheckHistory prepares the comparison of a log with the history of a data folder, which
// nobody uses.
func CheckHistory(data, log string) (*history.Checker, error) {
	return history.OpenChecker(HistoryDir(data), log)
}

// AdoptHistory lets the history of a data folder, which nobody uses, go on with another
// log that is to stand behind its own.
func AdoptHistory(data, log string) error { return history.Adopt(HistoryDir(data), log) }

// CSVPath is where the CSV file is.
func (o *Options) CSVPath() string {
	return cmp.Or(o.CSV, filepath.Join(o.Data, "readings.csv"))
}

// SheetPath is where the CSV file in a spreadsheet's dialect is, if there is one.
func (o *Options) SheetPath() string {
	path := o.CSVPath()
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-excel" + ext
}

// HasSheet reports whether the spreadsheet's file was begun. One whose sidecar
// cannot be read was: it must not go stale without a word.
func (o *Options) HasSheet() bool {
	side, err := csvfile.ReadSidecar(o.SheetPath())
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	return side.Dialect != ""
}

// Owner names the data folder to whoever reads it elsewhere: in the CSV's lock.
func (o *Options) Owner() string {
	if abs, err := filepath.Abs(o.Data); err == nil {
		return abs
	}
	return o.Data
}

// states are those that every board has here: LED, States, and what buttons and
// indicators are bound to; each once.
func (o *Options) states() []string {
	names := []string{"LED"}
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range o.States {
		add(name)
	}
	for _, b := range slices.Concat(o.Buttons, o.Indicators) {
		for _, t := range b.Targets {
			add(t.State)
		}
	}
	return names
}
