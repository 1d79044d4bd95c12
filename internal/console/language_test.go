package console

import (
	"os"
	"testing"

	"vaiven"
)

func TestChooseLang(t *testing.T) {
	for _, tt := range []struct {
		flag string
		env  []string
		want vaiven.Lang
		bad  bool
	}{
		{"", nil, "en", false},
		{"", []string{"LANG=es_CO.UTF-8"}, "es", false},
		{"", []string{"LANG=es_CO.UTF-8", "LC_MESSAGES=en_US.UTF-8"}, "en", false},
		{"", []string{"LANG=en_US", "LC_MESSAGES=en_US", "LC_ALL=es"}, "es", false},
		{"", []string{"LC_ALL=", "LANG=es"}, "es", false},
		{"", []string{"LC_ALL=C", "LANG=es"}, "en", false},
		{"", []string{"LANG=fr_FR.UTF-8"}, "en", false},
		{"es", []string{"LC_ALL=en_US"}, "es", false},
		{"en", []string{"LC_ALL=es_ES"}, "en", false},
		{"fr", []string{"LC_ALL=es_ES"}, "en", true},
	} {
		got, err := ChooseLang(tt.flag, env(tt.env...))
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%q %q: %s, %v", tt.flag, tt.env, got, err)
		}
	}
}

func TestAbilities(t *testing.T) {
	for _, tt := range []struct {
		env           []string
		goos          string
		redraw, color bool
	}{
		{[]string{"TERM=xterm-256color"}, "linux", true, true},
		{[]string{"TERM=xterm-256color", "NO_COLOR=1"}, "linux", true, false},
		{[]string{"TERM=xterm-256color", "NO_COLOR="}, "linux", true, true},
		{[]string{"TERM=dumb"}, "linux", false, false},
		{nil, "linux", false, false},
		{nil, "windows", true, true},
		{[]string{"NO_COLOR=1"}, "windows", true, false},
	} {
		if r, c := abilities(env(tt.env...), tt.goos); r != tt.redraw || c != tt.color {
			t.Errorf("%q on %s: redraw %v, color %v", tt.env, tt.goos, r, c)
		}
	}
}

func TestDetectPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	got := Detect(w, env("TERM=xterm-256color"))
	if got.TTY || got.Color || got.Redraw || FullScreen(r, got) {
		t.Errorf("a pipe is not a terminal: %+v", got)
	}
}
