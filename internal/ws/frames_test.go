package ws_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven/internal/ws"
)

// scenario is what a client sends and what it must get. A scenario without a
// close frame in want is followed by the client's own close 1000, so that a
// connection that survives is seen to.
type scenario struct {
	name string
	in   []byte
	want []string
}

// limit is MaxMessage in the scenarios.
const limit = 1000

// scenarios holds one entry or more for every rule of RFC 6455, sections 5 to
// 7, that binds a server.
func scenarios() []scenario {
	var all []scenario
	all = append(all, dataScenarios()...)
	all = append(all, lengthScenarios()...)
	all = append(all, headerScenarios()...)
	all = append(all, fragmentScenarios()...)
	all = append(all, controlScenarios()...)
	return append(all, closeScenarios()...)
}

func dataScenarios() []scenario {
	return []scenario{
		{"text", masked(fin|opText, "hola"), []string{`text "hola"`}},
		{"binary", masked(fin|opBinary, "\x00\xff\x80"), []string{`binary "\x00\xff\x80"`}},
		{"empty text", masked(fin|opText, ""), []string{`text ""`}},
		{"empty binary", masked(fin|opBinary, ""), []string{`binary ""`}},
		{"two messages", join(masked(fin|opText, "a"), masked(fin|opBinary, "b")), []string{`text "a"`, `binary "b"`}},
		{"many messages", []byte(strings.Repeat(string(masked(fin|opText, "x")), 50)), slices.Repeat([]string{`text "x"`}, 50)},
		{"mask of zeros", []byte{fin | opText, 0x81, 0, 0, 0, 0, 'a'}, []string{`text "a"`}},
		{"NUL and DEL are text", masked(fin|opText, "\x00\x7f"), []string{`text "\x00\x7f"`}},
	}
}

func lengthScenarios() []scenario {
	var all []scenario
	for _, n := range []int{1, 3, 4, 5, 15, 16, 17, 31, 124, 125, 126, 127, 128, 999, limit} {
		p := strings.Repeat("x", n)
		all = append(all, scenario{"length " + brief(p), masked(fin|opBinary, p), []string{describe(opBinary, []byte(p))}})
	}
	long := func(op byte, be ...byte) []byte { return append(append([]byte{fin | op}, be...), 1, 2, 3, 4) }
	return append(all, []scenario{
		{"one byte too many", masked(fin|opBinary, strings.Repeat("x", limit+1)), []string{"close 1009"}},
		{"64 KiB: refused by its header", long(opBinary, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0), []string{"close 1009"}},
		{"2^63-1: refused by its header", long(opBinary, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255), []string{"close 1009"}},
		{"2^63", long(opBinary, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0), []string{"close 1002"}},
		{"2^64-1", long(opText, 0xFF, 255, 255, 255, 255, 255, 255, 255, 255), []string{"close 1002"}},
		{"125 in 16 bits", append(long(opText, 0xFE, 0, 125), make([]byte, 125)...), []string{"close 1002"}},
		{"0 in 16 bits", long(opText, 0xFE, 0, 0), []string{"close 1002"}},
		{"65535 in 64 bits", long(opText, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255), []string{"close 1002"}},
		{"126 in 64 bits", long(opText, 0xFF, 0, 0, 0, 0, 0, 0, 0, 126), []string{"close 1002"}},
	}...)
}

func headerScenarios() []scenario {
	var all []scenario
	for rsv := byte(0x10); rsv <= 0x70; rsv += 0x10 {
		for _, op := range []byte{opText, opBinary, opPing, opPong, opClose} {
			all = append(all, scenario{"reserved bits", masked(fin|rsv|op, ""), []string{"close 1002"}})
		}
		all = append(all, scenario{"reserved bits in a continuation",
			join(masked(opText, "a"), masked(fin|rsv|opCont, "b")), []string{"close 1002"}})
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		all = append(all, scenario{"reserved opcode", masked(fin|op, "x"), []string{"close 1002"}},
			scenario{"reserved opcode after a message", join(masked(fin|opText, "a"), masked(fin|op, "")), []string{`text "a"`, "close 1002"}})
	}
	for _, op := range []byte{opText, opBinary, opPing, opPong, opClose} {
		all = append(all, scenario{"not masked", []byte{fin | op, 2, 0x03, 0xE8}, []string{"close 1002"}})
	}
	return append(all, scenario{"not masked, empty", []byte{fin | opText, 0}, []string{"close 1002"}},
		scenario{"not masked continuation", join(masked(opText, "a"), []byte{fin, 1, 'b'}), []string{"close 1002"}})
}

