package vaiven

import "slices"

// DeviceInfo is a device as it stands: all that the log says of it but for its
// desired states and changes, which DeviceState has. It is a value without a clock:
// the same events in the same order make the same DeviceInfo everywhere. Its JSON is
// part of a checkpoint. Times are Unix ms UTC, 0 for never.
//
// The zero value, with ID set, is a device of which the log said nothing yet. Every
// list and text is bounded. Not for concurrent use.
type DeviceInfo struct {
	ID    Device `json:"id"`
	First int64  `json:"first"` // heard
	Last  int64  `json:"last"`  // heard: any message, or that it connected

	Values   []Latest `json:"values,omitempty"`
	States   []Latest `json:"states,omitempty"` // as the board reported them
	Rev      uint64   `json:"rev,omitempty"`    // of the last report of this boot
	Readings uint64   `json:"readings,omitempty"`
	Reading  int64    `json:"reading,omitempty"` // when the last reading was received
	Boot     Boot     `json:"boot,omitempty"`
	FW       string   `json:"fw,omitempty"`
	Declared []string `json:"declared,omitempty"` // states that it named in its last HELLO

	Rejected []RejectedCode `json:"rejected,omitempty"`
	Refusals uint64         `json:"refusals,omitempty"` // SEQs refused for good
	Gaps     uint64         `json:"gaps,omitempty"`     // SEQs that the board no longer had
	Filled   uint64         `json:"filled,omitempty"`   // of those, readings that came after all
	Lost     uint64         `json:"lost,omitempty"`     // readings that it says it gave up, over all its boots

	About    *About    `json:"about,omitempty"`    // what people said of it, nil: nothing
	Standing *Standing `json:"standing,omitempty"` // its right to speak, nil: nobody let it in

	Greeted     bool   `json:"greeted,omitempty"` // it has said HELLO
	Connected   bool   `json:"connected,omitempty"`
	Silent      bool   `json:"silent,omitempty"` // connected, but its readings stay away
	Partial     bool   `json:"-"`                // the log was not read from its beginning
	Remote      string `json:"remote,omitempty"`
	Since       int64  `json:"since,omitempty"`        // it has this status; when it is silent, its last reading
	ConnectedAt int64  `json:"connected_at,omitempty"` // the connection that it has or had last
	Reason      string `json:"reason,omitempty"`       // why it went
	Sleep       int64  `json:"sleep,omitempty"`        // ms from Since until it will be heard again

	Word   uint64 `json:"word,omitempty"`    // the record with the last event about it that Matters; 0: not known
	WordAt int64  `json:"word_at,omitempty"` // when that was

	Conflicts  uint64   `json:"conflicts,omitempty"`
	ConflictAt int64    `json:"conflict_at,omitempty"`
	Remotes    []string `json:"remotes,omitempty"` // who fought over the id last

	Session *Session `json:"session,omitempty"` // the last one, nil: none yet

	BootLost uint64        `json:"boot_lost,omitempty"` // Hello.Lost of the current boot, part of Lost
	Stats    *SessionStats `json:"stats,omitempty"`     // of Session; nil: not kept
}

// Bounds of a DeviceInfo.
const (
	maxMeasurements = 64  // names; the one heard longest ago makes room
	maxRejected     = 16  // codes
	maxRemotes      = 16  // addresses of a conflict
	maxGroups       = 16  // that a device belongs to
	maxInfoText     = 200 // bytes of a text
)

// Latest is the last value of a measurement or a state.
type Latest struct {
	Name string  `json:"name"`
	Num  float64 `json:"num"`
	At   int64   `json:"at"` // when it was received, Unix ms UTC
}

// RejectedCode counts the refused messages of one kind.
type RejectedCode struct {
	Code   Code   `json:"code"`
	Count  uint64 `json:"count"`
	Text   string `json:"text,omitempty"` // what was told about the last of them
	Remote string `json:"remote,omitempty"`
	At     int64  `json:"at"` // of the last, Unix ms UTC
}

// About is what people call a device, and say of it.
type About struct {
	Name   string   `json:"name,omitempty"`
	Note   string   `json:"note,omitempty"`
	Groups []string `json:"groups,omitempty"` // that it belongs to
}

// Status says whether a device can be heard.
type Status string

// What a device's status may be.
const (
	StatusConnected    Status = "connected"
	StatusSilent       Status = "silent"       // connected, but no reading for three of its intervals
	StatusAsleep       Status = "asleep"       // it said until when
	StatusDisconnected Status = "disconnected" // gone, without a word
	StatusNever        Status = "never"        // described, never heard
)

