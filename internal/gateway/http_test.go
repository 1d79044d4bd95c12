package gateway

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// A message of 64 KiB has thousands of elements. Many requests that wait, each
// for the one before it, must not hold them all.
func TestPostsThatWaitHoldTheirMessageOnly(t *testing.T) {
	const waiting, each = 40, 256 << 10 // bytes, four times the message
	r := start(t, Limit{})
	message := []byte("[" + strings.TrimSuffix(strings.Repeat(`{"IDDEVICE":101,"T":1},{"IDDEVICE":102,"T":1},{"IDDEVICE":103,"T":1},`, 940), ",") + "]")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	var posts sync.WaitGroup
	defer func() {
		cancel()
		posts.Wait()
		r.m.set(func() { r.m.held = false })
		r.m.commit()
	}()
	post := func() { _, _ = r.g.Post(ctx, Sender{Remote: home}, false, message) }

	r.m.set(func() { r.m.held = true })
	posts.Go(post)
	r.until("the first waits for its commit", func() bool {
		r.m.mu.Lock()
		defer r.m.mu.Unlock()
		return len(r.m.queue) == 2820
	})
	before := heapInUse()
	for range waiting {
		posts.Go(post)
	}
	stacks := make([]byte, 4<<20)
	r.until("the others wait for their turn", func() bool {
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "gateway.(*presence).awaitToken(") == waiting
	})
	if after := heapInUse(); after > before+waiting*each {
		t.Errorf("%d requests that wait hold %d KiB each", waiting, (after-before)/waiting>>10)
	}
}

// heapInUse is what is in use, without what is garbage.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
