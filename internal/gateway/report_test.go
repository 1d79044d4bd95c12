package gateway

import (
	"slices"
	"testing"

	"vaiven"
)

// confirming is a board that was told LED 1 under REV 2 and has not answered.
func confirming(t *testing.T) (*rig, *board) {
	r := startWithTwins(t)
	b := r.greeted()
	r.ask("101", 1, led(0))
	b.wantDesired(0, 1)
	r.ask("101", 2, led(1))
	b.wantDesired(1, 2)
	return r, b
}

func TestWhatConfirms(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		want    []string
	}{
		"report":               {`{"IDDEVICE":101,"LED":1,"REV":2}`, []string{"confirmed"}},
		"hello":                {`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"LED":1,"REV":2}`, []string{"confirmed"}},
		"fresh reading":        {`{"IDDEVICE":101,"TEMP":20,"LED":1,"REV":2}`, []string{"confirmed"}},
		"reading with AGE 0":   {`{"IDDEVICE":101,"SEQ":1,"AGE":0,"TEMP":20,"LED":1,"REV":2}`, []string{"confirmed"}},
		"unknown AGE":          {`{"IDDEVICE":101,"SEQ":1,"AGE":null,"TEMP":20,"LED":1,"REV":2}`, []string{"confirmed"}},
		"resent reading":       {`{"IDDEVICE":101,"SEQ":1,"AGE":900,"TEMP":20,"LED":1,"REV":2}`, nil},
		"other value":          {`{"IDDEVICE":101,"LED":0,"REV":2}`, nil},
		"lower REV":            {`{"IDDEVICE":101,"LED":1,"REV":1}`, nil},
		"no REV":               {`{"IDDEVICE":101,"LED":1}`, nil},
		"REV of nobody's":      {`{"IDDEVICE":101,"LED":1,"REV":3}`, nil},
		"without the state":    {`{"IDDEVICE":101,"TEMP":20,"REV":2}`, nil},
		"hello with no states": {`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"REV":2}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, b := confirming(t)
			b.send("%s", c.message)
			b.send(`{"IDDEVICE":101,"TEMP":77}`) // behind it
			r.until("heard", func() bool {
				all := events[*vaiven.Reading](r.m)
				return len(all) > 0 && all[len(all)-1].Values[0].Num == 77
			})
			if got := r.ends("101"); !slices.Equal(got, c.want) {
				t.Errorf("ends %v, want %v", got, c.want)
			}
		})
	}
}

// A change of several states is confirmed when the board has said all of them.
func TestConfirmedInParts(t *testing.T) {
	r := startWithTwins(t)
	b := r.dial()
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"STATES":"FAN"}`)
	b.want("WELCOME")
	r.ask("101", 1, []vaiven.Value{{Name: "FAN", Num: 3}, {Name: "LED", Num: 1}})
	b.wantDesired(1, 1)
	b.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
	r.until("first part", func() bool { return len(events[*vaiven.Report](r.m)) == 1 })
	if got := r.ends("101"); got != nil {
		t.Errorf("ends %v", got)
	}
	b.send(`{"IDDEVICE":101,"FAN":3,"REV":1}`)
	r.until("confirmed", func() bool { return slices.Equal(r.ends("101"), []string{"confirmed"}) })
}

