package live

import (
	"fmt"
	"net/url"
	"strings"

	"vaiven"
)

// maxDevices bounds a filter's list.
const maxDevices = 1000

// Filter says which events a follower wants. The zero value passes all.
type Filter struct {
	Devices map[vaiven.Device]bool // none: all, and events of no device too
	Kinds   vaiven.Kinds           // none: all
}

func (f *Filter) passes(k vaiven.Kinds, d vaiven.Device) bool {
	return (f.Kinds == 0 || f.Kinds&k != 0) && (len(f.Devices) == 0 || f.Devices[d])
}

// ParseFilter reads the parameters device and kind, each a list with commas,
// each repeatable. The error is for a person, in the language.
func ParseFilter(q url.Values, l vaiven.Lang) (Filter, error) {
	var f Filter
	for name := range listed(q["kind"]) {
		k := vaiven.KindsNamed(name)
		if k == 0 {
			return f, fmt.Errorf(l.Say("kind %q: want some of %s, state, session", "kind %q: se espera alguno de %s, state, session"), vaiven.Shorten(name), strings.Join(vaiven.KindNames(), ", "))
		}
		f.Kinds |= k
	}
	for name := range listed(q["device"]) {
		d, err := vaiven.ParseDevice(name)
		if err != nil {
			return f, fmt.Errorf(l.Say("device: %q cannot be a device's id", "device: %q no puede ser el id de un dispositivo"), vaiven.Shorten(name))
		}
		if f.Devices == nil {
			f.Devices = make(map[vaiven.Device]bool)
		}
		if f.Devices[d] = true; len(f.Devices) > maxDevices {
			return f, fmt.Errorf(l.Say("device: at most %d in one filter", "device: como mucho %d en un filtro"), maxDevices)
		}
	}
	return f, nil
}

// listed runs over what stands between the commas.
func listed(values []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range values {
			for name := range strings.SplitSeq(v, ",") {
				if name = strings.TrimSpace(name); name != "" && !yield(name) {
					return
				}
			}
		}
	}
}
