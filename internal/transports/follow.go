package transports

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Task is what a process with followers does.
type Task struct {
	Transport Transport     `json:"transport"`
	Addr      string        `json:"addr"` // of the server or the broker, HOST:PORT
	Readings  int           `json:"readings"`
	Followers int           `json:"followers"`
	Poll      time.Duration `json:"poll"`
}

// Deadlines of a follower.
const (
	stepTime = 10 * time.Second // for a connection, a handshake, an answer
	graceful = 3 * time.Second  // beyond Task.Poll, for what is still on its way when all was sent
)

// ready is the line that a process writes when all its followers follow.
const ready = "ready"

// notes are what one follower has noted, as its process hands them on.
type notes struct {
	Arrived    []int64 `json:"arrived"` // Unix ns of each reading's arrival, 0: it was missed
	Duplicates int     `json:"duplicates"`
	In         int64   `json:"in"` // bytes
	Out        int64   `json:"out"`
	Requests   int64   `json:"requests"`
	Problem    string  `json:"problem,omitempty"`
}

// follower notes when readings arrive. One goroutine uses it.
type follower struct {
	task Task
	traffic
	notes   notes
	started func() // to be called once it follows
}

// note says that reading n is here; 0 is nothing.
func (f *follower) note(n int) {
	switch {
	case n < 1 || n > len(f.notes.Arrived): // not of this stream
	case f.notes.Arrived[n-1] != 0:
		f.notes.Duplicates++
	default:
		f.notes.Arrived[n-1] = time.Now().UnixNano()
	}
}

// complete reports whether the last reading has come: nothing comes after it.
func (f *follower) complete() bool { return f.notes.Arrived[len(f.notes.Arrived)-1] != 0 }

// url is an address of the server's.
func (f *follower) url(pathAndQuery string) string { return "http://" + f.task.Addr + pathAndQuery }

// Follow follows with the task's transport, writes "ready" as soon as all its
// followers follow, and what they noted when each has the last reading; or a
// while after sent was closed, which says that all readings were sent.
func Follow(ctx context.Context, task Task, sent <-chan struct{}, out io.Writer) error {
	follow, ok := ways[task.Transport]
	if !ok || task.Readings < 1 || task.Readings > maxReadings || task.Followers < 1 || task.Followers > maxFollowers || task.Poll <= 0 {
		return fmt.Errorf("transports: not a task: %+v", task)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	defer func() { <-over }()
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		defer close(over)
		expire(task, sent, finished, cancel)
	}()
	all := followAll(ctx, task, follow, out)
	return json.NewEncoder(out).Encode(all)
}

// expire ends the followers a while after everything was sent.
func expire(task Task, sent, finished <-chan struct{}, cancel func()) {
	select {
	case <-sent:
	case <-finished:
		return
	}
	limit := time.NewTimer(task.Poll + graceful)
	defer limit.Stop()
	if task.Transport == none {
		limit.Reset(0)
	}
	select {
	case <-limit.C:
	case <-finished:
	}
	cancel()
}

func followAll(ctx context.Context, task Task, follow way, out io.Writer) []*notes {
	noted := make([]*notes, task.Followers)
	var all, started sync.WaitGroup
	started.Add(task.Followers)
	for i := range noted {
		f := &follower{task: task, started: sync.OnceFunc(started.Done)}
		f.notes.Arrived = make([]int64, task.Readings)
		noted[i] = &f.notes
		all.Go(func() {
			defer f.started()
			err := follow(ctx, f)
			if err != nil && ctx.Err() == nil {
				f.notes.Problem = err.Error()
			}
			f.notes.In, f.notes.Out, f.notes.Requests = f.in.Load(), f.out.Load(), f.requests.Load()
		})
	}
	started.Wait()
	fmt.Fprintln(out, ready)
	all.Wait()
	return noted
}

// way is how one follower follows until it is complete or ctx is done.
type way func(ctx context.Context, f *follower) error

var ways = map[Transport]way{
	WebSocket: followWebSocket,
	SSE:       followSSE,
	NDJSON:    followNDJSON,
	LongPoll:  followLongPoll,
	Poll:      pollEvents,
	Values:    pollValues,
	MQTT:      followMQTT,
	none:      followNothing,
}

// followNothing is there while the others would be: what its process uses, the
// others use as well.
func followNothing(ctx context.Context, f *follower) error {
	f.started()
	<-ctx.Done()
	return nil
}

// refused is an answer that is not what was asked for.
type refused struct {
	code int
	text string
}

func (e *refused) Error() string { return e.text }

func refusal(r *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(r.Body, 300)) // what there is of it
	return &refused{r.StatusCode, fmt.Sprintf("%s: %s %s", r.Request.URL.Path, r.Status, text)}
}
