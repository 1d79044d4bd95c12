//go:build suites && linux

package docs

import "testing"

func TestMissing(t *testing.T) {
	output := "12:00:01  101  TEMP 24.5 °C  HUM 61 %\n12:00:02  101  LED=1 confirmado por la placa en 4 ms\n"
	for _, c := range []struct {
		shown []string
		want  string
	}{
		{[]string{"09:30:00  101  TEMP 20 °C  HUM 5 %"}, ""},
		{[]string{"09:30:00  102  TEMP 20 °C  HUM 5 %"}, "09:30:00  102  TEMP 20 °C  HUM 5 %"},
		{[]string{"…", "09:30:00  101  LED=1 … en 17 ms"}, ""},
		{[]string{"09:30:00  101  LED=0 …"}, "09:30:00  101  LED=0 …"},
		{[]string{"09:30:00  101  LED=1 …", "09:30:00  101  LED=1 …"}, "09:30:00  101  LED=1 …"},
		{[]string{"… confirmado … 4 ms"}, ""},
		{[]string{"… confirmado … 4 horas"}, "… confirmado … 4 horas"},
	} {
		if got := missing(c.shown, output); got != c.want {
			t.Errorf("missing(%q) = %q, want %q", c.shown, got, c.want)
		}
	}
}
