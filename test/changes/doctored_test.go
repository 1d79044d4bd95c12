//go:build suites && linux

package changes

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// ms is a moment of the made-up histories.
func ms(n int64) time.Time { return time.UnixMilli(n) }

// sound is a short history in which all is well: a change confirmed, one by CAS
// refused, one overtaken by a toggle that is confirmed, one expired, one made at
// the board.
func sound() *history {
	at0, at1 := uint64(0), uint64(1)
	on, off := values{"LED": 1}, values{"LED": 0}
	return &history{
		events: []event{
			{ID: "1.0", Kind: "hello", At: ms(100), Device: "101", Boot: "b1", States: off},
			{ID: "2.0", Kind: "change", At: ms(200), Device: "101", Key: "k1", States: on, If: &at0, By: "api"},
			{ID: "3.0", Kind: "change", At: ms(210), Device: "101", Key: "k2", States: off, If: &at0, By: "api"},
			{ID: "4.0", Kind: "sent", At: ms(220), Device: "101", Key: "k1", Rev: 1},
			{ID: "5.0", Kind: "change_end", At: ms(230), Device: "101", Key: "k2", States: off, Outcome: "refused", Reason: "rev", By: "api"},
			{ID: "6.0", Kind: "report", At: ms(250), Device: "101", Boot: "b1", Rev: 1, States: on},
			{ID: "6.1", Kind: "change_end", At: ms(250), Device: "101", Key: "k1", Rev: 1, States: on, Outcome: "confirmed", By: "api"},
			{ID: "7.0", Kind: "change", At: ms(300), Device: "101", Key: "k3", States: on, Deadline: ms(900), If: &at1, By: "api"},
			{ID: "8.0", Kind: "change", At: ms(310), Device: "101", Key: "k4", Toggle: []string{"LED"}, Deadline: ms(800), By: "api"},
			{ID: "9.0", Kind: "change_end", At: ms(320), Device: "101", Key: "k3", Rev: 2, States: on, Outcome: "overtaken", By: "api"},
			{ID: "10.0", Kind: "sent", At: ms(330), Device: "101", Key: "k4", Rev: 3},
			{ID: "11.0", Kind: "report", At: ms(810), Device: "101", Boot: "b1", Rev: 3, States: off},
			{ID: "11.1", Kind: "change_end", At: ms(810), Device: "101", Key: "k4", Rev: 3, States: off, Outcome: "confirmed", By: "api"},
			{ID: "12.0", Kind: "change", At: ms(820), Device: "101", Key: "k5", States: on, Deadline: ms(830), By: "api"},
			{ID: "13.0", Kind: "change_end", At: ms(2830), Device: "101", Key: "k5", Rev: 4, States: on, Outcome: "expired", By: "api"},
			{ID: "14.0", Kind: "report", At: ms(3000), Device: "101", Boot: "b1", States: on},
			{ID: "14.1", Kind: "change", At: ms(3000), Device: "101", Key: "k6", States: on, By: "board"},
			{ID: "14.2", Kind: "change_end", At: ms(3000), Device: "101", Key: "k6", States: on, Outcome: "confirmed", By: "board"},
		},
		asked: []asked{
			{device: "101", key: "k1", states: on, answers: []answer{{202, 1, "asked", on}}},
			{device: "101", key: "k2", states: off, answers: []answer{{status: 412}}},
			{device: "101", key: "k3", states: on, answers: []answer{{202, 2, "sent", on}}},
			{device: "101", key: "k4", toggle: []string{"LED"}, answers: []answer{{200, 3, "confirmed", off}}},
			{device: "101", key: "k5", states: on, answers: []answer{{202, 4, "asked", on}}},
		},
		did: map[string][]did{"101": {
			{at: 90, boot: "b1", what: powered, states: off},
			{at: 240, boot: "b1", what: applied, rev: 1, states: on},
			{at: 240, boot: "b1", what: reported, rev: 1, states: on},
			{at: 800, boot: "b1", what: applied, rev: 3, states: off},
			{at: 801, boot: "b1", what: reported, rev: 3, states: off},
			{at: 900, boot: "b1", what: late, rev: 4, states: on},
			{at: 2990, boot: "b1", what: switched, states: on},
			{at: 2990, boot: "b1", what: reported, states: on},
		}},
		now: map[string]standing{"101": {rev: 5, desired: on, is: on}},
	}
}

func TestSoundHistoryPasses(t *testing.T) {
	count, wrong := sound().check()
	report(t, wrong)
	want := tally{asked: 5, local: 1, confirmed: 2, overtaken: 1, expired: 1, refused: 1, applications: 2, lates: 1, reports: 3}
	if count != want {
		t.Errorf("%+v, want %+v", count, want)
	}
}

// find returns the event with the id.
func (h *history) find(id string) *event {
	return &h.events[slices.IndexFunc(h.events, func(e event) bool { return e.ID == id })]
}

func (h *history) drop(id string) {
	h.events = slices.DeleteFunc(h.events, func(e event) bool { return e.ID == id })
}

// deed is the board's entry i.
func (h *history) deed(i int) *did { return &h.did["101"][i] }

