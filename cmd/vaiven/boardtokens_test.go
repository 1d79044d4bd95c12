package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/client/clienttest"
	"vaiven/internal/sim"
)

// TestSimulatedBoardsKeepTheirTokens: a board is given a token, which goes into a file
// that only its owner may read, and proves it in the next run.
func TestSimulatedBoardsKeepTheirTokens(t *testing.T) {
	g := clienttest.NewGate()
	s := clienttest.New(clienttest.Options{Intercept: g.Intercept})
	defer s.Close()
	g.Retry = time.Millisecond
	path := filepath.Join(t.TempDir(), "tokens")
	var out bytes.Buffer
	errs := &approver{word: "vaiven devices approve 101", then: sync.OnceFunc(func() { g.Approve("101") })}
	simulate := func() int {
		return run(t.Context(), []string{"simulate", "--url", s.URL, "--readings", "2", "--interval", "0s", "--tokens", path, "--lang", "en"},
			streams{os.Stdin, &out, errs, func(string) string { return "" }})
	}
	if code := simulate(); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	token, _ := g.Token("101")
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "101,"+token+"\n" {
		t.Errorf("kept %d bytes, %v", len(text), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	g.Give("101", token, true)
	if code := simulate(); code != exitOK {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	if _, proofs := g.Token("101"); proofs == 0 {
		t.Error("not proven")
	}
	if strings.Contains(out.String()+errs.String(), token) {
		t.Error("the token was printed")
	}
}

// TestTokensAreKeptOnce, however often a server says them.
func TestTokensAreKeptOnce(t *testing.T) {
	a := &simulatedAccess{path: filepath.Join(t.TempDir(), "tokens")}
	if err := a.follow(&sim.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"one", "one", "two", "two"} {
		a.keep("101", token)
	}
	if text, err := os.ReadFile(a.path); err != nil || string(text) != "101,one\n101,two\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestFilesOfTokens: what is wrong with one is told without quoting it.
func TestFilesOfTokens(t *testing.T) {
	for text, want := range map[string]string{
		"101,vvn_secret\n": "line 1",
		"# mine\n\n7," + clienttest.NewToken() + "\n102 vvn_secret\n": "line 4",
		"a b," + clienttest.NewToken() + "\n":                         "line 1",
	} {
		path := filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		code := run(t.Context(), []string{"simulate", "--tokens", path, "--lang", "en"}, streams{os.Stdin, &errs, &errs, func(string) string { return "" }})
		if code != exitError || !strings.Contains(errs.String(), want) || strings.Contains(errs.String(), "vvn_secret") {
			t.Errorf("%q: exit %d, %s", text, code, errs.String())
		}
	}
}

// TestSimulatedBoardsSayThatTheyWait, once, and what to do.
func TestSimulatedBoardsSayThatTheyWait(t *testing.T) {
	g := clienttest.NewGate()
	g.Retry = time.Millisecond
	s := clienttest.New(clienttest.Options{Intercept: g.Intercept})
	defer s.Close()
	told := &approver{word: "vaiven devices approve 101", then: sync.OnceFunc(func() { g.Approve("101") })}
	code := run(t.Context(), []string{"simulate", "--url", s.URL, "--readings", "1", "--interval", "0s", "--lang", "en"},
		streams{os.Stdin, &bytes.Buffer{}, told, func(string) string { return "" }})
	if code != exitOK || strings.Count(told.String(), "waits to be approved") != 1 {
		t.Errorf("exit %d: %s", code, told.String())
	}
}

// approver does something when it reads a word.
type approver struct {
	bytes.Buffer
	word string
	then func()
}

func (a *approver) Write(b []byte) (int, error) {
	n, err := a.Buffer.Write(b)
	if strings.Contains(a.String(), a.word) {
		a.then()
	}
	return n, err
}
