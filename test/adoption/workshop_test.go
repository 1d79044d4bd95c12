//go:build suites && linux

package adoption

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/client"
	"vaiven/test/harness"
)

// TestAWorkshopWithAdoption: a teacher who wants it runs the workshop closed. A board of
// the course's form and one that says HELLO wait until they are approved, have the asked
// number of readings taken, and end the run; who was not approved is in no file.
func TestAWorkshopWithAdoption(t *testing.T) {
	const readings = 7
	s := harness.NewServer(t, "workshop", t.TempDir(), "--open=false", "--readings", fmt.Sprint(readings), "--session-rate", "0", "--devices", "101,102", "--interval", "0")
	s.StartReady()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	ended := make(chan error, 2)
	go func() { ended <- course(ctx, s.Addr, "101") }()
	go func() { ended <- greeted(ctx, s.Addr, "102", readings) }()
	go func() { _ = course(ctx, s.Addr, "666") }() // nobody approves it
	for _, id := range []string{"101", "102"} {
		waits(t, s, id)
		approve(t, s, id)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	if code := s.Wait(patience); code != 0 {
		t.Fatalf("the run ends with %d\n%s", code, s.Stderr())
	}
	rows := map[string]int{}
	csv, err := os.ReadFile(s.CSV())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(csv)) {
		if cells := strings.Split(line, ","); len(cells) == 5 && cells[0] != "IDdato" {
			rows[cells[1]]++
		}
	}
	if len(rows) != 2 || rows["101"] != readings || rows["102"] != readings {
		t.Errorf("the CSV has %v", rows)
	}
	if !strings.Contains(s.Stdout(), "101") || strings.Contains(s.Stdout(), "666  TEMP") {
		t.Errorf("the terminal shows\n%s", s.Stdout())
	}
}

// course is the course's sketch: it sends the same line, whatever it is answered, until
// the server says goodbye.
func course(ctx context.Context, addr, id string) error {
	c, _, err := websocket.Dial(ctx, "ws://"+addr+"/", nil)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, _, err := c.Read(ctx); err != nil {
				return
			}
		}
	}()
	for {
		select {
		case <-gone:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond): // the sketch's delay()
		}
		if err := c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"IDDEVICE":%s,"TEMP":24,"HUM":61}`, id)); err != nil {
			<-gone
			return nil
		}
	}
}

// greeted is a board that numbers its readings, and keeps the token that it is given.
func greeted(ctx context.Context, addr, id string, readings int) error {
	token := make(chan struct{})
	given := sync.OnceFunc(func() { close(token) })
	c, err := client.Dial(ctx, client.Options{URL: "ws://" + addr, Device: id, OnToken: func(string) { given() }}) // a server that hears HELLO twice gives two
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for range readings {
		if _, err := c.Send(ctx, client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: 25}}}); err != nil {
			return err
		}
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	select {
	case <-token:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s was given no token: %w", id, ctx.Err())
	}
}

// waits returns once a board of that id waits to be let in.
func waits(t *testing.T, s *harness.Server, id string) {
	t.Helper()
	harness.Until(t, patience, id+" waits", func() bool {
		resp, err := harness.Get("http://" + s.Addr + "/api/v1/waiting")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var list struct{ Waiting []struct{ Device string } }
		if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
			return false
		}
		return slices.ContainsFunc(list.Waiting, func(w struct{ Device string }) bool { return w.Device == id })
	})
}

// approve lets the board of that id in, as `vaiven devices approve` does.
func approve(t *testing.T, s *harness.Server, id string) {
	t.Helper()
	resp, err := harness.Send(t.Context(), http.MethodPost, "http://"+s.Addr+"/api/v1/devices/"+id+"/approve", "{}")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("approve %s: %d", id, resp.StatusCode)
	}
}
