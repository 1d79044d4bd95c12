package event

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

var all = []string{ParamAfter, ParamBefore, ParamSince, ParamUntil, ParamLimit, ParamWait, ParamDevice, ParamKind, ParamOrder}

func TestParseQuery(t *testing.T) {
	for text, want := range map[string]Query{
		"":                              {FromNow: true, Wait: -1},
		"after=":                        {FromNow: true, Wait: -1},
		"after=0":                       {Wait: -1},
		"since=&limit=&wait=&device=":   {FromNow: true, Wait: -1},
		"order=desc":                    {FromNow: true, Wait: -1, Descending: true},
		"order=asc":                     {FromNow: true, Wait: -1},
		"after=begin&limit=5000":        {Wait: -1, Limit: 5000},
		"after=12.3&before=15.0&wait=0": {After: vaiven.ID{Record: 12, Index: 3}, Before: vaiven.ID{Record: 15}},
		"wait=2":                        {FromNow: true, Wait: 2 * time.Second},
		"wait=1m":                       {FromNow: true, Wait: time.Minute},
		"since=1970-01-01T00:00:00Z&until=2026-11-22T05:00:00.5-05:00": {FromNow: true, Wait: -1, Since: 1, Until: 1795341600500},
		"device=7,%20101&device=a,&kind=state,gap": {FromNow: true, Wait: -1, Filter: Filter{
			Devices: map[vaiven.Device]bool{"007": true, "101": true, "a": true}, Kinds: vaiven.KindsNamed("state") | vaiven.KindsNamed("gap"),
		}},
	} {
		got, err := ParseQuery(text, "", all, vaiven.English)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", text, err, d)
		}
	}
	for text, want := range map[string]string{
		"after=yesterday":     "after: want the id of an event, as 12.0, or 0, or begin",
		"before=0":            "before: want the id of an event, as 12.0",
		"since=noon":          "since: want a time as 2026-11-22T14:03:00Z",
		"order=newest":        "order: want one of asc, desc",
		"limit=0":             "limit: want a number from 1 to 5000",
		"limit=5001":          "limit: want a number from 1 to 5000",
		"wait=61":             "wait: want a time as 30s, 60s at most",
		"wait=-1s":            "wait: want a time as 30s, 60s at most",
		"device=a..b":         `device: "a..b" cannot be a device's id`,
		"kind=state,moonrise": "kind: there are: reading, refusal, gap, rejected, session_start, session_end, presence, report, hello, conflict, log_start, change, sent, change_end, described, forgotten, admitted, granted, verified, revoked, opened, denied, state, session, access",
		"wait=61&limit=0":     "limit: want a number from 1 to 5000",
		"after=%zz":           "?: the part behind ? of the address is not right",
		"ofter=0":             "ofter: there is no such thing; there are: after, before, since, until, limit, wait, device, kind, order",
	} {
		if _, err := ParseQuery(text, "", all, vaiven.English); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestWhereToResumeCountsMoreThanAfter(t *testing.T) {
	if q, err := ParseQuery("after=0", "12.3", all, vaiven.English); err != nil || q.After != (vaiven.ID{Record: 12, Index: 3}) {
		t.Errorf("%+v, %v", q, err)
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("after=12.3&device=101,7&kind=state&limit=5&wait=30s&since=2026-11-22T14:03:00Z")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			q, err := ParseQuery(text, "", all, l)
			if err == nil && (q.Limit < 0 || q.Limit > MaxLimit || q.Wait > MaxWait || len(q.Devices) > maxDevices) {
				t.Errorf("%q is beyond its bounds: %+v", text, q)
			}
		}
	})
}
