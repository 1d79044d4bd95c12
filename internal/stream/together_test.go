package stream

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// gateways that start at the same moment, and how often they do.
const (
	gateways = 3
	mornings = 5
)

// TestGatewaysThatStartTogether opens several logs at once where there is none
// yet. One of them makes the stream, one writes the first record: all find one
// log, with one beginning, and what each writes is numbered without a hole.
func TestGatewaysThatStartTogether(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		together(t, []*server.Server{machine(t, t.TempDir(), 0, nil)}, 1)
	})
	t.Run("a cluster", func(t *testing.T) { together(t, cluster(t, 3), 3) })
}

func together(t *testing.T, srvs []*server.Server, replicas int) {
	for morning := range mornings {
		logs := make([]*running, gateways)
		errs := make([]error, gateways)
		var opening sync.WaitGroup
		begin := make(chan struct{})
		for i := range gateways {
			// Each is configured with the servers in an order of its own.
			var urls []string
			for n := range srvs {
				urls = append(urls, srvs[(i+n)%len(srvs)].ClientURL())
			}
			opening.Go(func() {
				<-begin
				logs[i], errs[i] = tryStart(t, Options{
					URL: strings.Join(urls, ","), Stream: fmt.Sprintf("MORNING%d", morning), Replicas: replicas,
				})
			})
		}
		close(begin)
		opening.Wait()
		for i, err := range errs {
			if err != nil {
				t.Fatalf("morning %d, gateway %d: %v", morning, i, err)
			}
		}
		for i, l := range logs {
			if l.ID() != logs[0].ID() {
				t.Errorf("morning %d: two logs: %s and %s", morning, logs[0].ID(), l.ID())
			}
			l.append(reading(i+1, 1))
			l.append(reading(i+1, 2))
		}
		for _, l := range logs {
			l.await(2)
		}
		for _, l := range logs {
			l.check()
			l.stop()
		}
	}
}