// Apply takes one event about the device. After *Forgotten the caller lets go of the
// DeviceInfo; an event that Refuses makes no DeviceInfo.
func (d *DeviceInfo) Apply(ev Event) {
	switch e := ev.(type) {
	case *Reading:
		d.applyReading(e)
	case *Refusal:
		d.hear(e.At)
		d.Refusals++
		if s := d.openStats(); s != nil {
			s.Refusals++
		}
	case *Gap:
		n := e.To - e.From + 1
		d.hear(e.At)
		d.Gaps += n
		if s := d.openStats(); s != nil {
			s.Gaps += n
		}
	case *Rejected:
		d.hear(e.At)
		d.Rejected = CountRejected(d.Rejected, e)
		if s := d.openStats(); s != nil {
			s.countRejected(e)
		}
	case *SessionStart:
		d.Session = &Session{Device: e.Device, Start: e.At, Readings: e.Readings, Deadline: e.Deadline, Interval: e.Interval}
		d.Stats = &SessionStats{}
	case *SessionEnd:
		d.applySessionEnd(e)
	case *Presence:
		d.applyPresence(e)
	case *Report:
		d.hear(e.At)
		d.noteBoot(e.Boot)
		d.report(e.States, e.Rev, e.At)
	case *Hello:
		d.applyHello(e)
	case *Conflict:
		d.hear(e.At)
		d.Conflicts++
		d.ConflictAt = e.At
		d.Remotes = slices.Clone(e.Remotes[:min(len(e.Remotes), maxRemotes)])
	case *Described:
		d.About = &About{cutText(e.Name), cutText(e.Note), slices.Clone(e.Groups[:min(len(e.Groups), maxGroups)])}
	case *Admitted, *Granted, *Verified, *Revoked:
		s := d.MaySpeak()
		s.Apply(ev)
		if d.Standing = &s; s == (Standing{}) {
			d.Standing = nil
		}
	}
}

// MaySpeak is the device's right to speak.
func (d *DeviceInfo) MaySpeak() Standing {
	if d.Standing == nil {
		return Standing{}
	}
	return *d.Standing
}

// Fill counts a reading that had been recorded as a gap, and came after all.
func (d *DeviceInfo) Fill() {
	d.Filled++
	if s := d.openStats(); s != nil && s.Gaps > 0 {
		s.Gaps--
	}
}

// Status says whether the device can be heard now (Unix ms UTC), since when that is
// so, and, of one that sleeps, until when. A board that was to wake up and did not
// is disconnected since it went.
func (d *DeviceInfo) Status(now int64) (s Status, since, until int64) {
	switch {
	case d.Connected && d.Silent:
		return StatusSilent, d.Since, 0
	case d.Connected:
		return StatusConnected, d.Since, 0
	case d.Since == 0 && d.Last == 0:
		return StatusNever, 0, 0
	case d.Since == 0: // it was heard without a connection of its own
		return StatusDisconnected, d.Last, 0
	case d.Sleep > 0 && now < d.Since+d.Sleep:
		return StatusAsleep, d.Since, d.Since + d.Sleep
	}
	return StatusDisconnected, d.Since, 0
}

// Replaced reports whether e is about a connection that another one has replaced:
// the board moved to another gateway of the cluster before the one that it left
// said so.
func (d *DeviceInfo) Replaced(e *Presence) bool {
	came := e.Connected && !e.Silent
	return !came && d.Connected && e.Remote != "" && d.Remote != "" && cutText(e.Remote) != d.Remote
}

// Mute reports whether nothing that the device said makes one expect that it confirms
// a change: neither HELLO nor BOOT, nor a REV.
func (d *DeviceInfo) Mute(s *DeviceState) bool { return !d.Greeted && d.Boot == "" && !s.Reports }

// Described is what people call the device and say of it, the zero About for nothing.
// It is d's own.
func (d *DeviceInfo) Described() About {
	if d.About == nil {
		return About{}
	}
	return *d.About
}

// CountOfRejected is how many messages were refused, of all kinds.
func (d *DeviceInfo) CountOfRejected() (n uint64) {
	for i := range d.Rejected {
		n += d.Rejected[i].Count
	}
	return n
}

// Clone returns a copy that shares nothing with d, and is without Stats: Summary
// says what they say.
func (d *DeviceInfo) Clone() DeviceInfo {
	c := *d
	c.Values = slices.Clone(d.Values)
	c.States = slices.Clone(d.States)
	c.Rejected = slices.Clone(d.Rejected)
	c.Remotes = slices.Clone(d.Remotes)
	c.Declared = slices.Clone(d.Declared)
	if d.About != nil {
		c.About = &About{d.About.Name, d.About.Note, slices.Clone(d.About.Groups)}
	}
	if d.Session != nil {
		s := *d.Session
		c.Session = &s
	}
	if d.Standing != nil {
		s := *d.Standing
		c.Standing = &s
	}
	c.Stats = nil
	return c
}

// hear notes that the device gave a sign of life. The log's order counts, not the
// clock, which may have been set back.
func (d *DeviceInfo) hear(at int64) {
	if d.First == 0 {
		d.First = at
	}
	d.Last = at
}

