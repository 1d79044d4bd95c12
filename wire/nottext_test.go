package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/wire"
)

// TestClaim: the id in a message that does not parse words the error, and makes
// no device.
func TestClaim(t *testing.T) {
	for text, want := range map[string]vaiven.Device{
		`{"IDDEVICE":0x65,"TEMP":20}`:                  "0x65",
		`{IDDEVICE: XX, TEMP: XX.X, HUM: XX}`:          "",
		`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":3,"T`: "101",
		`IDDEVICE=7&TEMP=24.5`:                         "007",
		"{\"IDDEVICE\":101,\"U\":\"\xb0C\"}":           "101",
		`{"TEMP":24.5`:                                 "",
		`[{"IDDEVICE":101,"X":[[[[[[[[1]]]]]]]]}]`:     "101",
	} {
		items := decode(false, []byte(text))
		if len(items) != 1 || items[0].Kind != wire.Invalid || items[0].Device != "" || items[0].Boot != "" || items[0].Seq != 0 {
			t.Errorf("%s: %+v", text, items)
			continue
		}
		e := items[0].Err
		if e.Device != "" || e.Claim != want {
			t.Errorf("%s: device %q, claim %q", text, e.Device, e.Claim)
		}
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			if said := wire.Explain(e, l); e.Code == vaiven.CodeNotJSON && want != "" && !strings.Contains(said, l.Say("board ", "placa ")+string(want)+")") {
				t.Errorf("%s: %s", text, said)
			}
		}
	}
}

// TestNotUTF8: a text that package ws cuts off is explained as Decode explains
// it, wherever it was cut.
func TestNotUTF8(t *testing.T) {
	latin := []byte("{\"IDDEVICE\":101,\"TEMP\":24.5,\"U\":\"\xb0C\"}")
	whole := decode(false, latin)[0].Err
	for _, p := range [][]byte{latin, latin[:whole.At+1], latin[:whole.At+2]} {
		if diff := cmp.Diff(whole, wire.NotUTF8(p)); diff != "" {
			t.Errorf("%q: %s", p, diff)
		}
	}
	if said := wire.Explain(whole, vaiven.English); !strings.Contains(said, "°") || !strings.Contains(said, "UTF-8") {
		t.Error(said)
	}
	for name, p := range map[string]string{
		"nothing known": "", "nothing wrong": `{"IDDEVICE":101}`, "no letter": "{\"A\":\"\x80\"}",
		"utf-16": "\xff\xfe{\x00}\x00", "cut in a character": "{\"A\":\"\xc3", "surrogate": "{\"A\":\"\xed\xa0\x80\"}",
	} {
		e := wire.NotUTF8([]byte(p))
		en, es := wire.Explain(e, vaiven.English), wire.Explain(e, vaiven.Spanish)
		if e.Code != vaiven.CodeNotJSON || en == es || len(en) < 20 {
			t.Errorf("%s: %+v: %q, %q", name, e, en, es)
		}
	}
}
