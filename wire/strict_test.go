package wire_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vaiven"
	"vaiven/wire"
)

// decode returns the items of one message on a connection of its own.
func decode(binary bool, p []byte) []wire.Item {
	var items []wire.Item
	new(wire.Decoder).Decode(binary, p, func(it *wire.Item) { items = append(items, *it) })
	return items
}

// notJSON is what RFC 8259 excludes, each alone, as an array's element and as
// a member's value; the kinds are those of the JSONTestSuite's n_ cases.
var notJSON = struct{ values, members, whole []string }{
	values: []string{
		// numbers
		`01`, `-01`, `00`, `-00`, `012`, `1.`, `-1.`, `.5`, `-.5`, `.`, `+1`, `++1`, `+Inf`, `- 1`, `-`, `--1`, `-foo`,
		`0x1`, `0X42`, `0x`, `1e`, `1E`, `1e+`, `1E-`, `1eE2`, `1.e1`, `0e`, `0e+`, `0.3e`, `0.3e+`, `1.0e`, `1.0e+`,
		`1 000.0`, `1_000`, `1a`, `1.2a-3`, `1ea`, `1.8011670033376514H-308`, `1+2`, `0.1.2`, `2.e3`, `-2.`, `9.e+`, `-1x`, `-0.0.1`, `-a`,
		`１`, `1/2`, `Infinity`, `-Infinity`, `NaN`, `-NaN`, `nan`, `inf`, `1,5e`, `0e1.5`,
		// literals
		`True`, `TRUE`, `truth`, `tru`, `nul`, `NULL`, `nulll`, `fals`, `falsee`, `False`, `None`, `undefined`, `a`, `å`, `*`,
		// strings
		`"`, `"a`, `'a'`, `"\a"`, `"\`, `"\"`, `"\x00"`, `"\u"`, `"\u0"`, `"\u00A"`, `"\u00G0"`, `"\U0041"`, `"\ud800"`,
		`"\udc00"`, `"\ud800\ud800"`, `"\ud800\u"`, `"\ud800\u1"`, `"\ud800abc"`, `"\uD800\n"`, `"\ 1"`, `"\'"`, "\"\t\"", "\"\n\"",
		"\"\x00\"", "\"\x1f\"", "\"\\\x00\"", "\"\\\t\"", "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xc0\xaf\"", "\"\\\xe5\"",
		"\"\\u\xe5\"", `"\🌀"`, `“a”`, `\u000A""`,
		// structures
		`[`, `[1`, `[1,`, `[,`, `[,1]`, `[1,]`, `[1,,2]`, `[1 2]`, `["a" 1]`, `["":1]`, `[:1]`, `[1:2]`, `[1;2]`, `[3[4]]`, `[1}`, `[}`,
		`{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a":1,,"b":2}`, `{"a" 1}`, `{"a"::1}`, `{"a":}`, `{"a"}`, `{,"a":1}`, `{:1}`,
		`{1:1}`, `{'a':1}`, `{"a":1 "b":2}`, `{"a":1]`, `{"a":'b'}`, `{[: "x"}`, `{"a","b"}`, `{"a":"a" 123}`, `{"a":1 ,"b"}`, `{"a":/*x*/1}`,
		`{a b:1}`, `{a=1}`, `{-a:1}`, `{a.b:1}`, `{a:1,}`, `{a:}`, `{a}`, `{a:1;b:2}`, "{a:1\x00}",
		`/**/`, `//`, `1/**/`, `#1`,
		"1\x0c", "\u00a01", "\u20601", "\ufeff1", "\v1", "\x00",
	},
	whole: []string{
		``, ` `, "\n", `]`, `}`, `,`, `:`, `[]]`, `[][]`, `{}}`, `{}{}`, `1]`, `1 2`, `[1],`, `{"a":1},`, `{"a":1}#`, `{"a":1}//`, `{"a":1}/**/`,
		`{"a":1}x`, `""x`, `"a" "b"`, `<null>`, `<.>`, `[<null>]`, "\xef\xbb\xbf{}", "\xef\xbb\xbf", "\xe5", "[\xe5]", "\xff\xfe[\x00]\x00", "{\x00}\x00",
		`{"IDDEVICE":101,"TEMP":1}{"IDDEVICE":101,"TEMP":2}`,
		"{\"IDDEVICE\":101,\"TEMP\":1}\x00",
		`{"IDDEVICE":101,"TEMP":1`, `[{"IDDEVICE":101,"TEMP":1},`, `[{"IDDEVICE":101,"TEMP":1}`,
		`{IDDEVICE:101,TEMP:1`, `{IDDEVICE:101,TEMP:1}}`, `{IDDEVICE:101,TEMP:1}{}`, `{IDDEVICE:101 TEMP:1}`, `{IDDEVICE:101,TEMP:1.}`, `{IDDEVICE:101,TEMP:0x1}`,
		`{IDDEVICE:101,TEMP:+1}`, `{IDDEVICE:101,TEMP:.5}`, `{IDDEVICE:101,TEMP:01e}`, `{IDDEVICE:101,"TEMP":01}`, `{"IDDEVICE":0101,TEMP:1}`, `IDDEVICE:101,TEMP:1`,
	},
}

