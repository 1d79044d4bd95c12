package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/wire"
)

func TestRejectedIsRecordedOnceAndCounted(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	for range 50 {
		b.send(`hola`)
	}
	b.send(reading, 1, 20)
	r.until("the good one", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	if got := events[*vaiven.Rejected](r.m); len(got) != 1 || got[0].Code != vaiven.CodeNotJSON {
		t.Errorf("recorded %v", got)
	}
	r.later(time.Hour)
	if got := events[*vaiven.Rejected](r.m); len(got) != 2 || got[1].Count != 49 {
		t.Errorf("summary %+v", got)
	}
	if want := map[vaiven.Code]uint64{vaiven.CodeNotJSON: 50}; !maps.Equal(r.g.Stats().Rejected(), want) {
		t.Errorf("counted %v", r.g.Stats().Rejected())
	}
}

func TestFloodUnderEverNewNamesDoesNotFillTheLog(t *testing.T) {
	r := start(t, Limit{})
	begin := time.Now()
	const flood = 3 * maxRejects
	for i := range flood {
		e := &vaiven.Error{Code: vaiven.CodeBadSeq, Device: vaiven.Device(fmt.Sprintf("x%d", i)), At: -1}
		key := rejectKey{device: e.Device, code: e.Code}
		if x, _ := r.g.rejects.count(key, nil, e, netip.AddrPort{}, r.g.uptime()); x != nil {
			r.g.recordRejected(t.Context(), key, x)
		}
	}
	most := recordBurst + recordRate*int(time.Since(begin).Seconds()+1)
	if got := len(events[*vaiven.Rejected](r.m)); got == 0 || got > most {
		t.Errorf("%d records of %d refusals, want 1 to %d", got, flood, most)
	}
	r.g.recordSummaries(t.Context(), r.g.uptime(), 0)
	var total uint64
	for _, e := range events[*vaiven.Rejected](r.m) {
		total += e.Count
	}
	if total != flood {
		t.Errorf("%d refusals counted, want %d", total, flood)
	}
	r.g.recordSummaries(t.Context(), r.g.uptime(), 0)
	if got := len(r.g.rejects.entries); got != 0 {
		t.Errorf("%d kinds are still counted", got)
	}
}

func TestEveryDeviceOfAConcentratorHearsThatTheLogIsBusy(t *testing.T) {
	const devices = 100
	r := start(t, Limit{})
	b := r.dial()
	message := func(seq int) string {
		var all []string
		for d := range devices {
			all = append(all, fmt.Sprintf(`{"IDDEVICE":%d,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":1}`, d, seq))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	b.send("%s", message(1))
	for range devices {
		b.want("ACK")
	}
	r.m.set(func() { r.m.busy = true })
	b.send("%s", message(2))
	for range devices {
		if m := b.want("CODE"); m["CODE"] != "busy" || m["SEQ"] != 2.0 {
			t.Fatalf("want busy, got %v", m)
		}
	}
	r.m.set(func() { r.m.busy = false })
}

func TestMessageOfInvalidItemsIsAnsweredBriefly(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send("[%s{}]", strings.Repeat("{},", 20_000))
	b.send(reading, 1, 20)
	b.wantAckAmongErrors(1)
	if got := r.g.Stats().Rejected()[vaiven.CodeMissingDevice]; got != 20_001 {
		t.Errorf("%d counted", got)
	}
}

func TestFaultsAreToldOncePerAddressAndKindAndAgainAfterAWhile(t *testing.T) {
	r := start(t, Limit{})
	fault := func(addr, reason string) {
		r.g.Refused(netip.MustParseAddrPort(addr), &vaiven.Error{Code: vaiven.CodeBadHandshake, Reason: reason, At: -1})
	}
	for port := range 20 {
		fault(fmt.Sprintf("192.0.2.1:%d", port+1), vaiven.FaultKey)
	}
	fault("192.0.2.1:1", vaiven.FaultVersion)
	fault("192.0.2.2:1", vaiven.FaultKey)
	if got := events[*vaiven.Rejected](r.m); len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
	r.later(rejectEvery)
	got := events[*vaiven.Rejected](r.m)
	if len(got) != 4 || got[3].Count != 19 || got[3].Device != "" || got[3].Code != vaiven.CodeBadHandshake {
		t.Errorf("after its window %+v", got)
	}
}

// errorsUntilAck are what a board is told before the acknowledgement of n.
func (b *board) errorsUntilAck(n int) (all []map[string]any) {
	b.r.t.Helper()
	for m := b.want(""); m["ACK"] != float64(n); m = b.want("") {
		if m["CODE"] != nil {
			all = append(all, m)
		}
	}
	return all
}

// mostErrors is how many errors a device may have been sent since then, and one
// that says that no more come.
func mostErrors(since time.Time) int { return deviceErrors + 1 + int(time.Since(since)/errorEvery) }

func TestABoardThatAnswersEveryErrorWithTheSameMessage(t *testing.T) {
	for lang, want := range map[vaiven.Lang]string{vaiven.English: "seldom answered", vaiven.Spanish: "rara vez se contestan"} {
		for what, bad := range map[string]string{
			"refused for good": `{"IDDEVICE":101,"TEMP":"hot"}`,
			"no id":            `{"TEMP":1}`,
			"not parsed":       `hola`,
		} {
			t.Run(what+" "+string(lang), func(t *testing.T) {
				r := start(t, Limit{}, func(o *Options) { o.Lang = lang })
				begin := time.Now()
				b := r.dial()
				told := 0
				for range deviceErrors - 1 { // as long as it is answered
					b.send("%s", bad)
					b.want("ERROR")
				}
				for range 200 {
					b.send("%s", bad)
				}
				b.send(reading, 1, 20)
				all := b.errorsUntilAck(1)
				for _, m := range all {
					if m["CODE"] == "too_fast" && m["RETRY"] != nil && strings.Contains(m["ERROR"].(string), want) {
						told++
					}
				}
				if n := deviceErrors - 1 + len(all); n > mostErrors(begin) || told != 1 {
					t.Errorf("answered %d times, told %d times that no more comes: %v", n, told, all)
				}
				r.until("the terminal is told", func() bool { return r.noticed(want) == 1 })
				if n := r.g.Stats().Rejected(); n[vaiven.CodeTooFast] != 0 || len(n) != 1 {
					t.Errorf("counted %v", n)
				}
			})
		}
	}
}

// noticed counts the notices that hold a text.
func (r *rig) noticed(text string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.notices {
		if strings.Contains(x.Text, text) {
			n++
		}
	}
	return n
}

func TestABoardThatDoesNotWaitBeforeItComesAgain(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(`{"IDDEVICE":101,"TEMP":20}`)
	r.until("the first", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	begin := time.Now()
	b := r.dial()
	for range 200 {
		b.send(`{"IDDEVICE":101,"TEMP":30}`)
	}
	b.send(`{"IDDEVICE":102,"BOOT":"9f3c02aa","SEQ":1,"TEMP":30}`)
	if all := b.errorsUntilAck(1); len(all) < deviceErrors || len(all) > mostErrors(begin) {
		t.Errorf("answered %d times", len(all))
	}
}

func TestEveryDeviceOfAConcentratorHearsWhatIsWrong(t *testing.T) {
	const devices = 256
	r := start(t, Limit{})
	b := r.dial()
	all := func(element string) string {
		var list []string
		for d := range devices {
			list = append(list, fmt.Sprintf(element, d))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	b.send("%s", all(`{"HELLO":1,"IDDEVICE":%d,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1}`))
	for range devices {
		b.want("WELCOME")
	}
	b.send("%s", all(`{"IDDEVICE":%d,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`))
	for range devices {
		b.want("ACK")
	}
	b.send("%s", all(`{"IDDEVICE":%d,"TEMP":"hot"}`))
	heard := map[any]bool{}
	for range devices {
		heard[b.want("CODE")["IDDEVICE"]] = true
	}
	if len(heard) != devices {
		t.Errorf("%d devices heard what is wrong", len(heard))
	}
	begin := time.Now()
	for range 100 { // and one too many
		b.send(`{"IDDEVICE":"one-too-many","TEMP":20}`)
	}
	b.send(`{"IDDEVICE":1,"BOOT":"9f3c02aa","SEQ":2,"TEMP":20}`)
	said := b.errorsUntilAck(2)
	for _, m := range said {
		if m["CODE"] != "too_many_devices" && m["CODE"] != "too_fast" {
			t.Errorf("told %v", m)
		}
	}
	if len(said) == 0 || len(said) > mostErrors(begin) {
		t.Errorf("answered %d times", len(said))
	}
}

func TestErrorsOfEverNewDevicesAreBounded(t *testing.T) {
	var b errorBudget
	now, answered := time.Now(), 0
	for i := range 100_000 {
		e := &vaiven.Error{Code: vaiven.CodeDeviceInUse, Device: vaiven.Device(fmt.Sprintf("x%d", i)), At: -1}
		if ok, _ := b.allowError(e, now.Add(time.Duration(i)*time.Millisecond), 0, 256); ok {
			answered++
		}
	}
	if len(b.devices) > 257 || answered > 256+deviceErrors+20 {
		t.Errorf("%d devices are remembered, %d answers", len(b.devices), answered)
	}
}

func TestErrorsAreAnsweredAgainAfterQuiet(t *testing.T) {
	var b errorBudget
	now, told := time.Now(), 0
	flood := func() (answered int) {
		for range 100 {
			ok, last := b.allowError(&vaiven.Error{Code: vaiven.CodeNoValues, Device: "101", At: -1}, now, 100, 256)
			if ok {
				answered++
			}
			if last {
				told++
			}
		}
		return answered
	}
	if n := flood(); n != deviceErrors || told != 1 {
		t.Errorf("%d answers, told %d times", n, told)
	}
	now = now.Add(errorEvery)
	if n := flood(); n != 1 || told != 1 {
		t.Errorf("after a while %d answers, told %d times", n, told)
	}
	now = now.Add((deviceErrors + 1) * errorEvery)
	if n := flood(); n != deviceErrors || told != 2 {
		t.Errorf("after quiet %d answers, told %d times", n, told)
	}
	for seq := range uint64(100) { // what settles a SEQ does not come again
		e := &vaiven.Error{Code: vaiven.CodeOutOfRange, Device: "101", Seq: seq + 1, At: -1}
		if ok, _ := b.allowError(e, now.Add(time.Second), 200, 256); !ok {
			t.Errorf("SEQ %d is refused without a word", seq+1)
		}
	}
}

// TestOneMessageWithVeryManyReadingsOfOneBoard: without SEQ nothing tells them from
// repetitions; two alike are two readings, and too many are refused.
func TestOneMessageWithVeryManyReadingsOfOneBoard(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	one := `{"IDDEVICE":101,"TEMP":1}`
	b.send("[%s,%s]", one, one)
	r.until("two", func() bool { return len(events[*vaiven.Reading](r.m)) == 2 })
	b.send("[%s{\"IDDEVICE\":102,\"TEMP\":1}]", strings.Repeat(one+",", maxUnnumbered+500))
	b.send(`{"IDDEVICE":103,"BOOT":"9f3c02aa","SEQ":1,"TEMP":30}`)
	said := b.errorsUntilAck(1)
	if len(said) != 1 || said[0]["CODE"] != "too_large" {
		t.Errorf("told %v", said)
	}
	if got, want := len(events[*vaiven.Reading](r.m)), 2+maxUnnumbered+2; got != want {
		t.Errorf("%d readings stored, want %d", got, want)
	}
	if got := r.g.Stats().Rejected()[vaiven.CodeTooLarge]; got != 500 {
		t.Errorf("%d counted, want 500", got)
	}
	var numbered []string
	for seq := range 1200 {
		numbered = append(numbered, fmt.Sprintf(`{"IDDEVICE":104,"BOOT":"9f3c02aa","SEQ":%d,"T":1}`, seq+1))
	}
	b.send("[%s]", strings.Join(numbered, ",")) // as many as fit
	b.wantAck(1200)
}

// TestHandshakeIsRefusedInTheServersLanguage: whoever opens no WebSocket is told why
// in the words that the terminal has for it, and with the headers that RFC 6455 asks
// for.
func TestHandshakeIsRefusedInTheServersLanguage(t *testing.T) {
	for _, lang := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		r := start(t, Limit{}, func(o *Options) { o.Lang = lang })
		for _, c := range []struct {
			fault, method, header, value string
			status                       int
		}{
			{vaiven.FaultUpgrade, "GET", "Upgrade", "h2c", http.StatusUpgradeRequired},
			{vaiven.FaultVersion, "GET", "Sec-WebSocket-Version", "8", http.StatusUpgradeRequired},
			{vaiven.FaultKey, "GET", "Sec-WebSocket-Key", "abc", http.StatusBadRequest},
			{vaiven.FaultMethod, "POST", "Upgrade", "websocket", http.StatusMethodNotAllowed},
		} {
			q := httptest.NewRequest(c.method, "/ws", nil)
			for _, h := range [][2]string{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"},
				{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, {c.header, c.value}} {
				q.Header.Set(h[0], h[1])
			}
			w := httptest.NewRecorder()
			r.g.ServeHTTP(w, q)
			e := &vaiven.Error{Code: vaiven.CodeBadHandshake, Reason: c.fault, At: -1}
			if c.fault == vaiven.FaultMethod {
				e.Got = c.method
			}
			if want := wire.Explain(e, lang); w.Code != c.status || strings.TrimSpace(w.Body.String()) != want {
				t.Errorf("%s: %d %q, want %d %q", lang, w.Code, w.Body, c.status, want)
			}
			if c.status == http.StatusUpgradeRequired && w.Header().Get("Upgrade") != "websocket" {
				t.Errorf("%s, %s: headers %v", lang, c.fault, w.Header())
			}
		}
	}
}
