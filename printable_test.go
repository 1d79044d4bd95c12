package vaiven

import "testing"

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "mesa 3": "mesa 3", "año «24,5 °C» → ✓ 温度": "año «24,5 °C» → ✓ 温度",
		"\x1b[2J\x07": "\ufffd[2J\ufffd", "a\tb\nc": "a b c", "\u202e\u200b\u009b\u2028\x7f": "\ufffd\ufffd\ufffd\ufffd\ufffd", "\xff\xc3": "\ufffd\ufffd",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSpreadsheetText(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "mesa 3": "mesa 3", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
		"a=b": "a=b", "'=1": "'=1",
	} {
		if got := SpreadsheetText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