// TestNotJSON: nothing that is not JSON yields a reading, a hello or a report,
// but what doc.go lists. Of the values below, that is only a bare nan under a
// key, and it refuses its element.
func TestNotJSON(t *testing.T) {
	var texts []string
	texts = append(texts, notJSON.whole...)
	for _, v := range notJSON.values {
		texts = append(texts, v, "["+v+"]",
			`{"IDDEVICE":101,"TEMP":`+v+`}`, `{"IDDEVICE":101,"TEMP":24.5,"X":`+v+`}`, `{"TEMP":24.5,"X":`+v+`,"IDDEVICE":101}`,
			`[{"IDDEVICE":101,"TEMP":24.5},{"IDDEVICE":102,"TEMP":24.5,"X":`+v+`}]`)
	}
	for _, text := range texts {
		items := decode(false, []byte(text))
		if len(items) == 0 {
			t.Errorf("%q: no item", text)
		}
		for _, it := range items {
			lenient := strings.Contains(text, "102") && it.Device == "101" && barNaN(text)
			if it.Kind != wire.Invalid && !lenient {
				t.Errorf("%q: accepted as %v %v", text, it.Device, it.Values)
			}
		}
	}
}

// barNaN reports whether the text has a bare nan under a key, so that the other
// elements of its array stand.
func barNaN(text string) bool {
	for _, w := range []string{`:NaN`, `:-NaN`, `:nan`, `:inf`, `:Infinity`, `:-Infinity`, `:+Inf`} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// TestNestingBomb: brackets alone cost no stack and no time.
func TestNestingBomb(t *testing.T) {
	for _, unit := range []string{`[`, `{"a":`, `[{"a":`, `{a:`, `[{`, `{[`} {
		for _, prefix := range []string{``, `{"IDDEVICE":101,"X":`, `[{"IDDEVICE":101,"X":`, `{IDDEVICE:101,X:`} {
			text := prefix + strings.Repeat(unit, 100_000)
			for _, it := range decode(false, []byte(text)) {
				if it.Kind != wire.Invalid {
					t.Errorf("%s%s...: accepted", prefix, unit)
				}
			}
		}
	}
}

// TestManyKeys: an object of nothing but keys is refused in linear time, and
// its SEQ is still found, to be settled.
func TestManyKeys(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"IDDEVICE":101,"BOOT":"9f3c02aa"`)
	for i := range 10_000 {
		b.WriteString(`,"K` + vaiven.FormatNumber(float64(i)) + `":null`)
	}
	b.WriteString(`,"SEQ":17,"TEMP":1}`)
	items := decode(false, []byte(b.String()))
	if len(items) != 1 || items[0].Err == nil || items[0].Err.Code != vaiven.CodeTooLarge || items[0].Seq != 17 {
		t.Fatalf("got %+v", items)
	}
}

// isJSON is what must not be called not_json: JSONTestSuite's y_ kinds, and
// those whose treatment it leaves open and that we take for JSON.
var isJSON = []string{
	`[]`, `[ ]`, `{}`, `[[]   ]`, `[""]`, `["a"]`, `[false]`, `[null, 1, "1", {}]`, `[null]`, "[1\n]", ` [1]`, `[1,null,null,null,2]`, `[2] `,
	`[123e65]`, `[0e+1]`, `[0e1]`, `[ 4]`, `[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]`, `[20e1]`, `[-0]`, `[-123]`,
	`[-1]`, `[1E22]`, `[1E-2]`, `[1E+2]`, `[123.456e78]`, `[123.456789]`, `[123]`, `[1e-10000]`, `[1e999]`, `[-1e+9999]`,
	`{"asd":"sdf", "dfg":"fgh"}`, `{"asd":"sdf"}`, `{"a":"b","a":"c"}`, `{"a":"b","a":"b"}`, `{"":0}`, `{"foo\u0000bar": 42}`, `{ "min": -1.0e+28, "max": 1.0e+28 }`,
	`{"x":[{"id": "xxxx"}], "id": "xxxx"}`, `{"a":[]}`, `{"title":"\u041f\u043e"}`, "{\n\"a\": \"b\"\n}",
	`["\u0060\u012a\u12AB"]`, `["\uD801\udc37"]`, `["\ud83d\ude39\ud83d\udc8d"]`, `["\"\\\/\b\f\n\r\t"]`, `["\\u0000"]`, `["\""]`, `["a/*b*/c/*d//e"]`, `["\\a"]`,
	`["\u0012"]`, `["\uFFFF"]`, `["asd"]`, "[\"\U0010ffff\"]", "[\"\uffff\"]", `["\u0000"]`, "[\"\u2028\"]", `["π"]`, `["asd "]`, `" "`, "[\"\x7f\"]",
	`false`, `42`, `-0.1`, `null`, `"asd"`, `true`, `""`, `["a"] `, "\t[true]", `[[[[[[[[1]]]]]]]]`,
	`{"IDDEVICE":101,"TEMP":1,"X":"` + strings.Repeat("x", 60_000) + `"}`,
}

func TestJSON(t *testing.T) {
	for _, text := range isJSON {
		items := decode(false, []byte(text))
		if len(items) == 0 {
			t.Errorf("%q: no item", text)
		}
		for _, it := range items {
			if it.Kind == wire.Invalid && it.Err.Code == vaiven.CodeNotJSON {
				t.Errorf("%q: %s", text, it.Err)
			}
		}
	}
}

// TestNearestNumber: the quick way to few digits, and the one to many, end at the
// float64 that strconv finds.
func TestNearestNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number")
		want, _ := strconv.ParseFloat(text, 64)
		items := decode(false, []byte(`{"IDDEVICE":101,"CO2":`+text+`}`))
		if math.IsInf(want, 0) {
			if items[0].Err == nil || items[0].Err.Code != vaiven.CodeOutOfRange {
				t.Fatalf("%s: %+v", text, items)
			}
			return
		}
		if len(items) != 1 || items[0].Kind != wire.Reading || items[0].Values[0].Num != want || math.Signbit(items[0].Values[0].Num) != (want < 0) {
			t.Fatalf("%s: %+v, want %v", text, items, want)
		}
		slide := decode(false, []byte(`{IDDEVICE: 101, CO2: `+strings.Replace("000"+text, "000-", "-000", 1)+`}`))
		if len(slide) != 1 || slide[0].Kind != wire.Reading || slide[0].Values[0].Num != want {
			t.Fatalf("000%s: %+v, want %v", text, slide, want)
		}
	})
}

// TestDuplicates: two spellings of a key are one, in any case and by any escape.
func TestDuplicates(t *testing.T) {
	for _, text := range []string{
		`{"IDDEVICE":101,"TEMP":1,"TEMP":1}`, `{"IDDEVICE":101,"TEMP":1,"temp":2}`, `{"IDDEVICE":101,"TEMP":1,"T\u0045MP":1}`,
		`{"IDDEVICE":101,"TEMP":1,"_x":1,"_X":1}`, `{"IDDEVICE":101,"TEMP":1,"A":null,"a":null}`, `{"IDDEVICE":101,"TEMP":1,"a":"x","A":{}}`,
		`{"IDDEVICE":101,"iddevice":101,"TEMP":1}`, `{"IDDEVICE":101,"AGE":1,"age":1,"TEMP":1}`, `{IDDEVICE:101,TEMP:1,temp:1}`,
	} {
		items := decode(false, []byte(text))
		if len(items) != 1 || items[0].Kind != wire.Invalid || items[0].Err.Reason != "duplicate" {
			t.Errorf("%s: %+v", text, items)
		}
	}
}
