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

	ChangeP50      = "change_confirmed_p50_ms"
	ChangeP99      = "change_confirmed_p99_ms"
	ChangeMax      = "change_confirmed_max_ms"
	ChangeAnswered = "change_answered_p50_ms"
	ChangeRate     = "change_rate"
	ChangeCPU      = "change_cpu_us"
	ChangeCores    = "change_server_percent"
	ChangeAlone    = "change_readings_percent"
	ChangeBusy     = "change_busy_percent"
	ChangeOthers   = "change_others_percent"

	FollowP50    = "follow_p50_ms"
	FollowP99    = "follow_p99_ms"
	FollowMax    = "follow_max_ms"
	FollowCPU    = "follow_cpu_us"
	FollowRate   = "follow_rate"
	FollowCores  = "follow_server_percent"
	FollowAlone  = "follow_readings_percent"
	FollowCuts   = "follow_cuts"
	FollowBusy   = "follow_busy_percent"
	FollowOthers = "follow_others_percent"

	StalledP99       = "stalled_p99_ratio"
	StalledP50       = "stalled_p50_ratio"
	StalledCPU       = "stalled_cpu_ratio"
	StalledP99Alone  = "stalled_alone_p99_ms"
	StalledP99Beside = "stalled_beside_p99_ms"
	StalledP50Alone  = "stalled_alone_p50_ms"
	StalledP50Beside = "stalled_beside_p50_ms"
	StalledBusy      = "stalled_busy_percent"
	StalledOthers    = "stalled_others_percent"
)

// Columns of sections that compare something else than servers.
const (
	OneAtATime = "one at a time"
	TenAtATime = "10 at a time"
)

var (
	askers     = []string{OneAtATime, TenAtATime}
	transports = []string{"ws", "sse", "ndjson", "poll"}
)

type section struct {
	title, short string
	columns      []string // nil: the peers
	metrics      []metric
}

type metric struct {
	key, name string
	digits    int
}

const (
	cores  = "(server CPU, with the readings' own, % of one processor)"
	alone  = "(of the readings alone, before, % of one processor)"
	others = "(CPU taken by anything else meanwhile, % of the machine)"
	busy   = "(CPU taken by everything together, % of the machine)"
)

// quietLimit is the share of the machine, in percent, that anything else may
// take before the figures are called disturbed.
const quietLimit = 10

var sections = []section{
	{"At saturation, one reading in flight on each connection", "saturation", nil, []metric{
		{SaturatedCPU, "server CPU per acknowledged reading, µs", 1},
		{SaturatedRate, "readings/s", 0},
		{SaturatedP50, "ack p50, ms", 2},
		{SaturatedP99, "ack p99, ms", 2},
		{SaturatedOwn, "(CPU of the generator per reading, µs)", 1},
		{SaturatedOthers, others, 1},
	}},
	{"At saturation, several readings in flight on each connection", "several in flight", nil, []metric{
		{WindowCPU, "server CPU per acknowledged reading, µs", 1},
		{WindowRate, "readings/s", 0},
		{WindowP99, "ack p99, ms", 2},
		{WindowOthers, others, 1},
	}},
	{"At the paced rate", "paced", nil, []metric{
		{PacedCPU, "server CPU per acknowledged reading, µs", 1},
		{PacedRate, "readings/s acknowledged", 0},
		{PacedP50, "ack p50, ms", 2},
		{PacedP99, "ack p99, ms", 2},
		{PacedOthers, others, 1},
	}},
	{"Idle connections", "idle", nil, []metric{
		{IdleConnection, "resident bytes per open connection that said nothing", 0},
		{IdleBoard, "resident bytes per board, after one reading each", 0},
		{Handshakes, "handshakes/s", 0},
		{HandshakeCPU, "server CPU per handshake, µs", 1},
	}},
	{"A classroom: 50 devices, 25 readings/s together", "classroom", nil, []metric{
		{TrickleRSS, "resident memory, MB", 1},
		{TrickleWritten, "bytes written to disk per reading", 0},
		{TrickleFolder, "growth of the data folder per reading, bytes", 0},
		{TrickleP50, "ack p50, ms", 2},
		{TrickleP99, "ack p99, ms", 2},
	}},
	{"Changes of state, from the API call to the confirmed event, while all boards send", "changes", askers, []metric{
		{ChangeP50, "confirmed at the follower, p50, ms", 2},
		{ChangeP99, "confirmed at the follower, p99, ms", 2},
		{ChangeMax, "confirmed at the follower, longest, ms", 2},
		{ChangeAnswered, "answer of the API (it is in the log), p50, ms", 2},
		{ChangeRate, "changes/s", 0},
		{ChangeCPU, "server CPU per change, µs, without the readings' own", 0},
		{ChangeCores, cores, 1},
		{ChangeAlone, alone, 1},
		{ChangeBusy, busy, 1},
		{ChangeOthers, others, 1},
	}},
	{"Followers of the live feeds, whose connections are reset all the time", "followers", transports, []metric{
		{FollowP50, "from the board to the follower, p50, ms", 2},
		{FollowP99, "from the board to the follower, p99, ms", 2},
		{FollowMax, "from the board to the follower, longest, ms", 1},
		{FollowCPU, "server CPU per event and follower, µs, without the readings' own", 2},
		{FollowRate, "events/s to all followers together", 0},
		{FollowCuts, "connections reset and resumed", 0},
		{FollowCores, cores, 1},
		{FollowAlone, alone, 1},
		{FollowBusy, busy, 1},
		{FollowOthers, others, 1},
	}},
	{"Followers beside as many who never read, against followers alone", "stalled", transports, []metric{
		{StalledP99, "p99 beside stalled ones, times that alone", 2},
		{StalledP50, "p50 beside stalled ones, times that alone", 2},
		{StalledCPU, "server CPU beside stalled ones, times that alone", 2},
		{StalledP99Alone, "alone: p99, ms", 2},
		{StalledP99Beside, "beside stalled ones: p99, ms", 2},
		{StalledP50Alone, "alone: p50, ms", 2},
		{StalledP50Beside, "beside stalled ones: p50, ms", 2},
		{StalledBusy, busy, 1},
		{StalledOthers, others, 1},
	}},
}
