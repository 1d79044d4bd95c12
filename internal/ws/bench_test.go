package ws_test

import (
	"fmt"
	"io"
	"testing"

	"vaiven/internal/ws"
)

// BenchmarkEcho is one message there and back on one connection, client
// included: 45 bytes, and 4 KiB.
func BenchmarkEcho(b *testing.B) {
	for _, m := range modes {
		for _, size := range []int{45, 4096} {
			b.Run(fmt.Sprint(m.name, "/", size), func(b *testing.B) {
				s := start(b, m, ws.Options{}, echoing)
				c := s.dial()
				msg := masked(fin|opBinary, string(make([]byte, size)))
				back := make([]byte, len(msg)-4)
				b.ReportAllocs()
				for b.Loop() {
					c.write(msg)
					if _, err := io.ReadFull(c.br, back); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
