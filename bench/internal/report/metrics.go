package report

// The metrics, as keys of Samples.
const (
	SaturatedCPU    = "saturated_cpu_us"
	SaturatedRate   = "saturated_rate"
	SaturatedP50    = "saturated_ack_p50_ms"
	SaturatedP99    = "saturated_ack_p99_ms"
	SaturatedOwn    = "saturated_generator_us"
	SaturatedOthers = "saturated_others_percent"

	WindowCPU    = "window_cpu_us"
	WindowRate   = "window_rate"
	WindowP99    = "window_ack_p99_ms"
	WindowOthers = "window_others_percent"

	PacedCPU    = "paced_cpu_us"
	PacedRate   = "paced_rate"
	PacedP50    = "paced_ack_p50_ms"
	PacedP99    = "paced_ack_p99_ms"
	PacedOthers = "paced_others_percent"

	IdleConnection = "idle_connection_bytes"
	IdleBoard      = "idle_board_bytes"
	Handshakes     = "handshakes_rate"
	HandshakeCPU   = "handshake_cpu_us"

	TrickleP50     = "trickle_ack_p50_ms"
	TrickleP99     = "trickle_ack_p99_ms"
	TrickleWritten = "trickle_written_bytes"
	TrickleFolder  = "trickle_folder_bytes"
	TrickleRSS     = "trickle_resident_mb"
)

type section struct {
	title, short string
	metrics      []metric
}

type metric struct {
	key, name string
	digits    int
}

const others = "(CPU taken by anything else meanwhile, % of the machine)"

// quietLimit is the share of the machine, in percent, that anything else may
// take before the figures are called disturbed.
const quietLimit = 10

var sections = []section{
	{"At saturation, one reading in flight on each connection", "saturation", []metric{
		{SaturatedCPU, "server CPU per acknowledged reading, µs", 1},
		{SaturatedRate, "readings/s", 0},
		{SaturatedP50, "ack p50, ms", 2},
		{SaturatedP99, "ack p99, ms", 2},
		{SaturatedOwn, "(CPU of the generator per reading, µs)", 1},
		{SaturatedOthers, others, 1},
	}},
	{"At saturation, several readings in flight on each connection", "several in flight", []metric{
		{WindowCPU, "server CPU per acknowledged reading, µs", 1},
		{WindowRate, "readings/s", 0},
		{WindowP99, "ack p99, ms", 2},
		{WindowOthers, others, 1},
	}},
	{"At the paced rate", "paced", []metric{
		{PacedCPU, "server CPU per acknowledged reading, µs", 1},
		{PacedRate, "readings/s acknowledged", 0},
		{PacedP50, "ack p50, ms", 2},
		{PacedP99, "ack p99, ms", 2},
		{PacedOthers, others, 1},
	}},
	{"Idle connections", "idle", []metric{
		{IdleConnection, "resident bytes per open connection that said nothing", 0},
		{IdleBoard, "resident bytes per board, after one reading each", 0},
		{Handshakes, "handshakes/s", 0},
		{HandshakeCPU, "server CPU per handshake, µs", 1},
	}},
	{"A classroom: 50 devices, 25 readings/s together", "classroom", []metric{
		{TrickleRSS, "resident memory, MB", 1},
		{TrickleWritten, "bytes written to disk per reading", 0},
		{TrickleFolder, "growth of the data folder per reading, bytes", 0},
		{TrickleP50, "ack p50, ms", 2},
		{TrickleP99, "ack p99, ms", 2},
	}},
}
