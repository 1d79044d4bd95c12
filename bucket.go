package vaiven

import "errors"

// Bucket is what a stretch of time of one curve holds, in numbers.
type Bucket struct {
	Start int64 // Unix ms UTC; it ends where Curves.Width later begins another
	Count uint64
	Min   float64
	Max   float64
	Mean  float64
}

// Curve is one measurement, or one state, of one device over time. A stretch in which
// there was nothing has no bucket: gaps are gaps.
type Curve struct {
	Device  Device
	Name    string
	State   bool     // of a state, as the board reported it
	Buckets []Bucket // in time's order

	// Before is what held at Curves.From, of a state: the last report before it, however
	// long ago; nil: there is none, or what cannot be read may hide a later one. A
	// measurement does not hold.
	Before *Held
}

// Held is a value from a moment on.
type Held struct {
	At  int64 // Unix ms UTC
	Num float64
}

// Stretch is a part of time: From <= time < To, Unix ms UTC.
type Stretch struct{ From, To int64 }

// Curves are what a CurveQuery finds.
type Curves struct {
	From, To int64 // what was looked at: From <= time < To, Unix ms UTC
	Width    int64 // ms of a bucket; buckets begin at multiples of it
	// Curves are of series that have something in that time. Of a device that has, or
	// that was asked for by name, the states that held at its beginning are there, too,
	// with Before alone.
	Curves []Curve
	// Unread are the stretches of which something is on disk that cannot be read, in time's
	// order: Curves may lack it.
	Unread []Stretch
}

// CurveQuery asks for curves. From and To are Unix ms UTC, From <= time < To.
type CurveQuery struct {
	Devices []Device // none: all
	Names   []string // of measurements and states; none: all
	From    int64
	To      int64
	Points  int // buckets of a curve, at most
}

// MaxPoints bounds CurveQuery.Points.
const MaxPoints = 10_000

// ErrTooManyBuckets says that a CurveQuery asks for more curves and points than are
// computed at once.
var ErrTooManyBuckets = errors.New("too many curves with too many points at once")

// What a measurement of a device is called where metrics have names and labels:
// vaiven_reading{device="101",measurement="TEMP"}, vaiven_state{device="101",state="LED"}.
// Two names whatever boards measure: a name of a measurement need not be one of
// Prometheus (2M is none), and one query finds all that a device has.
const (
	MetricReading    = "vaiven_reading"
	MetricState      = "vaiven_state"
	LabelDevice      = "device"
	LabelMeasurement = "measurement"
	LabelState       = "state"
)