func (d *DeviceInfo) applyReading(e *Reading) {
	d.hear(e.At)
	d.Reading, d.Sleep = e.At, 0
	d.Readings++
	d.Values = setLatest(d.Values, e.Values, e.At, maxMeasurements)
	d.noteBoot(e.Boot)
	if e.Current() {
		d.report(e.States, e.Rev, e.At)
	}
	if d.Session == nil || d.Session.Ended || e.Uncounted {
		return
	}
	d.Session.Count++
	if d.Stats != nil {
		d.Stats.add(e)
	}
}

// noteBoot notes the current boot, if one was given; what it says it lost, and the
// revisions that it has seen, count from 0 again.
func (d *DeviceInfo) noteBoot(b Boot) {
	if b != "" && d.Boot != b {
		d.Boot, d.BootLost, d.Rev = b, 0, 0
	}
}

func (d *DeviceInfo) report(states []Value, rev uint64, at int64) {
	if _, taken := acceptRev(&d.Rev, rev); taken {
		d.States = setLatest(d.States, states, at, MaxReported)
	}
}

func (d *DeviceInfo) applyHello(e *Hello) {
	d.hear(e.At)
	d.noteBoot(e.Boot)
	if e.Lost > d.BootLost {
		d.Lost += e.Lost - d.BootLost
		if s := d.openStats(); s != nil {
			s.Lost += e.Lost - d.BootLost
		}
		d.BootLost = e.Lost
	}
	if e.FW != "" {
		d.FW = cutText(e.FW)
	}
	d.Greeted = true
	d.Declared = slices.Clone(e.Names[:min(len(e.Names), MaxReported)])
	if len(e.States) > 0 {
		d.report(e.States, e.Rev, e.At)
	}
}

// applyPresence notes that a connection came, went or fell silent.
func (d *DeviceInfo) applyPresence(e *Presence) {
	if d.Replaced(e) {
		return
	}
	switch {
	case e.Connected && e.Silent:
		d.Since = d.Reading
		if d.Since == 0 {
			d.Since = e.At
		}
	case e.Connected:
		d.hear(e.At)
		d.Since = e.At
		if !d.Connected || !d.Silent { // else it is still the same connection
			d.ConnectedAt = e.At
		}
	case d.Connected || d.Since == 0 || e.Sleep > 0: // else it is known that it went
		d.Since = e.At
	}
	if e.Remote != "" {
		d.Remote = cutText(e.Remote)
	}
	d.Connected, d.Silent, d.Reason, d.Sleep = e.Connected, e.Connected && e.Silent, cutText(e.Reason), e.Sleep
}

func (d *DeviceInfo) applySessionEnd(e *SessionEnd) {
	switch {
	case d.Session == nil && d.Partial: // its beginning was not read
		d.Session = &Session{Device: e.Device, Count: e.Count, Ended: true, Reason: e.Reason}
	case d.Session == nil:
	case !d.Session.Ended:
		d.Session.Ended, d.Session.Reason = true, e.Reason
		if d.Stats != nil {
			d.Stats.End = e.At
		}
	case e.Reason == EndRenewed: // of a session that had ended: another may begin
		d.Session.Reason = e.Reason
	}
}

// openStats returns the statistics of the session that is going on, or nil.
func (d *DeviceInfo) openStats() *SessionStats {
	if d.Session == nil || d.Session.Ended {
		return nil
	}
	return d.Stats
}

// FindLatest returns the value called name.
func FindLatest(list []Latest, name string) (float64, bool) {
	for i := range list {
		if list[i].Name == name {
			return list[i].Num, true
		}
	}
	return 0, false
}

// setLatest sets the values in a list, which has at most limit of them: the one
// heard longest ago makes room.
func setLatest(list []Latest, values []Value, at int64, limit int) []Latest {
	for i, v := range values {
		if i >= len(list) || list[i].Name != v.Name { // the usual order
			i = slices.IndexFunc(list, func(l Latest) bool { return l.Name == v.Name })
		}
		if i >= 0 {
			list[i].Num, list[i].At = v.Num, at
			continue
		}
		if len(list) == limit {
			oldest := 0
			for i := range list {
				if list[i].At < list[oldest].At {
					oldest = i
				}
			}
			list = slices.Delete(list, oldest, oldest+1)
		}
		if list == nil {
			list = make([]Latest, 0, 2) // what most boards have
		}
		list = append(list, Latest{Name: v.Name, Num: v.Num, At: at})
	}
	return list
}

// CountRejected counts a summary of refused messages in a list of few kinds.
func CountRejected(list []RejectedCode, e *Rejected) []RejectedCode {
	i := slices.IndexFunc(list, func(r RejectedCode) bool { return r.Code == e.Code })
	if i < 0 {
		if len(list) == maxRejected {
			return list
		}
		list, i = append(list, RejectedCode{Code: e.Code}), len(list)
	}
	r := &list[i]
	r.Count += e.Count
	r.Text, r.Remote, r.At = cutText(e.Text), cutText(e.Remote), e.At
	return list
}

// cutText bounds a text, at a character's edge.
func cutText(s string) string {
	if len(s) <= maxInfoText {
		return s
	}
	n := maxInfoText
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
