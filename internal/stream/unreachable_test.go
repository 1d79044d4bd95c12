package stream

import (
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestNATSServerThatIsNotThere, or does not let us in, is named without our password.
func TestNATSServerThatIsNotThere(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, func(o *server.Options) { o.Username, o.Password = "ana", "right" })
	there := srv.Addr().String()
	gone := machine(t, t.TempDir(), 0, nil)
	nowhere := gone.Addr().String()
	shutdown(gone)
	for _, c := range []struct {
		address, called string
		refused         bool
	}{
		{"nats://ana:wrong@" + there, "nats://ana:xxxxx@" + there, true},
		{"nats://" + there, "nats://" + there, true},
		{"nats://ana:wrong@" + nowhere, "nats://ana:xxxxx@" + nowhere, false},
	} {
		_, err := Open(testContext(t), Options{URL: c.address, Logger: quiet()})
		var away *UnreachableError
		if !errors.As(err, &away) || away.Refused != c.refused || away.Servers != c.called {
			t.Errorf("%s: %v", c.called, err)
		}
	}
	if got := redact("nats://a:b@one:4222, two:4222,::bad"); got != "nats://a:xxxxx@one:4222, two:4222, ?" {
		t.Errorf("list: %s", got)
	}
}
