package main

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// notary is a server that confirms what it is asked for, as it is told to.
type notary struct {
	asker  *asker
	mu     sync.Mutex
	events []string
	wrong  func(key string) // instead of confirming
	errs   []error
}

func (n *notary) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Method == http.MethodGet {
		fmt.Fprintf(w, `{"events":[%s],"next":"9.0","more":false}`, strings.Join(n.events, ","))
		return
	}
	key := r.Header.Get("Idempotency-Key")
	n.happen("change", key, "")
	if n.wrong != nil {
		n.wrong(key)
	}
	n.happen("change_end", key, "confirmed")
	w.WriteHeader(http.StatusAccepted)
}

func (n *notary) happen(kind, key, outcome string) {
	e := fmt.Sprintf(`{"id":"%d.0","kind":%q,"device":"b00001","key":%q,"outcome":%q}`, len(n.events)+1, kind, key, outcome)
	n.events = append(n.events, e)
	if kind == "change_end" {
		n.errs = append(n.errs, n.asker.end([]byte(e)))
	}
}

func notarised(t *testing.T) *notary {
	t.Helper()
	n := &notary{}
	srv := httptest.NewServer(n)
	t.Cleanup(srv.Close)
	n.asker = newAsker(srv.Listener.Addr().String(), 3)
	t.Cleanup(n.asker.close)
	return n
}

func TestAskerCountsEachChangeOnce(t *testing.T) {
	n := notarised(t)
	for _, atOnce := range []int{1, 3} {
		all, err := n.asker.play(t.Context(), 12, atOnce, make([]bool, 7))
		if err != nil || all.confirmed.Count() != 12 || all.answered.Count() != 12 {
			t.Fatalf("%d confirmed, %v", all.confirmed.Count(), err)
		}
	}
	if n.asker.confirmed() != 24 {
		t.Errorf("%d changes", n.asker.confirmed())
	}
	if err := n.asker.verify(t.Context()); err != nil {
		t.Error(err)
	}
	n.happen("change", "feed", "")
	if err := n.asker.verify(t.Context()); err == nil {
		t.Error("a change that nobody asked for was not found in the log")
	}
}

func TestAskerFindsFaults(t *testing.T) {
	for name, wrong := range map[string]func(n *notary, key string){
		"twice":    func(n *notary, key string) { n.happen("change_end", key, "confirmed") },
		"expired":  func(n *notary, key string) { n.happen("change_end", key, "expired") },
		"stranger": func(n *notary, _ string) { n.happen("change_end", "0123456789abcdef", "confirmed") },
	} {
		t.Run(name, func(t *testing.T) {
			n := notarised(t)
			n.wrong = func(key string) { wrong(n, key) }
			if _, err := n.asker.play(t.Context(), 1, 1, make([]bool, 1)); err != nil {
				t.Fatal(err)
			}
			if n.errs[0] == nil && n.errs[1] == nil {
				t.Error("the follower took it")
			}
			if n.asker.verify(t.Context()) == nil {
				t.Error("it was not found in the log")
			}
		})
	}
}

func TestPage(t *testing.T) {
	p := page("# HELP vaiven_followers Followers.\nvaiven_followers{transport=\"sse\"} 20\nvaiven_followers{transport=\"ws\"} 1e+06\n")
	if p.inside("sse") != 20 || p.inside("ws") != 1e6 || !math.IsNaN(p.inside("poll")) {
		t.Errorf("%v %v %v", p.inside("sse"), p.inside("ws"), p.inside("poll"))
	}
}
