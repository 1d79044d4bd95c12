package house

import "strings"

const module = "vaiven"

// rooms lists, for each room, the rooms that it may import. A package below a
// room (internal/ws/echo) belongs to it. What is not listed does not exist: a
// new room gets its row here and in the architecture, in one commit.
var rooms = map[string][]string{
	"":                    nil,
	"wire":                {""},
	"internal/ws":         nil,
	"internal/lock":       nil,
	"internal/atomicfile": nil,
	"internal/backup":     nil,
	"internal/limit":      nil,
	"client":              {"", "wire"},
	"internal/gateway":    {"", "wire", "internal/ws", "internal/limit"},
	"internal/stream":     {"", "internal/lock", "internal/atomicfile"},
	"internal/csvform":    {""},
	"internal/csvfile":    {"", "internal/csvform", "internal/lock", "internal/atomicfile"},
	"internal/csvimport":  {""},
	"internal/export":     {"", "internal/csvform", "internal/event"},
	"internal/history":    {"", "internal/atomicfile"},
	"internal/registry":   {""},
	"internal/access":     {"", "internal/atomicfile", "internal/limit"},
	"internal/certs":      {"", "internal/atomicfile"},
	"internal/twin":       {""},
	"internal/event":      {""},
	"internal/console":    {"", "internal/atomicfile", "internal/event"},
	"internal/web":        {"", "internal/event", "internal/ws", "internal/limit"},
	"internal/button":     {""},
	"internal/picture":    {""},
	"internal/views":      {"", "internal/atomicfile"},
	// The proof of `vaiven verify` builds the views anew beside those on disk.
	"internal/views/verify": {"", "internal/views", "internal/csvfile", "internal/registry"},
	// What speaks Prometheus: asked as one, and sending to one.
	"internal/promapi":     {""},
	"internal/remotewrite": {"", "internal/atomicfile"},
	"internal/sim":         {"", "client"},
	"internal/transports":  {"", "client"},
	"internal/server": {
		"", "wire", "internal/gateway", "internal/stream", "internal/csvfile", "internal/history",
		"internal/registry", "internal/twin", "internal/access", "internal/web", "internal/button", "internal/views", "internal/export", "internal/promapi", "internal/remotewrite", "internal/certs",
		"internal/backup", "internal/event", "internal/lock", "internal/atomicfile", "internal/limit",
	},
	"cmd/vaiven": {
		"", "internal/server", "internal/console", "internal/picture", "internal/web", "internal/event", "internal/sim", "internal/transports",
		// For folders of runs, or whose server is stopped, and for what flags name.
		"internal/stream", "internal/csvfile", "internal/csvform", "internal/csvimport", "internal/views", "internal/views/verify", "internal/button", "internal/atomicfile", "internal/backup", "internal/export", "internal/remotewrite",
	},
}

// siblings are the rooms of the floor where rooms never meet.
var siblings = []string{
	"internal/gateway", "internal/stream", "internal/csvfile", "internal/csvimport", "internal/history", "internal/registry",
	"internal/access", "internal/twin", "internal/console", "internal/web", "internal/button", "internal/export", "internal/promapi", "internal/remotewrite", "internal/certs",
}

// reason says why an edge is forbidden. Patterns: "*" is every room, "sibling"
// every room of that floor; the first match counts.
type reason struct{ from, to, why string }

