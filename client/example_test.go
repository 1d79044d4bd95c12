package client_test

import (
	"context"
	"fmt"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
)

// A board that keeps each reading until the server has it on disk.
func Example() {
	server := clienttest.New(clienttest.Options{}) // in a program: vaiven serve
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	board, err := client.Dial(ctx, client.Options{URL: server.URL, Device: "101"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, temp := range []float64{24.5, 24.6, 24.8} {
		seq, err := board.Send(ctx, client.Reading{Values: []vaiven.Value{
			{Name: "TEMP", Num: temp},
			{Name: "HUM", Num: 61},
		}})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("SEQ", seq)
	}
	if err := board.Close(ctx); err != nil { // waits for the acknowledgements
		fmt.Println(err)
		return
	}
	fmt.Println("acknowledged:", board.Stats().Acked)
	// Output:
	// SEQ 1
	// SEQ 2
	// SEQ 3
	// acknowledged: 3
}

// A board with an LED that the server switches.
func ExampleClient_Report() {
	server := clienttest.New(clienttest.Options{
		Welcome: clienttest.Want(7, vaiven.Value{Name: "LED", Num: 1}),
	})
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	wanted := make(chan client.Desired, 8)
	board, err := client.Dial(ctx, client.Options{
		URL: server.URL, Device: "101",
		States:    []vaiven.Value{{Name: "LED", Num: 0}},
		OnDesired: func(d client.Desired) { wanted <- d },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer board.Close(ctx)

	d := <-wanted
	led, _ := vaiven.Find(d.States, "LED")
	fmt.Println("LED", led)                               // here the pin would be switched
	if err := board.Report(d.States, d.Rev); err != nil { // and this confirms it
		fmt.Println(err)
	}
	// Output:
	// LED 1
}

// A board in the course's form: nothing is acknowledged, nothing is repeated.
func ExampleClient_SendUnacked() {
	server := clienttest.New(clienttest.Options{})
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	board, err := client.Dial(ctx, client.Options{URL: server.URL, Device: "101", Course: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer board.Close(ctx)
	err = board.SendUnacked(ctx, []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}})
	fmt.Println(err)
	// Output:
	// <nil>
}

// What to do when the network is away for longer than the ring lasts: keep the
// newest readings, and count what was given up.
func ExampleOptions_dropOldest() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	board, err := client.Dial(ctx, client.Options{
		URL: "ws://127.0.0.1:9", Device: "101", // nobody there
		Background: true, Ring: 100, DropOldest: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 150 {
		if _, err := board.Send(ctx, client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}}}); err != nil {
			fmt.Println(err)
			return
		}
	}
	stats := board.Stats()
	fmt.Println("held:", stats.Pending, "given up:", stats.Lost)
	cancel() // do not wait for the server
	fmt.Println(board.Close(ctx))
	// Output:
	// held: 100 given up: 50
	// client: closed with readings that were not acknowledged: 100
}
