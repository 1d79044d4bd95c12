package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"vaiven"
)

// ErrOtherKind says that an event is of a kind that this program does not know:
// a later server may have more.
var ErrOtherKind = errors.New("an event of an unknown kind")

// Parse reads what Append wrote, for a program that follows a server
// from elsewhere. Members that it does not know are passed over.
func Parse(b []byte) (en vaiven.Entry, name string, err error) {
	var p parsed
	if err := json.Unmarshal(b, &p); err != nil {
		return en, "", fmt.Errorf("event: %w", err)
	}
	if en.ID, err = vaiven.ParseID(p.ID); err != nil {
		return en, "", err
	}
	if err := p.check(); err != nil {
		return en, "", err
	}
	en.Event, en.Fills = p.event(), p.Fills
	if en.Event == nil {
		return en, "", fmt.Errorf("%w: %q", ErrOtherKind, vaiven.Shorten(p.Kind))
	}
	return en, p.Name, nil
}

// check refuses ids and names that no server of ours writes: lines show them as
// they are, and what is shown in a terminal may be an order to it.
func (p *parsed) check() error {
	if p.Device != "" {
		if _, err := vaiven.ParseDevice(string(p.Device)); err != nil {
			return fmt.Errorf("event: %w", err)
		}
	}
	names := append(slices.Clone(p.Names), p.Toggle...)
	for _, v := range slices.Concat(p.Values, p.States) {
		names = append(names, v.Name)
	}
	for _, n := range names {
		if !vaiven.ValidName(n) {
			return fmt.Errorf("event: %q is no name of a value", vaiven.Shorten(n))
		}
	}
	return nil
}

// parsed has the members of all kinds.
type parsed struct {
	ID, Kind  string
	At        time.Time
	Synced    bool
	Device    vaiven.Device
	Name      string
	Values    members
	States    members
	Boot      vaiven.Boot
	Seq, Rev  uint64
	Measured  time.Time
	Uncounted bool
	Fills     bool
	Code      vaiven.Code
	From, To  uint64
	Through   uint64
	Count     uint64
	Text      string
	Remote    string
	Remotes   []string
	Readings  uint64
	Deadline  time.Time
	Interval  int64 `json:"interval_ms"`
	Reason    string
	Connected bool
	Silent    bool
	Sleep     int64 `json:"sleep_ms"`
	Oldest    uint64
	Next      uint64
	Lost      uint64
	Up        *int64 `json:"up_ms"`
	FW        string
	Names     []string
	Log       string
	Key       vaiven.Key
	Toggle    []string
	By        string
	If        *uint64 `json:"if_rev"`
	Outcome   vaiven.Outcome
	Asked     time.Time
	Title     string
	Note      string
	Groups    []string
	Token     vaiven.TokenID
	Use       vaiven.TokenUse
	Rights    []string
	Devices   []string
	Expires   time.Time
	FromToken vaiven.TokenID `json:"from_token"`
	Until     time.Time

	Concentrator bool
}

