package registry

import (
	"slices"

	"vaiven"
)

// Bounds of what is kept per device.
const (
	maxMeasurements = 64  // names; the one heard longest ago makes room
	maxStates       = 64  // likewise
	maxRejected     = 16  // codes
	maxRemotes      = 16  // addresses of a conflict
	maxGroups       = 16  // that a device belongs to
	maxText         = 200 // bytes of a text
)

// Latest is the last value of a measurement or a state.
type Latest struct {
	Name string  `json:"name"`
	Num  float64 `json:"num"`
	At   int64   `json:"at"` // when it was received, Unix ms
}

// Rejected counts the refused messages of one kind.
type Rejected struct {
	Code   vaiven.Code `json:"code"`
	Count  uint64      `json:"count"`
	Text   string      `json:"text,omitempty"` // what was told about the last of them
	Remote string      `json:"remote,omitempty"`
	At     int64       `json:"at"` // of the last, Unix ms
}

// Device is all that is known of a device. Times are Unix ms, 0 for never.
type Device struct {
	ID    vaiven.Device `json:"id"`
	First int64         `json:"first"` // heard
	Last  int64         `json:"last"`  // heard: any message, or that it connected

	Values   []Latest    `json:"values,omitempty"`
	States   []Latest    `json:"states,omitempty"` // as the board reported them
	Rev      uint64      `json:"rev,omitempty"`    // revision of the last report of this boot
	Readings uint64      `json:"readings,omitempty"`
	Reading  int64       `json:"reading,omitempty"` // when the last reading was received
	Boot     vaiven.Boot `json:"boot,omitempty"`
	FW       string      `json:"fw,omitempty"`
	Declared []string    `json:"declared,omitempty"` // states that it named in its last HELLO
	Greeted  bool        `json:"greeted,omitempty"`  // it has said HELLO

	Rejected []Rejected `json:"rejected,omitempty"`
	Refusals uint64     `json:"refusals,omitempty"` // SEQs refused for good
	Gaps     uint64     `json:"gaps,omitempty"`     // SEQs that the board no longer had
	Filled   uint64     `json:"filled,omitempty"`   // of those, readings that came after all
	Lost     uint64     `json:"lost,omitempty"`     // readings that it says it gave up, over all its boots

	About *About `json:"about,omitempty"` // what people said of it, nil: nothing

	Connected bool   `json:"connected,omitempty"`
	Silent    bool   `json:"silent,omitempty"` // connected, but its readings stay away
	Remote    string `json:"remote,omitempty"`
	Since     int64  `json:"since,omitempty"`  // it came or went, or the moment of the last reading when it is silent
	Reason    string `json:"reason,omitempty"` // why it went
	Sleep     int64  `json:"sleep,omitempty"`  // ms from Since until it will be heard again

	Conflicts  uint64   `json:"conflicts,omitempty"`
	ConflictAt int64    `json:"conflict_at,omitempty"`
	Remotes    []string `json:"remotes,omitempty"` // who fought over the id last

	Session *vaiven.Session `json:"session,omitempty"` // the last one, nil: none yet
}

// About is what people call a device, and say of it.
type About struct {
	Name   string   `json:"name,omitempty"`
	Note   string   `json:"note,omitempty"`
	Groups []string `json:"groups,omitempty"` // that it belongs to
}

// device is a Device with what only the registry needs.
type device struct {
	Device
	BootLost uint64 `json:"boot_lost,omitempty"` // Hello.Lost of the current boot, part of Lost
	Stats    *stats `json:"stats,omitempty"`     // of Session
}

// copyOut returns a Device that shares nothing with d.
func (d *device) copyOut() Device {
	c := d.Device
	c.Values = slices.Clone(d.Values)
	c.States = slices.Clone(d.States)
	c.Rejected = slices.Clone(d.Rejected)
	c.Remotes = slices.Clone(d.Remotes)
	if d.About != nil {
		c.About = &About{d.About.Name, d.About.Note, slices.Clone(d.About.Groups)}
	}
	c.Declared = slices.Clone(d.Declared)
	if d.Session != nil {
		s := *d.Session
		c.Session = &s
	}
	return c
}

// latest sets the values in a list, which has at most limit of them.
func latest(list []Latest, values []vaiven.Value, at int64, limit int) []Latest {
	for i, v := range values {
		if i < len(list) && list[i].Name == v.Name { // the usual order
			list[i].Num, list[i].At = v.Num, at
			continue
		}
		list = latestOf(list, v, at, limit)
	}
	return list
}

func latestOf(list []Latest, v vaiven.Value, at int64, limit int) []Latest {
	for i := range list {
		if list[i].Name == v.Name {
			list[i].Num, list[i].At = v.Num, at
			return list
		}
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
	return append(list, Latest{Name: v.Name, Num: v.Num, At: at})
}

// reject counts a summary of refused messages.
func reject(list []Rejected, e *vaiven.Rejected) []Rejected {
	for i := range list {
		if list[i].Code == e.Code {
			r := &list[i]
			r.Count += e.Count
			r.Text, r.Remote, r.At = cut(e.Text), cut(e.Remote), e.At
			return list
		}
	}
	if len(list) == maxRejected {
		return list
	}
	return append(list, Rejected{Code: e.Code, Count: e.Count, Text: cut(e.Text), Remote: cut(e.Remote), At: e.At})
}

// cut bounds a text, at a character's edge.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
