package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"vaiven"
)

// Query selects devices. The zero value is the first page of all of them.
type Query struct {
	Text   string // somewhere in id, name, note or groups
	Status Status
	Group  string
	Sort   string // id, name, last, readings, status; with - the other way round
	Limit  int    // devices on a page, 0: as the server likes
	Cursor string // Next of the page before
}

// Devices returns a page of devices.
func (c *Client) Devices(ctx context.Context, q Query) (*Devices, error) {
	v := url.Values{}
	setText(v, "q", q.Text)
	setText(v, "status", string(q.Status))
	setText(v, "group", q.Group)
	setText(v, "sort", q.Sort)
	setText(v, "cursor", q.Cursor)
	setInt(v, "limit", q.Limit)
	return get[Devices](ctx, c, "devices", v)
}

// AllDevices returns every device that q selects, page by page.
func (c *Client) AllDevices(ctx context.Context, q Query) ([]Device, error) {
	var all []Device
	if q.Limit == 0 {
		q.Limit = 1000
	}
	for {
		page, err := c.Devices(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Devices...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all, nil
		}
	}
}

// Device returns all that is known of a device.
func (c *Client) Device(ctx context.Context, d vaiven.Device) (*Device, error) {
	return get[Device](ctx, c, devicePath(d, ""), nil)
}

// Values returns a device's latest values.
func (c *Client) Values(ctx context.Context, d vaiven.Device) (*Values, error) {
	return get[Values](ctx, c, devicePath(d, "values"), nil)
}

// Describe names a device; what is nil stays as it is.
func (c *Client) Describe(ctx context.Context, d vaiven.Device, words Description) (*Device, error) {
	out := &Device{}
	_, err := c.do(ctx, call{method: http.MethodPatch, path: devicePath(d, ""), body: words}, out)
	return orNil(out, err)
}

// Forget removes a device from every table.
func (c *Client) Forget(ctx context.Context, d vaiven.Device) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: devicePath(d, "")}, nil)
	return err
}

// Terms are how a change of state is asked for. The zero value has no
// conditions, and does not wait for the end.
type Terms struct {
	Within time.Duration // not to be applied later than this from now; 0: no deadline
	Wait   time.Duration // for the end of the change
	HasIf  bool          // only if the device's REV is If
	If     uint64
	Key    vaiven.Key // the same key again is the same change; "": another change
}

func (t *Terms) call(method, path string, body any) call {
	k := call{method: method, path: path, body: body, query: url.Values{}, header: http.Header{}, within: t.Wait}
	setTime(k.query, "within", t.Within)
	setTime(k.query, "wait", t.Wait)
	if t.HasIf {
		k.header.Set("If-Match", `"`+strconv.FormatUint(t.If, 10)+`"`)
	}
	if t.Key != "" {
		k.header.Set("Idempotency-Key", string(t.Key))
	}
	return k
}

// Set asks for states of a device. The Change says whether it has ended.
func (c *Client) Set(ctx context.Context, d vaiven.Device, states States, t Terms) (*Change, error) {
	out := &Change{}
	_, err := c.do(ctx, t.call(http.MethodPut, devicePath(d, "state"), states), out)
	return orNil(out, err)
}

// Toggle asks for states to be turned over.
func (c *Client) Toggle(ctx context.Context, d vaiven.Device, states []string, t Terms) (*Change, error) {
	out := &Change{}
	_, err := c.do(ctx, t.call(http.MethodPost, devicePath(d, "state/toggle"), Toggle{States: states}), out)
	return orNil(out, err)
}

// SetMany asks several devices, and says what became of each. key may be "".
func (c *Client) SetMany(ctx context.Context, many ManyStates, key vaiven.Key) ([]Outcome, error) {
	t := Terms{Key: key}
	k := t.call(http.MethodPost, "state", many)
	k.within, _ = time.ParseDuration(many.Wait) // one that is wrong the server refuses
	out := &Outcomes{}
	_, err := c.do(ctx, k, out)
	return out.Outcomes, err
}

// State returns what a device's states ought to be, and are.
func (c *Client) State(ctx context.Context, d vaiven.Device) (*State, error) {
	return get[State](ctx, c, devicePath(d, "state"), nil)
}

// Filter selects events. The zero value passes all.
type Filter struct {
	Devices []vaiven.Device
	Kinds   []string // see vaiven.KindNames; "state" and "session" are groups of them
}

