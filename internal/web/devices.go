package web

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"vaiven"
	"vaiven/internal/web/api"
)

// DeviceID is the path parameter of everything about one device.
type DeviceID struct {
	ID string `path:"id" maxLength:"64" doc:"The device's id; 7, 07 and 007 are one" example:"101"`
}

func (s *server) deviceOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/devices", id: "listDevices", needs: readsSome, busy: busyTable, tag: "devices",
		summary: "List, search and sort the devices",
		examples: []example{
			{name: "list-devices.json", title: "All devices", path: "/devices"},
			{name: "search-devices.json", title: "Devices of a group that are connected, the most talkative first", path: "/devices?group=lab&status=connected&sort=-readings&limit=1"},
		},
	}, s.listDevices)
	register(s, operation{
		method: http.MethodGet, path: "/devices/{id}", id: "getDevice", needs: readsDevice, tag: "devices", refusals: []int{400, 404},
		summary: "All that is known of a device",
		examples: []example{
			{name: "get-device.json", title: "A board that sends", path: "/devices/101"},
			{name: "unknown-device.json", title: "A device that nobody knows", path: "/devices/999", status: 404},
		},
	}, s.getDevice)
	register(s, operation{
		method: http.MethodPatch, path: "/devices/{id}", id: "describeDevice", needs: administersDevice, busy: busyLog, tag: "devices", refusals: []int{400, 413},
		summary:  "Name a device, note something about it, put it into groups",
		about:    "What is left out stays as it is. A device that was not heard yet may be described, too.",
		examples: []example{{name: "describe-device.json", title: "A name and two groups", path: "/devices/102", body: `{"name":"Door","groups":["lab","ground-floor"]}`}},
	}, s.describeDevice)
	register(s, operation{
		method: http.MethodDelete, path: "/devices/{id}", id: "forgetDevice", needs: administersDevice, busy: busyLog, tag: "devices", success: 204, refusals: []int{400, 404, 409},
		summary: "Forget a device that is not connected",
		about:   "It leaves every table; its readings stay in the log and in the CSV. One that is heard again is a new one.",
		examples: []example{
			{name: "forget-device", title: "A board that was taken down", path: "/devices/103", status: 204},
			{name: "forget-connected.json", title: "One that is connected", path: "/devices/101", status: 409},
		},
	}, s.forgetDevice)
	register(s, operation{
		method: http.MethodGet, path: "/devices/{id}/values", id: "getValues", needs: readsDevice, tag: "devices", refusals: []int{400, 404},
		summary:  "A device's latest values, and how old they are",
		examples: []example{{name: "get-values.json", title: "Temperature and humidity", path: "/devices/101/values"}},
	}, s.getValues)
}

type listDevices struct {
	Q      string `query:"q" maxLength:"100" doc:"Text somewhere in the id, the name, the note or a group, in either case"`
	Status string `query:"status" enum:"connected,silent,asleep,disconnected,never" doc:"Only devices with this status"`
	Group  string `query:"group" maxLength:"40" doc:"Only devices of this group"`
	Sort   string `query:"sort" enum:"id,name,last,readings,status,-id,-name,-last,-readings,-status" default:"id" doc:"The order; with - before it, the other way round"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Devices on a page"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next of the page before, with the same sort"`
}

type body[T any] struct{ Body T }

func (s *server) listDevices(ctx context.Context, in *listDevices) (*body[api.Devices], error) {
	now := s.now()
	q := selection{
		text: strings.ToLower(in.Q), status: in.Status, group: in.Group, limit: in.Limit, now: now,
		sort: strings.TrimPrefix(in.Sort, "-"), desc: strings.HasPrefix(in.Sort, "-"),
	}
	var err error
	if in.Cursor != "" {
		if q.after, err = parseCursor(in.Cursor, in.Sort); err != nil {
			return nil, s.badCursor()
		}
	}
	ids, total, next := q.page(func(yield func(*vaiven.DeviceInfo) bool) { err = s.scan(ctx, yield) })
	if err != nil {
		return nil, s.tableFailed(err)
	}
	out := &body[api.Devices]{api.Devices{Devices: make([]api.Device, 0, len(ids)), Total: total, Next: next}}
	for _, id := range ids {
		if d, ok := s.o.Devices.Device(id); ok { // or forgotten since
			out.Body.Devices = append(out.Body.Devices, s.deviceOf(ctx, now, &d))
		}
	}
	return out, nil
}

func (s *server) getDevice(ctx context.Context, in *struct{ DeviceID }) (*body[api.Device], error) {
	d, err := s.findDevice(in.ID)
	if err != nil {
		return nil, err
	}
	return &body[api.Device]{s.deviceOf(ctx, s.now(), d)}, nil
}

// findDevice returns the device of a path.
func (s *server) findDevice(id string) (*vaiven.DeviceInfo, error) {
	name, err := s.parseDevice(id)
	if err != nil {
		return nil, err
	}
	d, ok := s.o.Devices.Device(name)
	if !ok {
		return nil, s.unknownDevice(name)
	}
	return &d, nil
}

