package web

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// scanPatience is how long a look at the whole table waits for its turn.
const scanPatience = 5 * time.Second

// scan calls yield with every device, when it is its turn: readers without end
// would otherwise keep the table from what happens to the devices.
func (s *server) scan(ctx context.Context, yield func(*vaiven.DeviceInfo) bool) error {
	ctx, cancel := context.WithTimeout(ctx, scanPatience)
	defer cancel()
	select {
	case s.scanning <- struct{}{}:
		defer func() { <-s.scanning }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.o.Devices.Each(yield)
	return nil
}

// selection is what is asked of the table of devices. A page costs one look at
// each row and keeps no more rows than it has.
type selection struct {
	text   string // in lower case, somewhere in id, name, note or groups
	status string
	group  string
	ended  bool // only those with a session
	sort   string
	desc   bool
	limit  int
	after  *place // where the last page ended
	now    time.Time
}

// place is where a device stands in the order.
type place struct {
	Sort string        `json:"s"` // that it is a place of
	Num  int64         `json:"n,omitempty"`
	Text string        `json:"t,omitempty"`
	ID   vaiven.Device `json:"i"`
}

// page returns the selected devices, in order, how many match in all, and the
// cursor of the next page.
func (s *selection) page(scan func(func(*vaiven.DeviceInfo) bool)) (ids []vaiven.Device, total int, next string) {
	kept := places{than: s.compare}
	scan(func(d *vaiven.DeviceInfo) bool {
		status, _, _ := d.Status(s.now.UnixMilli())
		if !s.matches(d, status) {
			return true
		}
		total++
		p := s.place(d, status)
		if s.after != nil && s.compare(p, *s.after) <= 0 {
			return true
		}
		switch {
		case len(kept.list) <= s.limit: // one more than the page: whether there is another
			heap.Push(&kept, p)
		case s.compare(p, kept.list[0]) < 0:
			kept.list[0] = p
			heap.Fix(&kept, 0)
		}
		return true
	})
	slices.SortFunc(kept.list, s.compare)
	if len(kept.list) > s.limit {
		kept.list = kept.list[:s.limit]
		next = kept.list[s.limit-1].cursor()
	}
	for _, p := range kept.list {
		ids = append(ids, p.ID)
	}
	return ids, total, next
}

func (s *selection) matches(d *vaiven.DeviceInfo, status vaiven.Status) bool {
	if s.status != "" && s.status != string(status) || s.ended && d.Session == nil {
		return false
	}
	about := d.Described()
	return (s.group == "" || slices.Contains(about.Groups, s.group)) &&
		(s.text == "" || s.found(string(d.ID)) || s.found(about.Name) || s.found(about.Note) || slices.ContainsFunc(about.Groups, s.found))
}

func (s *selection) found(in string) bool { return strings.Contains(strings.ToLower(in), s.text) }

func (s *selection) place(d *vaiven.DeviceInfo, status vaiven.Status) place {
	p := place{Sort: s.order(), ID: d.ID}
	switch s.sort {
	case "name":
		p.Text = strings.ToLower(d.Described().Name)
	case "last":
		p.Num = d.Last
	case "readings":
		p.Num = int64(d.Readings)
	case "status":
		p.Num = statusRank[status]
	}
	return p
}

// order is the sort parameter.
func (s *selection) order() string {
	if s.desc {
		return "-" + s.sort
	}
	return s.sort
}

// compare orders places. Those that are equal stand in the order of their ids.
func (s *selection) compare(a, b place) int {
	c := cmp.Compare(a.Num, b.Num)
	if c == 0 {
		c = strings.Compare(a.Text, b.Text)
	}
	if c == 0 && s.sort != "id" {
		return strings.Compare(string(a.ID), string(b.ID))
	}
	if c == 0 {
		c = strings.Compare(string(a.ID), string(b.ID))
	}
	if s.desc {
		return -c
	}
	return c
}

// cursor is the place as clients hand it back.
func (p place) cursor() string {
	b, _ := json.Marshal(p) // numbers and strings: cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

var errCursor = errors.New("not a cursor of this list and order")

// parsePlace reads a cursor of the given order.
func parsePlace(cursor, order string) (*place, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	p := &place{}
	if err != nil || json.Unmarshal(b, p) != nil || p.Sort != order {
		return nil, errCursor
	}
	return p, nil
}

// places is a heap with the last place on top.
type places struct {
	list []place
	than func(a, b place) int
}

func (h *places) Len() int           { return len(h.list) }
func (h *places) Less(i, j int) bool { return h.than(h.list[i], h.list[j]) > 0 }
func (h *places) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *places) Push(x any)         { h.list = append(h.list, x.(place)) }
func (h *places) Pop() any {
	last := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	return last
}