// TestDoctoredHistoriesFail tampers with a sound history in one place at a time:
// each must be seen, and for what it is.
func TestDoctoredHistoriesFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		doctor func(*history)
		want   string
	}{
		{"change is lost", func(h *history) { h.drop("12.0"); h.drop("13.0") }, "not in the log"},
		{"change is there twice", func(h *history) { h.events = append(h.events, *h.find("2.0")) }, "twice"},
		{"change of nobody", func(h *history) { h.asked = h.asked[:4] }, "nobody asked for it"},
		{"change of something else", func(h *history) { h.find("12.0").States = values{"LED": 2} }, "was asked for"},
		{"no end", func(h *history) { h.drop("13.0") }, "has no end"},
		{"two ends", func(h *history) { h.events = append(h.events, *h.find("13.0")) }, "ended expired, and expired before"},
		{"end of nothing", func(h *history) { h.find("9.0").Key = "k9" }, "ended, and nobody asked"},
		{"sent for nothing", func(h *history) { h.find("4.0").Key = "k9" }, "was sent, and nobody asked"},
		{"sent under another REV", func(h *history) { h.find("10.0").Rev = 2 }, "was sent as REV 2"},
		{"a hole in REV", func(h *history) { h.find("13.0").Rev = 5 }, "is REV 4, and ended as REV 5"},
		{"ended as something else", func(h *history) { h.find("13.0").States = values{"LED": 0} }, "and ended as"},
		{"toggle the wrong way", func(h *history) { h.find("11.1").States = values{"LED": 1} }, "and ended as"},
		{"CAS accepted", func(h *history) { e := h.find("5.0"); e.Outcome, e.Reason = "overtaken", "" }, "asked for another REV"},
		{"CAS refused", func(h *history) {
			e := h.find("6.1")
			e.Outcome, e.Reason = "refused", "rev"
		}, "ended refused rev"},
		{"refused for another reason", func(h *history) { h.find("5.0").Reason = "no_up" }, "asked for another REV"},
		{"overtaken by nothing", func(h *history) { h.find("13.0").Outcome = "overtaken" }, "ended overtaken"},
		{"expired too early", func(h *history) { h.find("13.0").At = ms(829) }, "ended expired"},
		{"expired without a deadline", func(h *history) { h.find("6.1").Outcome = "expired" }, "ended expired"},
		{"confirmed without a word", func(h *history) { h.drop("6.0") }, "is called confirmed"},
		{"confirmed by an earlier REV", func(h *history) { h.find("11.0").Rev = 2 }, "is called confirmed"},
		{"confirmed by other values", func(h *history) { h.find("6.0").States = values{"LED": 0} }, "is called confirmed"},
		{"confirmed by another boot", func(h *history) { h.find("6.0").Boot = "b2" }, "is called confirmed"},
		{"confirmed before", func(h *history) { h.find("6.0").At = ms(239) }, "is called confirmed"},
		{"claimed and not done", func(h *history) { h.deed(1).what = late }, "is called confirmed"},
		{"claimed and the opposite done", func(h *history) { h.deed(1).states = values{"LED": 0} }, "is called confirmed"},
		{"done in another life", func(h *history) { h.deed(1).boot = "b0" }, "is called confirmed"},
		{"done and not said", func(h *history) { h.deed(2).what = late }, "is called confirmed"},
		{"done and something else said", func(h *history) { h.deed(2).states = values{"LED": 0} }, "is called confirmed"},
		{"done before it was asked for", func(h *history) { h.deed(1).at = 199 }, "is called confirmed"},
		{"done after the deadline", func(h *history) { h.deed(3).at = 801 }, "1 ms after its deadline"},
		{"done although expired", func(h *history) { h.deed(5).what = applied }, "70 ms after its deadline"},
		{"done and not wanted", func(h *history) { h.deed(1).states = values{"LED": 1, "DIM": 4} }, "which nobody asked for"},
		{"done under a REV to come", func(h *history) { h.deed(3).rev = 7 }, "and there are 5"},
		{"switch that nobody pressed", func(h *history) { h.deed(6).what = late }, "where nobody was"},
		{"switch of which nothing was said", func(h *history) { h.drop("14.0") }, "did not say so"},
		{"accepted, said the API", func(h *history) { h.asked[1].answers[0] = answer{202, 2, "asked", values{"LED": 0}} }, "the API answered 202"},
		{"refused, said the API", func(h *history) { h.asked[0].answers[0].status = 412 }, "the API answered 412"},
		{"another REV, said the API", func(h *history) { h.asked[0].answers[0].rev = 2 }, "the API said REV 2"},
		{"another value, said the API", func(h *history) { h.asked[3].answers[0].states = values{"LED": 1} }, "the API said REV 3"},
		{"confirmed, said the API", func(h *history) {
			h.asked[4].answers[0].status, h.asked[4].answers[0].phase = 200, "confirmed"
		}, "said that it is confirmed"},
		{"two answers that differ", func(h *history) {
			h.asked[0].answers = append(h.asked[0].answers, answer{202, 3, "asked", values{"LED": 1}})
		}, "the API said REV 3"},
		{"still open", func(h *history) { now := h.now["101"]; now.open = 1; h.now["101"] = now }, "1 open changes"},
		{"another REV at the end", func(h *history) { now := h.now["101"]; now.rev = 6; h.now["101"] = now }, "and 6 in the API"},
		{"withdrawn and still wanted", func(h *history) {
			h.drop("14.1")
			h.drop("14.2")
			now := h.now["101"]
			now.rev = 4
			h.now["101"] = now
		}, "by the API"},
		{"left as it should not be", func(h *history) { h.now["101"].is["LED"] = 0 }, "ought to be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := sound()
			h.now["101"] = standing{rev: 5, desired: values{"LED": 1}, is: values{"LED": 1}}
			c.doctor(h)
			_, wrong := h.check()
			if !slices.ContainsFunc(wrong, func(err error) bool { return strings.Contains(err.Error(), c.want) }) {
				t.Errorf("want a complaint with %q, got %v", c.want, wrong)
			}
		})
	}
}
