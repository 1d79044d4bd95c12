package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/web/api"
)

func TestHowAChangeIsAsked(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	w.devices["101"].Declared = []string{"RELAY", "DIM"}
	path := prefix + "/devices/101/state"
	a := send(t, s, "PUT", path+"?within=5s", `{"led":true,"DIM":0.5}`, "If-Match", `"6"`, "Idempotency-Key", "00D1C0FFEE5EED42")
	var c api.Change
	a.into(t, &c)
	want := vaiven.ChangeRequest{
		Device: "101", States: []vaiven.Value{{Name: "DIM", Num: 0.5}, {Name: "LED", Num: 1}}, By: "api 127.0.0.1",
		Within: 5 * time.Second, HasIf: true, If: 6, Key: "00d1c0ffee5eed42",
	}
	if got := w.asks[0]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked %+v\nwant  %+v", got, want)
	}
	if a.status != 200 || a.header.Get("ETag") != `"7"` || !c.Done() || c.Phase != api.PhaseConfirmed || *c.TookMS != 12 || c.States["DIM"] != 0.5 {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	for _, match := range []string{`7`, `"7"`, `*`} {
		if a := send(t, s, "PUT", path, `{"RELAY":0}`, "If-Match", match); a.status != 200 {
			t.Errorf("If-Match %s: %d %s", match, a.status, a.body)
		}
		w.twins["101"].Rev = 7
	}
	for _, match := range []string{`W/"7"`, `"6","7"`, `x`} {
		if p := send(t, s, "PUT", path, `{"RELAY":0}`, "If-Match", match).problem(t); p.Status != 422 || p.Errors[0].Location != "header.If-Match" {
			t.Errorf("If-Match %s: %+v", match, p)
		}
	}
	if p := send(t, s, "PUT", path, `{"RELAY":0}`, "Idempotency-Key", "x").problem(t); p.Errors[0].Location != "header.Idempotency-Key" {
		t.Errorf("key: %+v", p)
	}
}

func TestSomebodyWasQuicker(t *testing.T) {
	a := send(t, newWorld(t).serve(t), "PUT", prefix+"/devices/101/state", `{"LED":0}`, "If-Match", `"5"`)
	if p := a.problem(t); p.Status != 412 || p.Code != "rev" || p.Rev == nil || *p.Rev != 6 || a.header.Get("ETag") != `"6"` {
		t.Errorf("%+v %v", p, a.header)
	}
}

func TestWaitingForTheEnd(t *testing.T) {
	for _, c := range []struct {
		outcome vaiven.Outcome
		reason  string
	}{{vaiven.Confirmed, ""}, {vaiven.Expired, ""}, {vaiven.Refused, vaiven.RefusedNoUp}, {vaiven.Overtaken, ""}} {
		w := newWorld(t)
		w.ends <- vaiven.ChangeEnd{Stamp: vaiven.Stamp{At: noon.UnixMilli() + 900}, Rev: 1, Outcome: c.outcome, Reason: c.reason, Asked: noon.UnixMilli()}
		a := send(t, w.serve(t), "POST", prefix+"/devices/102/state/toggle?wait=10s", `{"states":["LED"]}`)
		var got api.Change
		a.into(t, &got)
		if a.status != 200 || string(got.Phase) != string(c.outcome) || got.Reason != c.reason || *got.TookMS != 900 || got.States["LED"] != 1 {
			t.Errorf("%s: %d %s", c.outcome, a.status, a.body)
		}
	}
}

