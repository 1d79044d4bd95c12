// Command echo is a WebSocket server that sends every message back: for
// conformance suites and measurements of package ws.
//
//	go run ./internal/ws/echo -listen 127.0.0.1:9001
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"vaiven/internal/ws"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("echo", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:9001", "address to listen on")
	limit := fs.Int("max", 16<<20, "largest message, in bytes")
	buffered := fs.Bool("buffered", false, "use the portable read loop")
	report := fs.Duration("report", 0, "print connections and resident memory this often (0: never)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := &server{options: ws.Options{
		MaxMessage:   *limit,
		MaxQueue:     4 * *limit,
		BufferedRead: *buffered,
		CloseTimeout: 2 * time.Second,
	}}
	fmt.Fprintf(os.Stderr, "echo: ws://%s, messages up to %d bytes\n", ln.Addr(), *limit)
	return s.serve(ctx, ln, *report)
}
