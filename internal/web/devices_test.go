package web

import (
	"strings"
	"sync"
	"testing"

	"vaiven"
	"vaiven/internal/web/api"
)

func TestListOfDevices(t *testing.T) {
	s := newWorld(t).serve(t)
	for _, c := range []struct{ query, want string }{
		{"", "101 102 103"},
		{"?sort=-id", "103 102 101"},
		{"?sort=-readings", "101 102 103"},
		{"?sort=last", "103 102 101"},
		{"?sort=name", "102 103 101"},
		{"?sort=status", "101 102 103"},
		{"?q=WIN", "101"},
		{"?q=lab", "101 102"},
		{"?group=lab&status=asleep", "102"},
		{"?status=disconnected", "103"},
		{"?status=never", ""},
	} {
		var got api.Devices
		send(t, s, "GET", prefix+"/devices"+c.query, "").into(t, &got)
		var ids []string
		for _, d := range got.Devices {
			ids = append(ids, string(d.ID))
		}
		if strings.Join(ids, " ") != c.want || got.Total != len(ids) || got.Next != "" {
			t.Errorf("%s: %v, total %d, next %q", c.query, ids, got.Total, got.Next)
		}
	}
}

func TestPagesOfDevices(t *testing.T) {
	s := newWorld(t).serve(t)
	var ids []string
	for cursor := ""; ; {
		var got api.Devices
		send(t, s, "GET", prefix+"/devices?limit=1&sort=-id&cursor="+cursor, "").into(t, &got)
		ids = append(ids, string(got.Devices[0].ID))
		if got.Total != 3 {
			t.Fatalf("total %d", got.Total)
		}
		if cursor = got.Next; cursor == "" {
			break
		}
	}
	if strings.Join(ids, " ") != "103 102 101" {
		t.Errorf("pages %v", ids)
	}
}

func TestDescribing(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	var got api.Device
	send(t, s, "PATCH", prefix+"/devices/101", `{"note":" by the door "}`).into(t, &got)
	if got.Name != "Window" || got.Note != "by the door" || len(got.Groups) != 1 {
		t.Errorf("name or groups were lost: %+v", got)
	}
	send(t, s, "PATCH", prefix+"/devices/7", `{"name":"new","groups":["b","a","b"]}`).into(t, &got)
	if got.ID != "007" || got.Status != api.Never || strings.Join(got.Groups, "") != "ab" {
		t.Errorf("a device that was not heard: %+v", got)
	}
	send(t, s, "PATCH", prefix+"/devices/101", `{"name":"","groups":[]}`).into(t, &got)
	if d := w.devices["101"].Described(); d.Name != "" || len(d.Groups) != 0 || d.Note == "" {
		t.Errorf("not removed: %+v", d)
	}
	w.err = &vaiven.Error{Code: vaiven.CodeBusy, At: -1}
	a := send(t, s, "PATCH", prefix+"/devices/101", `{"name":"x"}`)
	if p := a.problem(t); p.Status != 503 || p.Code != "busy" || a.header.Get("Retry-After") != "1" || p.RetryMS != 1000 {
		t.Errorf("busy: %+v %v", p, a.header)
	}
	w.err = errBroken
	if p := send(t, s, "PATCH", prefix+"/devices/101", `{"name":"x"}`).problem(t); p.Status != 500 || strings.Contains(p.Error(), "disk") {
		t.Errorf("broken: %+v", p)
	}
}

// TestDescribingAtOnce would lose a field if two descriptions were read and
// written at the same time.
func TestDescribingAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	var wg sync.WaitGroup
	for _, field := range []string{`{"name":"N"}`, `{"note":"n"}`, `{"groups":["g"]}`} {
		wg.Go(func() { send(t, s, "PATCH", prefix+"/devices/102", field) })
	}
	wg.Wait()
	if d := w.devices["102"].Described(); d.Name != "N" || d.Note != "n" || len(d.Groups) != 1 || d.Groups[0] != "g" {
		t.Errorf("%+v", d)
	}
}

func TestForgetting(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	if a := send(t, s, "DELETE", prefix+"/devices/103", ""); a.status != 204 || len(a.body) != 0 || w.devices["103"] != nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	if p := send(t, s, "DELETE", prefix+"/devices/103", "").problem(t); p.Status != 404 || p.Code != codeUnknownDevice {
		t.Errorf("twice: %+v", p)
	}
	if p := send(t, s, "DELETE", prefix+"/devices/101", "").problem(t); p.Status != 409 || p.Code != codeConnected {
		t.Errorf("connected: %+v", p)
	}
}

func TestSessions(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	var got api.Sessions
	send(t, s, "GET", prefix+"/devices/102/sessions", "").into(t, &got)
	if got.Sessions == nil || len(got.Sessions) != 0 {
		t.Errorf("none: %+v", got)
	}
	send(t, s, "GET", prefix+"/sessions?limit=1", "").into(t, &got)
	if len(got.Sessions) != 1 || got.Total != 1 || got.Next != "" || got.Sessions[0].Summary == nil || got.Sessions[0].Summary.Measurements[0].Mean != 24.5 {
		t.Errorf("all: %+v", got)
	}
	if p := send(t, s, "GET", prefix+"/sessions?cursor=e30", "").problem(t); p.Status != 422 {
		t.Errorf("cursor: %+v", p)
	}
}

// TestAServerThatWasGivenNothing answers all the same.
func TestAServerThatWasGivenNothing(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t, func(o *Options) {
		*o = Options{Boards: o.Boards, Ready: func() []string { return []string{"log: full"} }, Sessions: w, Page: o.Page, Access: o.Access}
	})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/devices", "", 200}, {"GET", "/devices/101", "", 404}, {"GET", "/events", "", 200}, {"GET", "/readings.csv", "", 404},
		{"GET", "/server", "", 200}, {"GET", "/sessions", "", 200}, {"PATCH", "/devices/101", `{"name":"x"}`, 404},
		{"POST", "/state", `{"devices":["101"],"states":{"LED":1}}`, 200}, {"POST", "/readings", `{}`, 404}, {"GET", "/devices/101/desired", "", 404},
	} {
		if a := send(t, s, c.method, prefix+c.path, c.body); a.status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, a.status, a.body, c.status)
		}
	}
	var got api.Server
	send(t, s, "GET", prefix+"/server", "").into(t, &got)
	if got.Ready || len(got.Problems) != 1 || got.LastEvent != "" {
		t.Errorf("%+v", got)
	}
}