func (s *server) getValues(_ context.Context, in *struct{ DeviceID }) (*body[api.Values], error) {
	d, err := s.findDevice(in.ID)
	if err != nil {
		return nil, err
	}
	now := s.now()
	return &body[api.Values]{api.Values{Device: d.ID, Values: valuesOf(now, d.Values), States: valuesOf(now, d.States)}}, nil
}

// writeTimeout bounds how long a request waits for the log.
const writeTimeout = 5 * time.Second

type describeDevice struct {
	DeviceID
	Body api.Description
}

func (s *server) describeDevice(ctx context.Context, in *describeDevice) (*body[api.Device], error) {
	id, err := s.parseDevice(in.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := acquire(ctx, s.describing); err != nil {
		return nil, s.fail(err)
	}
	defer func() { <-s.describing }()
	d, _ := s.o.Devices.Device(id)
	about := d.Described()
	if in.Body.Name != nil {
		about.Name = strings.TrimSpace(*in.Body.Name)
	}
	if in.Body.Note != nil {
		about.Note = strings.TrimSpace(*in.Body.Note)
	}
	if in.Body.Groups != nil {
		about.Groups = groupsOf(*in.Body.Groups)
	}
	if err := s.printable(&about); err != nil {
		return nil, err
	}
	if err := s.o.Names.Describe(ctx, id, about.Name, about.Note, about.Groups); err != nil {
		return nil, s.fail(err)
	}
	d, ok := s.o.Devices.Device(id)
	if !ok {
		return nil, s.unknownDevice(id) // forgotten meanwhile
	}
	return &body[api.Device]{s.deviceOf(ctx, s.now(), &d)}, nil
}

// maxWords is how many bytes a name, a note and a group may have.
const maxWords = 200

// printable refuses what would not survive in a terminal, or be cut.
func (s *server) printable(a *vaiven.About) error {
	for i, text := range append([]string{a.Name, a.Note}, a.Groups...) {
		field := "body." + []string{"name", "note", "groups"}[min(i, 2)]
		switch {
		case len(text) > maxWords:
			return s.invalid(field, s.o.Lang.Say("longer than 200 bytes", "más de 200 bytes"))
		case hasUnprintable(text):
			return s.unprintable(field)
		case text == "" && i > 1:
			return s.invalid(field, s.o.Lang.Say("a group without a name", "un grupo sin nombre"))
		}
	}
	return nil
}

// hasUnprintable reports whether a text would not survive in a terminal.
func hasUnprintable(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (s *server) unprintable(field string) *api.Problem {
	return s.invalid(field, s.o.Lang.Say("has characters that do not print", "tiene caracteres que no se imprimen"))
}

// groupsOf trims, sorts, and keeps each group once.
func groupsOf(list []string) []string {
	groups := make([]string, 0, len(list))
	for _, g := range list {
		groups = append(groups, strings.TrimSpace(g))
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

type noBody struct{}

func (s *server) forgetDevice(ctx context.Context, in *struct{ DeviceID }) (*noBody, error) {
	d, err := s.findDevice(in.ID)
	if err != nil {
		return nil, err
	}
	if d.Connected {
		return nil, api.NewProblem(http.StatusConflict, codeConnected,
			s.o.Lang.Say("it is connected", "está conectado"),
			s.o.Lang.Say("switch it off first, or it would come back at once", "apágalo primero, o volvería enseguida"))
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := s.o.Names.Forget(ctx, d.ID); err != nil {
		return nil, s.fail(err)
	}
	return nil, nil
}

// deviceOf writes a device as the API does for whoever asks: BOOT is for administrators,
// since whoever knows it can speak for a board.
func deviceOf(ctx context.Context, now time.Time, d *vaiven.DeviceInfo) api.Device {
	about := d.Described()
	out := api.Device{
		ID: d.ID, Name: about.Name, Note: about.Note, Groups: about.Groups, Reason: d.Reason, Remote: d.Remote,
		First: moment(d.First), Last: moment(d.Last), LastReading: moment(d.Reading), Readings: d.Readings,
		Values: valuesOf(now, d.Values), States: valuesOf(now, d.States), ReportedRev: d.Rev, Declared: d.Declared,
		FW: d.FW, Refusals: d.Refusals, Gaps: d.Gaps, Filled: d.Filled, Lost: d.Lost,
		Conflicts: d.Conflicts, ConflictAt: moment(d.ConflictAt), Remotes: d.Remotes,
	}
	out.Status, out.Since, out.Until = statusNow(now, d)
	if who(ctx).May(vaiven.MayAdmin) {
		out.Boot = d.Boot
	}
	for _, r := range d.Rejected {
		out.Rejected = append(out.Rejected, api.Rejected{Code: r.Code, Count: r.Count, Text: r.Text, Remote: r.Remote, At: moment(r.At)})
	}
	if d.Session != nil {
		session := sessionOf(d.Session, nil)
		out.Session = &session
	}
	return out
}

func valuesOf(now time.Time, list []vaiven.Latest) []api.Value {
	out := make([]api.Value, 0, len(list))
	for _, l := range list {
		out = append(out, api.Value{Name: l.Name, Value: l.Num, At: moment(l.At), AgeMS: max(now.UnixMilli()-l.At, 0)})
	}
	return out
}

// maxTurn is how long a look at the whole table, or at the log, waits for its turn.
const maxTurn = 5 * time.Second

// acquire waits for a turn; whoever gets it owes a receive.
func acquire(ctx context.Context, turns chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, maxTurn)
	defer cancel()
	select {
	case turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scan calls yield with every device that whoever asks may see, when it is its turn:
// readers without end would otherwise keep the table from what happens to the devices.
func (s *server) scan(ctx context.Context, yield func(*vaiven.DeviceInfo) bool) error {
	if err := acquire(ctx, s.scanning); err != nil {
		return err
	}
	defer func() { <-s.scanning }()
	p := who(ctx)
	s.o.Devices.Each(func(d *vaiven.DeviceInfo) bool { return !p.Sees(d.ID) || yield(d) })
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
	after  *listPosition // where the last page ended
	now    time.Time
}

// listPosition is where a device stands in the order.
type listPosition struct {
	Sort string        `json:"s"` // that it is a position of
	Num  int64         `json:"n,omitempty"`
	Text string        `json:"t,omitempty"`
	ID   vaiven.Device `json:"i"`
}

// page returns the selected devices, in order, how many match in all, and the
// cursor of the next page.
func (s *selection) page(scan func(func(*vaiven.DeviceInfo) bool)) (ids []vaiven.Device, total int, next string) {
	kept := positionHeap{compare: s.compare}
	scan(func(d *vaiven.DeviceInfo) bool {
		status, _, _ := d.Status(s.now.UnixMilli())
		if !s.matches(d, status) {
			return true
		}
		total++
		p := s.position(d, status)
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
	contains := func(text string) bool { return strings.Contains(strings.ToLower(text), s.text) }
	return (s.group == "" || slices.Contains(about.Groups, s.group)) &&
		(s.text == "" || contains(string(d.ID)) || contains(about.Name) || contains(about.Note) || slices.ContainsFunc(about.Groups, contains))
}

// statusRank is the order of status in lists.
var statusRank = map[vaiven.Status]int64{
	vaiven.StatusConnected: 1, vaiven.StatusSilent: 2, vaiven.StatusAsleep: 3, vaiven.StatusDisconnected: 4, vaiven.StatusNever: 5,
}

func (s *selection) position(d *vaiven.DeviceInfo, status vaiven.Status) listPosition {
	p := listPosition{Sort: s.order(), ID: d.ID}
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

// compare orders positions. Those that are equal stand in the order of their ids;
// when the ids themselves are what is sorted by, in either direction.
func (s *selection) compare(a, b listPosition) int {
	c := cmp.Or(cmp.Compare(a.Num, b.Num), strings.Compare(a.Text, b.Text))
	if c == 0 {
		c = strings.Compare(string(a.ID), string(b.ID))
		if s.sort != "id" {
			return c
		}
	}
	if s.desc {
		return -c
	}
	return c
}

// cursor is the position as clients hand it back.
func (p listPosition) cursor() string {
	b, _ := json.Marshal(p) // numbers and strings: cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

var errCursor = errors.New("not a cursor of this list and order")

// parseCursor reads a cursor of the given order.
func parseCursor(cursor, order string) (*listPosition, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	p := &listPosition{}
	if err != nil || json.Unmarshal(b, p) != nil || p.Sort != order {
		return nil, errCursor
	}
	return p, nil
}

// positionHeap has the last position on top.
type positionHeap struct {
	list    []listPosition
	compare func(a, b listPosition) int
}

func (h *positionHeap) Len() int           { return len(h.list) }
func (h *positionHeap) Less(i, j int) bool { return h.compare(h.list[i], h.list[j]) > 0 }
func (h *positionHeap) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *positionHeap) Push(x any)         { h.list = append(h.list, x.(listPosition)) }
func (h *positionHeap) Pop() any {
	last := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	return last
}

// statusNow says whether a device can be heard, since when, and until when it sleeps.
// Times are zero when they are not known.
func statusNow(now time.Time, d *vaiven.DeviceInfo) (s vaiven.Status, since, until time.Time) {
	s, from, to := d.Status(now.UnixMilli())
	return s, moment(from), moment(to)
}

// lastMoment is 9999-12-31: RFC 3339 has no later years, and encoding/json makes
// an error of them.
const lastMoment = int64(253_402_300_799_999)

// moment is a time of the log as the API writes it; the zero time for 0. What
// boards say reaches further than that can be written.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(min(ms, lastMoment)).UTC()
}