// A report that was overtaken on its way says nothing of what is there now.
func TestLowerRevInABootIsHistory(t *testing.T) {
	r, b := confirming(t)
	b.send(`{"IDDEVICE":101,"LED":1,"REV":2}`)
	r.until("confirmed", func() bool { return len(r.ends("101")) == 1 })
	b.send(`{"IDDEVICE":101,"LED":0,"REV":1}`)
	r.until("recorded all the same", func() bool { return len(events[*vaiven.Report](r.m)) == 2 })
	r.later(firstRepeat)
	b.quiet() // it is not taken for what the board has
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"aaaaaaaa","OLDEST":1,"NEXT":1,"LED":0,"REV":1}`)
	if m := b.want("WELCOME"); m["LED"] != 1.0 {
		t.Errorf("WELCOME %v", m)
	}
	r.later(firstRepeat)
	b.wantDesired(1, 2) // another power-up begins anew
}

func TestOneConfirmationWhileTheViewIsLate(t *testing.T) {
	r, b := confirming(t)
	r.m.twins.mu.Lock()
	r.m.twins.late = true
	r.m.twins.mu.Unlock()
	for range 3 {
		b.send(`{"IDDEVICE":101,"LED":1,"REV":2}`)
	}
	r.until("heard", func() bool { return len(events[*vaiven.Report](r.m)) == 3 })
	if got := r.ends("101"); !slices.Equal(got, []string{"confirmed"}) {
		t.Errorf("ends %v", got)
	}
}

// A person at the wall switch.
func TestLocalChangeBecomesDesired(t *testing.T) {
	for name, late := range map[string]bool{"at once": false, "with a late view": true} {
		t.Run(name, func(t *testing.T) {
			r, b := confirming(t)
			b.send(`{"IDDEVICE":101,"LED":1,"REV":2}`)
			r.until("confirmed", func() bool { return len(r.ends("101")) == 1 })
			r.m.twins.mu.Lock()
			r.m.twins.late = late
			r.m.twins.mu.Unlock()
			b.send(`{"IDDEVICE":101,"LED":0}`)
			r.until("a change", func() bool { return len(events[*vaiven.Change](r.m)) == 3 })
			c, e := events[*vaiven.Change](r.m)[2], events[*vaiven.ChangeEnd](r.m)[1]
			if c.By != vaiven.ByBoard || !slices.Equal(c.States, led(0)) || e.Key != c.Key || e.Outcome != vaiven.Confirmed {
				t.Errorf("change %+v, end %+v", c, e)
			}
			b.quiet() // it is not told to undo it
			if late {
				r.m.twins.catchUp()
			}
			r.until("applied", func() bool { w, _ := r.m.twins.Desired("101"); return w.Rev == 3 })
			r.later(maxRepeat)
			b.quiet()
		})
	}
}

func TestNotALocalChange(t *testing.T) {
	for name, messages := range map[string][]string{
		"the first word on a connection":     {`{"IDDEVICE":101,"LED":0}`},
		"the same again":                     {`{"IDDEVICE":101,"LED":0}`, `{"IDDEVICE":101,"LED":0}`},
		"what is wanted":                     {`{"IDDEVICE":101,"LED":0}`, `{"IDDEVICE":101,"LED":1}`},
		"in a reading":                       {`{"IDDEVICE":101,"LED":1}`, `{"IDDEVICE":101,"TEMP":20,"LED":0}`},
		"with REV":                           {`{"IDDEVICE":101,"LED":1}`, `{"IDDEVICE":101,"LED":0,"REV":1}`},
		"hello, then what it said there":     {hello, `{"IDDEVICE":101,"LED":0}`},
		"reading first, then the same alone": {`{"IDDEVICE":101,"TEMP":20,"LED":0}`, `{"IDDEVICE":101,"LED":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := startWithTwins(t)
			r.ask("101", 1, led(1))
			b := r.dial()
			for _, m := range messages {
				b.send("%s", m)
			}
			b.send(`{"IDDEVICE":101,"TEMP":77}`)
			r.until("heard", func() bool {
				all := events[*vaiven.Reading](r.m)
				return len(all) > 0 && all[len(all)-1].Values[0].Num == 77
			})
			if got := len(events[*vaiven.Change](r.m)); got != 1 {
				t.Errorf("%d changes", got)
			}
		})
	}
}

// A board of which nothing was ever wanted: what a person does there is wanted
// from then on.
func TestFirstWishComesFromTheBoard(t *testing.T) {
	r := startWithTwins(t)
	b := r.greeted()
	b.send(`{"IDDEVICE":101,"LED":1}`)
	r.until("wanted", func() bool { w, _ := r.m.twins.Desired("101"); return slices.Equal(w.States, led(1)) })
	_ = b.c.CloseNow()
	r.until("gone", func() bool { return !r.g.Connected("101") })
	b = r.dial()
	b.send(hello)
	if m := b.want("WELCOME"); m["LED"] != 1.0 || m["REV"] != 1.0 {
		t.Errorf("WELCOME %v", m)
	}
}

func TestLocalChangeWaitsForABusyLog(t *testing.T) {
	r := startWithTwins(t)
	b := r.greeted()
	r.m.set(func() { r.m.busy = true })
	b.send(`{"IDDEVICE":101,"LED":1}`)
	if m := b.want("CODE"); m["CODE"] != "busy" {
		t.Errorf("told %v", m)
	}
	r.m.set(func() { r.m.busy = false })
	b.send(`{"IDDEVICE":101,"LED":1}`)
	r.until("it still counts", func() bool { return len(events[*vaiven.Change](r.m)) == 1 })
}

// A board that has numbers of another log is believed once this log counts on
// behind them.
func TestRevOfAnotherLogConfirmsNothing(t *testing.T) {
	r := startWithTwins(t)
	r.ask("101", 1, led(1))
	b := r.dial()
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"STATES":"FAN","LED":1,"FAN":0,"REV":57}`)
	b.want("WELCOME")
	r.m.twins.mu.Lock()
	r.m.twins.want["101"].Rev = 57 // as the view does
	r.m.twins.mu.Unlock()
	b.send(`{"IDDEVICE":101,"FAN":0,"REV":57}`)
	r.until("heard", func() bool { return len(events[*vaiven.Report](r.m)) == 1 })
	if got := r.ends("101"); got != nil {
		t.Errorf("ends %v", got)
	}
	r.g.Deliver("101")
	b.wantDesired(1, 57)
	b.send(`{"IDDEVICE":101,"LED":1,"REV":57}`)
	r.until("confirmed", func() bool { return len(r.ends("101")) == 1 })
}

// A board that comes by HTTP has no connection to lose when its power goes.
func TestHelloBeginsAnew(t *testing.T) {
	r := startWithTwins(t)
	r.post(home, hello)
	r.ask("101", 1, led(1))
	r.post(home, `{"IDDEVICE":101,"LED":1,"REV":1}`)
	if got := r.ends("101"); !slices.Equal(got, []string{"confirmed"}) {
		t.Fatalf("ends %v", got)
	}
	r.post(home, `{"HELLO":1,"IDDEVICE":101,"BOOT":"aaaaaaaa","OLDEST":1,"NEXT":1}`).only("WELCOME")
	if m := r.post(home, `{"IDDEVICE":101,"TEMP":20}`).only("REV"); m["LED"] != 1.0 {
		t.Errorf("told %v", m)
	}
}
