package web

import (
	"strings"
	"testing"

	"vaiven"
	"vaiven/internal/web/api"
)

func TestPostedMessages(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	var got api.Posted
	send(t, s, "POST", prefix+"/readings", "\xa1bIDgx", "Content-Type", "application/cbor").into(t, &got)
	send(t, s, "POST", prefix+"/readings", `{"IDDEVICE":7,"TEMP":1}`, "Content-Type", "text/plain; charset=utf-8").into(t, &got)
	if len(w.posted) != 2 || w.posted[0] != "true \xa1bIDgx" || w.posted[1] != `false {"IDDEVICE":7,"TEMP":1}` {
		t.Errorf("%q", w.posted)
	}
	if got.Messages == nil || got.Committed != 1 {
		t.Errorf("%+v", got)
	}
	whole := `{"IDDEVICE":7,"TEMP":1` + strings.Repeat(" ", 64<<10-23) + "}"
	if a := send(t, s, "POST", prefix+"/readings", whole); a.status != 200 || len(whole) != 64<<10 {
		t.Errorf("the longest message, %d bytes: %d %s", len(whole), a.status, a.body)
	}
}

func TestWhatIsNotTaken(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	for code, status := range map[vaiven.Code]int{
		vaiven.CodeNotJSON: 400, vaiven.CodeMissingDevice: 400, vaiven.CodeBadDevice: 400, vaiven.CodeNoValues: 422, vaiven.CodeNotANumber: 422,
		vaiven.CodeOutOfRange: 422, vaiven.CodeBadName: 422, vaiven.CodeBadSeq: 422, vaiven.CodeBadBoot: 409, vaiven.CodeTooManyDevices: 422,
		vaiven.CodeDeviceInUse: 409, vaiven.CodeNotApproved: 403, vaiven.CodeBadToken: 401, vaiven.CodeNotAuthorised: 401, vaiven.CodeTooLarge: 413, vaiven.CodeTooFast: 429, vaiven.CodeBusy: 503,
	} {
		w.err = &vaiven.Error{Code: code, At: -1}
		a := send(t, s, "POST", prefix+"/readings", `{"IDDEVICE":7,"TEMP":1}`)
		if p := a.problem(t); p.Status != status || p.Code != string(code) || (a.header.Get("Retry-After") != "") != (status == 429 || status == 503) {
			t.Errorf("%s: %+v %v", code, p, a.header)
		}
	}
}

func TestLongPollOfABoard(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	if a := send(t, s, "GET", prefix+"/devices/101/desired?rev=6&wait=10s", ""); a.status != 200 || string(a.body) != `{"IDDEVICE":101,"LED":1,"REV":7}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, wait := range []string{"", "&wait=0s", "&wait=20ms"} {
		if a := send(t, s, "GET", prefix+"/devices/101/desired?rev=7"+wait, ""); a.status != 204 || len(a.body) != 0 {
			t.Errorf("%q: %d %s", wait, a.status, a.body)
		}
	}
	w.err = errBroken
	if p := send(t, s, "GET", prefix+"/devices/101/desired", "").problem(t); p.Status != 409 || p.Code != codeNotNow {
		t.Errorf("%+v", p)
	}
	w.err = &vaiven.Error{Code: vaiven.CodeDeviceInUse, At: -1}
	if p := send(t, s, "GET", prefix+"/devices/101/desired", "").problem(t); p.Status != 409 || p.Code != "device_in_use" {
		t.Errorf("%+v", p)
	}
	if p := send(t, s, "GET", prefix+"/devices/101/desired?wait=2m", "").problem(t); p.Status != 422 {
		t.Errorf("%+v", p)
	}
}