func fragmentScenarios() []scenario {
	return []scenario{
		{"two fragments", join(masked(opText, "ho"), masked(fin|opCont, "la")), []string{`text "hola"`}},
		{"three fragments of binary", join(masked(opBinary, "a"), masked(opCont, "b"), masked(fin|opCont, "c")), []string{`binary "abc"`}},
		{"empty fragments", join(masked(opText, ""), masked(opCont, ""), masked(fin|opCont, "")), []string{`text ""`}},
		{"empty first and last", join(masked(opText, ""), masked(opCont, "x"), masked(fin|opCont, "")), []string{`text "x"`}},
		{"only the last has bytes", join(masked(opText, ""), masked(fin|opCont, "x")), []string{`text "x"`}},
		{"ping between fragments", join(masked(opText, "a"), masked(fin|opPing, "p"), masked(fin|opCont, "b")), []string{`pong "p"`, `text "ab"`}},
		{"pong between fragments", join(masked(opText, "a"), masked(fin|opPong, "p"), masked(fin|opCont, "b")), []string{`text "ab"`}},
		{"close between fragments", join(masked(opText, "a"), closing(1000, "")), []string{"close 1000"}},
		{"continuation of nothing", masked(fin|opCont, "x"), []string{"close 1002"}},
		{"open continuation of nothing", masked(opCont, "x"), []string{"close 1002"}},
		{"continuation after the last", join(masked(opText, "a"), masked(fin|opCont, "b"), masked(fin|opCont, "c")), []string{`text "ab"`, "close 1002"}},
		{"text inside a message", join(masked(opText, "a"), masked(fin|opText, "b")), []string{"close 1002"}},
		{"binary inside a message", join(masked(opText, "a"), masked(opBinary, "b")), []string{"close 1002"}},
		{"message after a fragmented one", join(masked(opText, "a"), masked(fin|opCont, "b"), masked(fin|opText, "c")), []string{`text "ab"`, `text "c"`}},
		{"fragments at the limit", join(masked(opBinary, strings.Repeat("x", limit-1)), masked(fin|opCont, "y")),
			[]string{describe(opBinary, []byte(strings.Repeat("x", limit-1)+"y"))}},
		{"fragments beyond the limit", join(masked(opBinary, strings.Repeat("x", limit)), masked(fin|opCont, "y")), []string{"close 1009"}},
		{"empty last fragment at the limit", join(masked(opBinary, strings.Repeat("x", limit)), masked(fin|opCont, "")),
			[]string{describe(opBinary, []byte(strings.Repeat("x", limit)))}},
	}
}

func controlScenarios() []scenario {
	p125 := strings.Repeat("p", 125)
	return []scenario{
		{"ping", masked(fin|opPing, "x"), []string{`pong "x"`}},
		{"empty ping", masked(fin|opPing, ""), []string{`pong ""`}},
		{"ping of 125", masked(fin|opPing, p125), []string{describe(opPong, []byte(p125))}},
		{"ping is no text", masked(fin|opPing, "\xff\x00"), []string{`pong "\xff\x00"`}},
		{"ping of 126", masked(fin|opPing, p125+"p"), []string{"close 1002"}},
		{"pong of 126", masked(fin|opPong, p125+"p"), []string{"close 1002"}},
		{"close of 126", closing(1000, strings.Repeat("r", 124)), []string{"close 1002"}},
		{"ping of 64 KiB", masked(fin|opPing, strings.Repeat("p", 1<<16)), []string{"close 1002"}},
		{"fragmented ping", masked(opPing, "x"), []string{"close 1002"}},
		{"fragmented pong", masked(opPong, ""), []string{"close 1002"}},
		{"fragmented close", masked(opClose, ""), []string{"close 1002"}},
		{"unsolicited pong", masked(fin|opPong, "x"), nil},
		{"empty pong", masked(fin|opPong, ""), nil},
		{"ten pings", []byte(strings.Repeat(string(masked(fin|opPing, "x")), 10)), slices.Repeat([]string{`pong "x"`}, 10)},
		{"pings and messages", join(masked(fin|opPing, "1"), masked(fin|opText, "2"), masked(fin|opPing, "3")), []string{`pong "1"`, `text "2"`, `pong "3"`}},
	}
}

