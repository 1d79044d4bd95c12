package button

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

func TestParseBinding(t *testing.T) {
	led := []Target{{"101", "LED"}}
	for _, c := range []struct {
		in   string
		want Binding
		text string // as String writes it
	}{
		{"GPIO17=101:LED", Binding{Line: "GPIO17", Targets: led}, "GPIO17=101:LED"},
		{"gpio17=101:led", Binding{Line: "GPIO17", Targets: led}, "GPIO17=101:LED"},
		{" GPIO 17 = 101 : LED ", Binding{Line: "GPIO17", Targets: led}, "GPIO17=101:LED"},
		{"17=101", Binding{Line: "GPIO17", Targets: led}, "GPIO17=101:LED"},
		{"line 17=101:LED", Binding{Line: "GPIO17", Targets: led}, "GPIO17=101:LED"},
		{"BCM017=101:LED", Binding{Line: "GPIO17", Targets: led}, "GPIO17=101:LED"},
		{"GPIO0=7:LED", Binding{Line: "GPIO0", Targets: []Target{{"007", "LED"}}}, "GPIO0=007:LED"},
		{"gpiochip0/17=101:LED", Binding{Line: "gpiochip0/17", Targets: led}, "gpiochip0/17=101:LED"},
		{"/dev/GPIOCHIP4:17=101:LED", Binding{Line: "gpiochip4/17", Targets: led}, "gpiochip4/17=101:LED"},
		{"ID_SDA=101:LED", Binding{Line: "ID_SDA", Targets: led}, "ID_SDA=101:LED"},
		{"GPIO17=101:LED,102:RELAY", Binding{Line: "GPIO17", Targets: []Target{{"101", "LED"}, {"102", "RELAY"}}}, "GPIO17=101:LED,102:RELAY"},
		{"GPIO17:Active-High=101:LED", Binding{Line: "GPIO17", Level: ActiveHigh, Targets: led}, "GPIO17:active-high=101:LED"},
		{"gpiochip1:3:active-low:no-pull=101:LED", Binding{Line: "gpiochip1/3", Level: ActiveLow, NoPull: true, Targets: led},
			"gpiochip1/3:active-low:no-pull=101:LED"},
		{"GPIO17=green.house-2:FAN_1", Binding{Line: "GPIO17", Targets: []Target{{"green.house-2", "FAN_1"}}}, "GPIO17=green.house-2:FAN_1"},
	} {
		got, err := ParseBinding(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
		if got.String() != c.text {
			t.Errorf("%q is written %q, want %q", c.in, got.String(), c.text)
		}
		if again, err := ParseBinding(got.String()); err != nil || !cmp.Equal(got, again) {
			t.Errorf("%q does not read back: %+v, %v", got.String(), again, err)
		}
	}
}

func TestParseBindingErrors(t *testing.T) {
	for _, c := range []struct{ in, en, es string }{
		{"", "write GPIO17=101:LED", "escribe GPIO17=101:LED"},
		{"GPIO17", "the = between the line and the board is missing: write GPIO17=101:LED", "falta el ="},
		{"gpiochip0/5", "write gpiochip0/5=101:LED", "escribe gpiochip0/5=101:LED"},
		{"GPIO4:101:RELAY", "write GPIO4=101:RELAY", "escribe GPIO4=101:RELAY"},
		{"=101:LED", "the line is missing", "falta la línea"},
		{"GPIO17=", "the board's id is missing", "falta la id"},
		{"GPIO17=:LED", "the board's id is missing", "falta la id"},
		{"GPIO17=101:LED,", "the board's id is missing", "falta la id"},
		{"GPIO17=1 1:LED", `"1 1" is no board's id`, `"1 1" no es la id`},
		{"GPIO17=101:", "the state is missing: write GPIO17=101:LED", "falta el estado"},
		{"GPIO17=101:LED-1", `"LED-1" is no state's name`, `"LED-1" no es nombre`},
		{"GPIO17=101:LED:active-high", "options belong to the line: GPIO17:active-high=101:LED", "las opciones van con la línea"},
		{"GPIO17=101:LED,101:led", "101:LED stands there twice", "101:LED está dos veces"},
		{"GPIO17:activ-low=101:LED", `no option "activ-low"`, `no tiene la opción "activ-low"`},
		{"pin 11=101:LED", "pin 11 of the header is GPIO17: write GPIO17=101:LED", "el pin 11 del conector es GPIO17"},
		{"pin6=101:LED", "pin 6 of the header is no GPIO line", "el pin 6 del conector no es una línea"},
		{"gpiochip0=101:LED", "which line of gpiochip0? write gpiochip0/17=101:LED", "¿qué línea de gpiochip0?"},
		{"GPIO$=101:LED", `"GPIO$" is no line's name`, `"GPIO$" no es nombre`},
		{strings.Repeat("A", 32) + "=101:LED", "is no line's name", "no es nombre"},
	} {
		_, err := ParseBinding(c.in)
		var e *BindingError
		if !errors.As(err, &e) {
			t.Errorf("%q: %v, want a *BindingError", c.in, err)
			continue
		}
		if got := e.Text(vaiven.English); got != e.Error() || !strings.Contains(got, c.en) {
			t.Errorf("%q: %q, want %q", c.in, got, c.en)
		}
		if got := e.Text(vaiven.Spanish); !strings.Contains(got, c.es) {
			t.Errorf("%q: %q, want %q", c.in, got, c.es)
		}
	}
}

func FuzzParseBinding(f *testing.F) {
	for _, s := range []string{"GPIO17=101:LED", "gpiochip0:17:no-pull=7,8:RELAY", "pin 11=1", "17", "a:b=c:d:e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBinding(s)
		if err != nil {
			var e *BindingError
			if !errors.As(err, &e) || e.Text(vaiven.Spanish) == "" {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := ParseBinding(b.String())
		if err != nil || !cmp.Equal(b, again) {
			t.Fatalf("%q is written %q, which reads as %+v, %v", s, b.String(), again, err)
		}
	})
}

func TestCheck(t *testing.T) {
	parse := func(s string) Binding {
		b, err := ParseBinding(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	buttons := []Binding{parse("GPIO17=101:LED"), parse("GPIO22=101:LED")}
	if err := Check(buttons, []Binding{parse("GPIO27=101:LED")}); err != nil {
		t.Error(err)
	}
	for _, twice := range []string{"17=102:LED", "gpio22=101:LED"} {
		err := Check(buttons, []Binding{parse(twice)})
		if err == nil || !strings.Contains(err.Error(), "is bound twice") {
			t.Errorf("%s beside %v: %v", twice, buttons, err)
		}
	}
}

func TestNear(t *testing.T) {
	names := []string{"GPIO2", "GPIO16", "GPIO17", "GPIO7", "ID_SDA", "ID_SCL", "GPIO9", "GPIO19", "GPIO7"}
	want := []string{"GPIO19", "GPIO9", "GPIO16", "GPIO17", "GPIO2", "GPIO7"}
	if got := near("gpio99", names); !cmp.Equal(got, want) {
		t.Errorf("near GPIO99: %v, want %v", got, want)
	}
	if got := near("GPIO17", nil); len(got) != 0 {
		t.Errorf("near GPIO17 among none: %v", got)
	}
}