func (f *Filter) values() url.Values {
	v := url.Values{}
	for _, d := range f.Devices {
		v.Add("device", string(d))
	}
	for _, k := range f.Kinds {
		v.Add("kind", k)
	}
	return v
}

// Stretch bounds a part of the log. The zero value is all of it.
type Stretch struct {
	After, Before string // ids, both excluded
	Since, Until  time.Time
	Limit         int  // events, 0: as the server likes
	Newest        bool // first; then Before: Next brings the rest
}

// Events returns events of the log. While More is true, After: Next brings the
// rest.
func (c *Client) Events(ctx context.Context, f Filter, s Stretch) (*Events, error) {
	v := f.values()
	setText(v, "after", s.After)
	setText(v, "before", s.Before)
	if !s.Since.IsZero() {
		v.Set("since", s.Since.Format(time.RFC3339Nano))
	}
	if !s.Until.IsZero() {
		v.Set("until", s.Until.Format(time.RFC3339Nano))
	}
	setInt(v, "limit", s.Limit)
	if s.Newest {
		v.Set("order", "desc")
	}
	return get[Events](ctx, c, "events", v)
}

// Sessions returns a page of the devices' last sessions; cursor is "" for the
// first.
func (c *Client) Sessions(ctx context.Context, cursor string) (*Sessions, error) {
	v := url.Values{}
	setText(v, "cursor", cursor)
	return get[Sessions](ctx, c, "sessions", v)
}

// Session returns a device's last session, nil when it has none.
func (c *Client) Session(ctx context.Context, d vaiven.Device) (*Session, error) {
	list, err := get[Sessions](ctx, c, devicePath(d, "sessions"), nil)
	if err != nil || len(list.Sessions) == 0 {
		return nil, err
	}
	return &list.Sessions[0], nil
}

// NewSession lets a board that has finished start again.
func (c *Client) NewSession(ctx context.Context, d vaiven.Device) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: devicePath(d, "sessions")}, nil)
	return err
}

// Server returns what the server says of itself.
func (c *Client) Server(ctx context.Context) (*Server, error) {
	return get[Server](ctx, c, "server", nil)
}

// CSVFiles returns a page of the CSV files that the server keeps; cursor is "" for the
// first.
func (c *Client) CSVFiles(ctx context.Context, cursor string) (*CSVFiles, error) {
	v := url.Values{}
	setText(v, "cursor", cursor)
	return get[CSVFiles](ctx, c, "csv", v)
}

// CSV writes one of the server's CSV files to w, "" the one that it is writing, from the
// byte on that is given, and returns how many bytes that were. 0 of them is no error:
// nothing is new.
func (c *Client) CSV(ctx context.Context, name string, from int64, w io.Writer) (int64, error) {
	k := call{method: http.MethodGet, path: "readings.csv", header: http.Header{}}
	if name != "" {
		k.path = "csv/" + url.PathEscape(name)
	}
	if from > 0 {
		k.header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	resp, err := c.send(ctx, k)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && resp.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", from):
		return 0, nil
	case resp.StatusCode >= 300:
		return 0, problemOf(resp)
	case from > 0 && resp.StatusCode != http.StatusPartialContent:
		return 0, fmt.Errorf("%s: the server sends the whole file only", resp.Request.URL)
	}
	return io.Copy(w, resp.Body)
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	out := new(T)
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, out)
	return orNil(out, err)
}

func orNil[T any](v *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Backup asks for a backup of the server, which the caller reads and closes. It can
// be cut off: only its reader knows whether it is whole.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	resp, err := c.send(ctx, call{method: http.MethodGet, path: "backup"})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, problemOf(resp)
	}
	return resp.Body, nil
}

// devicePath is the path of a device.
func devicePath(d vaiven.Device, rest string) string {
	path := "devices/" + url.PathEscape(string(d))
	if rest == "" {
		return path
	}
	return path + "/" + rest
}

func setText(v url.Values, name, text string) {
	if text != "" {
		v.Set(name, text)
	}
}

func setInt(v url.Values, name string, n int) {
	if n != 0 {
		v.Set(name, strconv.Itoa(n))
	}
}

func setTime(v url.Values, name string, d time.Duration) {
	if d != 0 {
		v.Set(name, d.String())
	}
}