func closeScenarios() []scenario {
	return []scenario{
		{"close without a code", masked(fin|opClose, ""), []string{"close"}},
		{"close with half a code", masked(fin|opClose, "\x03"), []string{"close 1002"}},
		{"close with a reason", closing(1001, "adiós"), []string{"close 1001"}},
		{"longest reason", closing(1000, strings.Repeat("r", 123)), []string{"close 1000"}},
		{"reason is not UTF-8", closing(1000, "\xc0\xaf"), []string{"close 1007"}},
		{"reason is cut", closing(1000, "\xe2\x82"), []string{"close 1007"}},
		{"message after close", join(closing(1000, ""), masked(fin|opText, "late")), []string{"close 1000"}},
		{"ping after close", join(closing(1000, ""), masked(fin|opPing, "late")), []string{"close 1000"}},
		{"close twice", join(closing(1001, ""), closing(1000, "")), []string{"close 1001"}},
		{"nonsense after close", join(closing(1000, ""), []byte{0xFF, 0xFF, 0xFF}), []string{"close 1000"}},
		{"nothing after an error", join(masked(fin|3, ""), masked(fin|opText, "late")), []string{"close 1002"}},
	}
}

func TestRules(t *testing.T) {
	sends := map[string]func(*client, []byte){"coalesced": (*client).write, "bytewise": (*client).bytewise}
	for _, m := range modes {
		s := start(t, m, ws.Options{MaxMessage: limit}, echoing)
		for how, send := range sends {
			t.Run(m.name+"/"+how, func(t *testing.T) {
				for _, sc := range scenarios() {
					play(t, s, sc, send)
				}
			})
		}
	}
}

// play runs one scenario on a connection of its own, and holds what Serve
// returned against what the client saw.
func play(t *testing.T, s *server, sc scenario, send func(*client, []byte)) {
	t.Helper()
	in, want := sc.in, slices.Clone(sc.want)
	if len(want) == 0 || !strings.HasPrefix(want[len(want)-1], "close") {
		in, want = join(in, closing(1000, "")), append(want, "close 1000")
	}
	s.t = t
	c := s.dial()
	if len(in) > 4096 {
		send = (*client).write
	}
	send(c, in)
	if got := c.frames(); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", sc.name, got, want)
	}
	_ = c.Close()
	err := s.end()
	var ce *ws.CloseError
	if !errors.As(err, &ce) {
		t.Errorf("%s: Serve returned %v, want a CloseError", sc.name, err)
	}
	<-s.live
}

func TestMessageBeforeTheAnswer(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			c := s.connect()
			c.write(join([]byte(hello), masked(fin|opText, "early"), closing(1000, "")))
			c.response()
			if got, want := c.frames(), []string{`text "early"`, "close 1000"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			_ = c.Close()
			_ = s.end()
		})
	}
}

// The peer's stream may end anywhere: inside the header, the payload, a
// fragmented message or a close frame. None of it is a message.
func TestStreamCutAnywhere(t *testing.T) {
	stream := join(masked(opText, "hola"), masked(fin|opPing, "p"), masked(fin|opCont, "mundo"), closing(1000, "x"))
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			for n := range stream {
				c := s.dial()
				c.write(stream[:n])
				_ = c.Close()
				var ce *ws.CloseError
				if err := s.end(); err == nil || errors.As(err, &ce) {
					t.Errorf("cut at %d: Serve returned %v", n, err)
				}
			}
		})
	}
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}
