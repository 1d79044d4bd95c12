package web

import (
	"strings"
	"testing"
)

func TestPathsOfTheAPI(t *testing.T) {
	s := newWorld(t).serve(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/nothing", 404, ""},
		{"GET", "", 404, ""},
		{"GET", "/live/sse", 404, ""}, // none was mounted
		{"GET", "/devices/101/nothing", 404, ""},
		{"POST", "/devices", 405, "GET, HEAD"},
		{"DELETE", "/devices/101/state", 405, "GET, HEAD, PUT"},
		{"PUT", "/devices/101", 405, "DELETE, GET, HEAD, PATCH"},
		{"GET", "/state", 405, "POST"},
		{"OPTIONS", "/devices", 405, "GET, HEAD"},
		{"GET", "/devices/-x", 400, ""},
		{"GET", "/devices/a..b/values", 400, ""},
		{"GET", "/devices/" + strings.Repeat("x", 65), 422, ""},
		{"GET", "/devices?limit=0", 422, ""},
		{"GET", "/devices?limit=1001", 422, ""},
		{"GET", "/devices?limit=many", 422, ""},
		{"GET", "/devices?sort=color", 422, ""},
		{"GET", "/devices?search=x", 422, ""},
		{"GET", "/devices?cursor=x", 422, ""},
		{"GET", "/events?since=yesterday", 422, ""},
		{"GET", "/events?device=-", 422, ""},
		{"GET", "/events?kind=color", 422, ""},
	} {
		p := send(t, s, c.method, prefix+c.path, "").problem(t)
		if p.Status != c.status {
			t.Errorf("%s %s: %+v, want %d", c.method, c.path, p, c.status)
		}
		if a := send(t, s, c.method, prefix+c.path, ""); a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow %q, want %q", c.method, c.path, a.header.Get("Allow"), c.allow)
		}
	}
}

func TestBodiesThatAreWrong(t *testing.T) {
	s := newWorld(t).serve(t)
	for _, c := range []struct {
		method, path, body, media string
		status                    int
	}{
		{"PUT", "/devices/101/state", `{"LED":1`, "", 400},
		{"PUT", "/devices/101/state", `{"LED":1,"LED":0}`, "", 400},
		{"PUT", "/devices/101/state", `{"LED":1,"led":0}`, "", 422},
		{"PUT", "/devices/101/state", ``, "", 400},
		{"PUT", "/devices/101/state", `{}`, "", 422},
		{"PUT", "/devices/101/state", `[1]`, "", 422},
		{"PUT", "/devices/101/state", `{"LED":"on"}`, "", 422},
		{"PUT", "/devices/101/state", `{"LED":null}`, "", 422},
		{"PUT", "/devices/101/state", `{"LED":1e999}`, "", 400},
		{"PUT", "/devices/101/state", `{"LED":1}`, "application/x-www-form-urlencoded", 415},
		{"PUT", "/devices/101/state", `{"LED":` + strings.Repeat(" ", 64<<10) + `1}`, "", 413},
		{"PUT", "/devices/101/state?within=tomorrow", `{"LED":1}`, "", 422},
		{"PUT", "/devices/101/state?within=25h", `{"LED":1}`, "", 422},
		{"PUT", "/devices/101/state?wait=-1s", `{"LED":1}`, "", 422},
		{"POST", "/devices/101/state/toggle", `{"states":[]}`, "", 422},
		{"POST", "/devices/101/state/toggle", `{"states":["LED"],"color":1}`, "", 422},
		{"POST", "/state", `{"devices":["101"]}`, "", 422},
		{"POST", "/state", `{"states":{"LED":1}}`, "", 422},
		{"POST", "/state", `{"devices":["-"],"states":{"LED":1}}`, "", 400},
		{"POST", "/state", `{"devices":["101"],"states":{"LED":1},"wait":"2h"}`, "", 422},
		{"PATCH", "/devices/101", `{"name":1}`, "", 422},
		{"PATCH", "/devices/101", `{"title":"x"}`, "", 422},
		{"PATCH", "/devices/101", `{"name":"a\u0007b"}`, "", 422},
		{"PATCH", "/devices/101", `{"groups":[" "]}`, "", 422},
		{"PATCH", "/devices/101", `{"note":"` + strings.Repeat("ñ", 150) + `"}`, "", 422},
		{"POST", "/readings", ``, "", 400},
		{"POST", "/readings", `{"IDDEVICE":`, "", 400},
		{"POST", "/readings", `x`, "image/png", 415},
		{"POST", "/readings", strings.Repeat(" ", 64<<10+1), "", 413},
	} {
		media := c.media
		if media == "" {
			media = "application/json"
		}
		p := send(t, s, c.method, prefix+c.path, c.body, "Content-Type", media).problem(t)
		if p.Status != c.status || p.Detail == "" || len(p.Error()) > 2000 {
			t.Errorf("%s %s %.60s: %+v, want %d", c.method, c.path, c.body, p, c.status)
		}
	}
}