// event is a straight list, as object.event is.
func (p *parsed) event() vaiven.Event {
	_, offset := p.At.Zone()
	s := vaiven.Stamp{At: p.At.UnixMilli(), Offset: int32(offset), Synced: p.Synced}
	d := p.Device
	switch p.Kind {
	case "reading":
		return &vaiven.Reading{Stamp: s, Device: d, Boot: p.Boot, Seq: p.Seq, Measured: unixMs(p.Measured), Values: p.Values, States: p.States, Rev: p.Rev, Uncounted: p.Uncounted}
	case "refusal":
		return &vaiven.Refusal{Stamp: s, Device: d, Boot: p.Boot, Seq: p.Seq, Code: p.Code}
	case "gap":
		return &vaiven.Gap{Stamp: s, Device: d, Boot: p.Boot, From: p.From, To: p.To}
	case "rejected":
		return &vaiven.Rejected{Stamp: s, Device: d, Code: p.Code, Count: p.Count, Text: p.Text, Remote: p.Remote}
	case "session_start":
		return &vaiven.SessionStart{Stamp: s, Device: d, Readings: p.Readings, Deadline: unixMs(p.Deadline), Interval: p.Interval}
	case "session_end":
		return &vaiven.SessionEnd{Stamp: s, Device: d, Reason: vaiven.EndReason(p.Reason), Count: p.Count}
	case "presence":
		return &vaiven.Presence{Stamp: s, Device: d, Connected: p.Connected, Silent: p.Silent, Remote: p.Remote, Reason: p.Reason, Sleep: p.Sleep}
	case "report":
		return &vaiven.Report{Stamp: s, Device: d, Boot: p.Boot, Rev: p.Rev, States: p.States}
	case "hello":
		return &vaiven.Hello{Stamp: s, Device: d, Boot: p.Boot, Oldest: p.Oldest, Next: p.Next, Lost: p.Lost, Up: p.up(),
			FW: p.FW, States: p.States, Rev: p.Rev, Names: p.Names}
	case "conflict":
		return &vaiven.Conflict{Stamp: s, Device: d, Remotes: p.Remotes}
	case "log_start":
		return &vaiven.LogStart{Stamp: s, Log: p.Log}
	case "change":
		c := &vaiven.Change{Stamp: s, Device: d, Key: p.Key, States: p.States, Toggle: p.Toggle, By: p.By, Deadline: unixMs(p.Deadline)}
		if p.If != nil {
			c.HasIf, c.If = true, *p.If
		}
		return c
	case "sent":
		return &vaiven.Sent{Stamp: s, Device: d, Key: p.Key, Rev: p.Rev}
	case "change_end":
		return &vaiven.ChangeEnd{Stamp: s, Device: d, Key: p.Key, Rev: p.Rev, Outcome: p.Outcome, Reason: p.Reason, States: p.States,
			By: p.By, Asked: unixMs(p.Asked)}
	case "described":
		return &vaiven.Described{Stamp: s, Device: d, Name: p.Title, Note: p.Note, Groups: p.Groups}
	case "forgotten":
		return &vaiven.Forgotten{Stamp: s, Device: d, Through: p.Through}
	}
	return p.accessEvent(s)
}

// accessEvent is a straight list, as object.accessEvent is; of a token's sum nothing is
// known.
func (p *parsed) accessEvent(s vaiven.Stamp) vaiven.Event {
	switch p.Kind {
	case "admitted":
		return &vaiven.Admitted{Stamp: s, Device: p.Device, Remote: p.Remote, Concentrator: p.Concentrator, By: p.By}
	case "granted":
		rights, _ := vaiven.ParseRights(p.Rights, vaiven.English) // one that a later server has is passed over
		return &vaiven.Granted{Stamp: s, Device: p.Device, Token: p.Token, Use: p.Use, Rights: rights, Devices: p.Devices,
			Expires: unixMs(p.Expires), Name: p.Title, By: p.By, From: p.FromToken}
	case "verified":
		return &vaiven.Verified{Stamp: s, Device: p.Device, Token: p.Token}
	case "revoked":
		return &vaiven.Revoked{Stamp: s, Device: p.Device, Token: p.Token, By: p.By}
	case "opened":
		return &vaiven.Opened{Stamp: s, Until: unixMs(p.Until), By: p.By}
	case "denied":
		return &vaiven.Denied{Stamp: s, Device: p.Device, Reason: vaiven.DeniedReason(p.Reason), Remote: p.Remote, Count: p.Count}
	}
	return nil
}

func (p *parsed) up() int64 {
	if p.Up == nil {
		return -1
	}
	return *p.Up
}

// unixMs is 0 for a moment that was left out.
func unixMs(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// members is an object of numbers, in its order.
type members []vaiven.Value

// UnmarshalJSON keeps the order in which the members stand.
func (n *members) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("want an object of numbers, got %s", vaiven.Shorten(string(b)))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		v := vaiven.Value{Name: key.(string)}
		if err := d.Decode(&v.Num); err != nil {
			return err
		}
		*n = append(*n, v)
	}
	return nil
}