func TestTheWaitIsOver(t *testing.T) {
	w := newWorld(t)
	a := send(t, w.serve(t), "PUT", prefix+"/devices/102/state?wait=20ms", `{"LED":1}`)
	var got api.Change
	a.into(t, &got)
	if a.status != 202 || got.Phase != api.PhaseAsked || got.Status != api.Asleep || got.Done() || a.header.Get("ETag") != `"1"` {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.twins["102"].Open[0].Sent = noon.UnixMilli()
	var state api.State
	send(t, w.serve(t), "GET", prefix+"/devices/102/state", "").into(t, &state)
	if len(state.Open) != 1 || state.Open[0].Phase != api.PhaseSent || state.Open[0].Sent.IsZero() || state.Rev != 1 {
		t.Errorf("%+v", state)
	}
}

// A board that sends readings alone confirms nothing: nobody waits for that, and the
// answer says so. The first change that such a board answers is confirmed all the
// same.
func TestNobodyWaitsForABoardThatNeverReports(t *testing.T) {
	w := newWorld(t)
	w.devices["102"].Greeted = false
	s := w.serve(t)
	a := send(t, s, "PUT", prefix+"/devices/102/state?wait=60s", `{"LED":1}`)
	var got api.Change
	a.into(t, &got)
	if a.status != 202 || !got.NoReport {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.ends <- vaiven.ChangeEnd{Stamp: vaiven.Stamp{At: noon.UnixMilli() + 900}, Rev: 1, Outcome: vaiven.Confirmed, Asked: noon.UnixMilli()}
	send(t, s, "PUT", prefix+"/devices/102/state?wait=60s", `{"LED":1}`).into(t, &got)
	if got.Phase != api.PhaseConfirmed {
		t.Errorf("%+v", got)
	}
	for name, reports := range map[string]func(){
		"HELLO": func() { w.devices["102"].Greeted = true },
		"BOOT":  func() { w.devices["102"].Greeted, w.devices["102"].Boot = false, "9f3c02aa" },
		"REV":   func() { w.devices["102"].Boot = ""; w.twins["102"].Reports = true },
	} {
		reports()
		got = api.Change{}
		if send(t, s, "PUT", prefix+"/devices/102/state?wait=10ms", `{"LED":1}`).into(t, &got); got.NoReport {
			t.Errorf("it has said %s, and is said not to report", name)
		}
		w.devices["102"].Greeted, w.devices["102"].Boot, w.twins["102"].Reports = false, "", false
	}
}

// TestNoRoomToWait answers at once when too many wait.
func TestNoRoomToWait(t *testing.T) {
	s := newServer(filled(newWorld(t).options()))
	for range maxWaiting {
		s.waiting <- struct{}{}
	}
	if _, ok := s.awaitEnd(t.Context(), time.Now().Add(time.Hour), "102", "x"); ok {
		t.Error("it waited")
	}
}

func TestChangesThatCannotBe(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	if p := send(t, s, "PUT", prefix+"/devices/999/state", `{"LED":1}`).problem(t); p.Status != 404 || p.Code != codeUnknownDevice {
		t.Errorf("unknown device: %+v", p)
	}
	p := send(t, s, "POST", prefix+"/devices/101/state/toggle", `{"states":["LAMP"]}`).problem(t)
	if p.Status != 422 || p.Code != codeUnknownState || strings.Join(p.States, " ") != "LED" || !strings.Contains(p.Hint, "LED") {
		t.Errorf("unknown state: %+v", p)
	}
	w.err = &vaiven.Error{Code: vaiven.CodeBusy, At: -1, Retry: 2500 * time.Millisecond}
	a := send(t, s, "PUT", prefix+"/devices/101/state", `{"LED":1}`)
	if p := a.problem(t); p.Status != 503 || a.header.Get("Retry-After") != "3" || p.RetryMS != 2500 {
		t.Errorf("busy: %+v", p)
	}
	if len(w.asks) != 1 {
		t.Errorf("asked %v", w.asks)
	}
	many := `{"A":1`
	for i := range 16 {
		many += fmt.Sprintf(`,"B%d":1`, i)
	}
	if p := send(t, s, "PUT", prefix+"/devices/101/state", many+"}").problem(t); p.Status != 422 {
		t.Errorf("17 states: %+v", p)
	}
}

func TestSeveralDevices(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	w.devices["101"].Declared = []string{"RELAY"}
	var got api.Outcomes
	body := `{"devices":["103","101","7","103"],"groups":["lab","none"],"states":{"RELAY":1},"wait":"20ms"}`
	send(t, s, "POST", prefix+"/state", body, "Idempotency-Key", "00d1c0ffee5eed42").into(t, &got)
	var said []string
	for _, o := range got.Outcomes {
		word := ""
		if o.Error != nil {
			word = o.Error.Code
		} else {
			word = string(o.Change.Phase)
		}
		said = append(said, fmt.Sprintf("%s %d %s", o.Device, o.Status, word))
	}
	want := "103 422 unknown_state, 101 200 confirmed, 007 404 unknown_device, 102 422 unknown_state"
	if strings.Join(said, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(said, ", "), want)
	}
	if len(w.asks) != 1 || w.asks[0].Key != "00d1c0ffee5eed42" || w.asks[0].Device != "101" {
		t.Errorf("asked %+v", w.asks)
	}
	w.err = &vaiven.Error{Code: vaiven.CodeBusy, At: -1}
	send(t, s, "POST", prefix+"/state", `{"groups":["lab"],"toggle":["LED"]}`).into(t, &got)
	if len(got.Outcomes) != 2 || got.Outcomes[1].Status != 503 || got.Outcomes[1].Error.Code != "busy" {
		t.Errorf("busy: %+v", got)
	}
	if p := send(t, s, "POST", prefix+"/state", `{"groups":["none"],"toggle":["LED"]}`).problem(t); p.Status != 422 {
		t.Errorf("an empty group: %+v", p)
	}
	for i := range maxTargets + 1 {
		id := vaiven.Device(fmt.Sprintf("b%d", i))
		w.devices[id] = &vaiven.DeviceInfo{ID: id, About: &vaiven.About{Groups: []string{"all"}}}
	}
	if p := send(t, s, "POST", prefix+"/state", `{"groups":["all"],"toggle":["LED"]}`).problem(t); p.Status != 413 {
		t.Errorf("too many: %+v", p)
	}
}