var reasons = []reason{
	{"*", "cmd/vaiven", "nothing imports the program"},
	{"cmd/vaiven", "*", "the program speaks to the parts of a server through the server, which is tested without a command line"},
	{"*", "internal/server", "only the program builds a server: a part that knew the whole could not be tested without it"},
	{"internal/server", "internal/console", "a server runs without a terminal: what a person should know it tells through a function that it was given"},
	{"internal/server", "internal/views/verify", "the proof is for a folder whose server is stopped"},
	{"internal/server", "internal/event", "the public form of events is for whoever shows or hands them out: the server joins those who do"},
	{"internal/server", "internal/csvimport", "rows of a file are taken in while no server runs"},
	{"internal/server", "internal/ws", "sockets of boards are the gateway's, from their first byte to their last"},
	{"*", "internal/views/verify", "the proof looks at everything from above: what it judges must not know it"},
	{"internal/views/verify", "*", "the proof needs the log and its views, not boards and not screens"},
	{"", "*", "the domain is words and rules: whoever needs a device or a reading must not get a network or a file with it"},
	{"internal/ws", "*", "WebSocket framing knows nothing of devices, so that it can be tested as plain RFC 6455"},
	{"internal/lock", "*", "a lock knows nothing of what it keeps"},
	{"internal/atomicfile", "*", "how a file is replaced does not depend on what is in it"},
	{"internal/limit", "*", "how much one may have does not depend on what it is of"},
	{"internal/backup", "*", "the form of a backup is a pure function of what is given to it: it can be read without a log and without a server"},
	{"*", "internal/backup", "only the server knows what a restored one needs, and makes and restores backups"},
	{"internal/csvform", "*", "how a row is written is a pure function of the reading and the table's shape"},
	{"internal/event", "*", "the public form of events is a pure function of them"},
	{"wire", "*", "decoding is pure: what a board sent is judged without a connection, a log or a clock"},
	{"client", "*", "the device client is for other people's programs: it must not bring the server along"},
	{"*", "client", "the server never speaks the device's part: only simulated boards do"},
	{"sibling", "sibling", "rooms of one floor never meet: the program joins them through small interfaces of the user's"},
	{"internal/views", "sibling", "the pump sees the log and the views through its own interfaces, so that a view can never hold up another"},
	{"internal/views", "*", "the pump handles events of the log, not messages or connections"},
	{"*", "internal/views", "views are handed what concerns them; one that asked the pump could wait for itself"},
	{"internal/sim", "*", "simulated boards go through the real client over a real socket, or they prove nothing"},
	{"*", "internal/sim", "the server must not know that a board is simulated"},
	{"internal/transports", "*", "what is measured is reached over sockets, as by anybody else, or the figures are of something else"},
	{"*", "internal/transports", "a server that knew its benchmark could please it"},
	{"*", "internal/event", "the public form of events is for whoever shows or hands them out: everybody else has the events themselves"},
	{"internal/picture", "*", "a picture is drawn from values: it needs neither the server that computed them nor the terminal that asked"},
	{"*", "internal/picture", "only the program draws pictures: nobody else should link a font"},
	{"sibling", "wire", "only the gateway reads boards' messages: everybody else sees events that were checked once"},
	{"*", "internal/csvform", "only rooms that write tables of readings know how a row is written"},
	{"*", "internal/limit", "only rooms that strangers come to bound them"},
	{"*", "internal/lock", "only rooms that keep files lock them"},
	{"*", "internal/atomicfile", "only rooms that keep files replace them"},
	{"sibling", "internal/ws", "only the gateway and the web room hold sockets: an ack or a view must never wait on one"},
}

// libraries that belong to one room, so that it can be replaced there.
var libraries = []struct {
	prefix string
	rooms  []string
	why    string
}{
	{"github.com/nats-io/", []string{"internal/stream"}, "only the log knows which engine keeps it"},
	{"github.com/prometheus/prometheus/", []string{"internal/history", "internal/promapi"}, "only the history, and the queries over it, know which engine keeps it"},
	{"github.com/caddyserver/", []string{"internal/certs"}, "only one room knows who obtains public certificates"},
	{"go.uber.org/zap", []string{"internal/certs"}, "only to silence a library that logs with it"},
	{"github.com/oklog/ulid/", []string{"internal/history"}, "only the history knows what its blocks are called"},
	{"gonum.org/", []string{"internal/picture"}, "only one room knows which library draws"},
	{"github.com/gobwas/", []string{"internal/ws"}, "only one room knows which library reads frames"},
	{"github.com/coder/websocket", []string{"client", "internal/transports"}, "a second implementation, for the other side of a connection: the server must not use the same"},
	{"charm.land/", []string{"internal/console"}, "only the terminal's room draws: everybody else writes data"},
	{"github.com/charmbracelet/", []string{"internal/console"}, "only the terminal's room draws: everybody else writes data"},
	{"github.com/skip2/go-qrcode", []string{"internal/console"}, "only the terminal's room draws: everybody else writes data"},
	{"github.com/spf13/", []string{"cmd/vaiven"}, "flags end at the program's door"},
	{"github.com/knadh/koanf", []string{"cmd/vaiven"}, "configuration ends at the program's door"},
	{"github.com/fxamacker/cbor", []string{"wire"}, "only one room knows how boards encode"},
	{"github.com/danielgtaylor/huma", []string{"internal/web"}, "only the HTTP room knows which framework makes its document"},
	{"github.com/warthog618/go-gpiocdev", []string{"internal/button"}, "only the buttons' room knows lines of the Pi"},
	{"github.com/muesli/cancelreader", []string{"internal/console"}, "only the terminal's room reads a terminal"},
	{"github.com/parquet-go/", []string{"internal/export"}, "only one room knows which library writes Parquet"},
	{"google.golang.org/protobuf", []string{"internal/stream", "internal/remotewrite"}, "only the log, and what is sent to stores, are encoded so"},
	{"github.com/klauspost/compress", []string{"internal/backup", "internal/stream", "internal/promapi", "internal/remotewrite"}, "compressed are backups, the log's blocks, and what goes to and from whoever speaks Prometheus; no view and no API of ours"},
}

// forbiddenNames are packages that would own nothing in particular.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "manager"}

// room returns the room that a package of ours belongs to.
func room(pkg string) (string, bool) {
	rel := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
	for p := rel; ; {
		if _, ok := rooms[p]; ok && (p != "" || rel == "") {
			return p, true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			return "", false
		}
		p = p[:i]
	}
}
