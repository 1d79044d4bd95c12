package stream

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// restored is a folder with an embedded log that was trimmed, as of a backup, and what
// is in it.
func restored(t *testing.T) (dir, id string, first uint64, records [][]byte) {
	t.Helper()
	r := start(t, Options{Dir: t.TempDir()})
	for i := range 40 {
		r.append(reading(101, i))
		r.await(i + 1)
	}
	r.put(20, []byte("a snapshot"))
	if err := r.Trim(testContext(t), 20); err != nil {
		t.Fatal(err)
	}
	records, id, first = rawRecords(t, r.Log), r.ID(), r.First()
	list, err := r.Snapshots(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	err = WriteLog(testContext(t), Options{Dir: dir, Logger: quiet()}, Copy{ID: id, Genesis: 1, First: first, Snapshots: list,
		Snapshot: func(i int) ([]byte, error) { return r.Log.Snapshot(testContext(t), list[i].Pos) }, Next: each(records)})
	if err != nil {
		t.Fatal(err)
	}
	return dir, id, first, records
}

// TestAFolderWithALogIsNotPutOnAnother: a restored folder, or one that had its log
// embedded, is not started over a NATS server that has none, or another.
func TestAFolderWithALogIsNotPutOnAnother(t *testing.T) {
	dir, id, _, records := restored(t)
	refused := func(url, other string) {
		t.Helper()
		l, err := Open(testContext(t), Options{Dir: dir, URL: url, Logger: quiet()})
		if err == nil {
			_ = l.Close()
		}
		var own *OwnLogError
		if !errors.As(err, &own) || own.Other != other || own.Acked != 41 {
			t.Errorf("it opens with %v", err)
		}
	}
	srv := machine(t, t.TempDir(), 0, nil)
	refused(srv.ClientURL(), "")
	far := start(t, Options{URL: srv.ClientURL()})
	refused(srv.ClientURL(), far.ID()) // which is shorter
	for i := range 60 {
		far.append(reading(102, i))
		far.await(i + 1)
	}
	refused(srv.ClientURL(), far.ID())
	own := start(t, Options{Dir: dir})
	if got := rawRecords(t, own.Log); own.ID() != id || cmp.Diff(records, got) != "" {
		t.Errorf("its own log is another now: %s, %d records", own.ID(), len(got))
	}
}

// goesOn opens the folder's log at a server to which it was moved.
func goesOn(t *testing.T, o Options, id string, first uint64, records [][]byte) *running {
	t.Helper()
	l := start(t, o)
	if got := rawRecords(t, l.Log); l.ID() != id || l.First() != first || cmp.Diff(records, got) != "" {
		t.Errorf("log %s from %d on, %d records; want %s from %d on, %d records", l.ID(), l.First(), len(got), id, first, len(records))
	}
	if b, err := l.Snapshot(testContext(t), 20); err != nil || string(b) != "a snapshot" {
		t.Errorf("%q, %v", b, err)
	}
	l.append(reading(101, 40))
	l.await(1)
	l.put(30, []byte("another"))
	return l
}

// TestARestoredLogMovesToANATSServer whose files become those of the folder.
func TestARestoredLogMovesToANATSServer(t *testing.T) {
	dir, id, first, records := restored(t)
	store := t.TempDir()
	if err := os.CopyFS(filepath.Join(store, "jetstream"), os.DirFS(filepath.Join(dir, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	goesOn(t, Options{Dir: dir, URL: machine(t, store, 0, nil).ClientURL()}, id, first, records)
}

// TestARestoredLogMovesToACluster by NATS's own backup of the streams, which a server
// over the folder's files gives and a cluster takes.
func TestARestoredLogMovesToACluster(t *testing.T) {
	dir, id, first, records := restored(t)
	store := t.TempDir()
	if err := os.CopyFS(filepath.Join(store, "jetstream"), os.DirFS(filepath.Join(dir, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	from, to := machine(t, store, 0, nil), cluster(t, 3)
	for _, stream := range []string{"VAIVEN", "VAIVEN-SNAPSHOTS"} {
		copyStream(t, from, to[0], stream, 3)
	}
	l := goesOn(t, Options{Dir: dir, URL: to[1].ClientURL()}, id, first, records)
	if d := l.Durability(); d.Replicas != 3 {
		t.Errorf("%d replicas", d.Replicas)
	}
}

// copyStream does what `nats stream backup` and `nats stream restore --replicas` do.
func copyStream(t *testing.T, from, to *server.Server, stream string, replicas int) {
	t.Helper()
	connect := func(s *server.Server) *nats.Conn {
		nc, err := nats.Connect(s.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	ask := func(nc *nats.Conn, subject string, what, answer any) {
		t.Helper()
		b, err := json.Marshal(what)
		if err != nil {
			t.Fatal(err)
		}
		m, err := nc.RequestWithContext(testContext(t), subject, b)
		if err != nil {
			t.Fatal(subject, err)
		}
		var failed struct{ Error *jetstream.APIError }
		if err := errors.Join(json.Unmarshal(m.Data, &failed), json.Unmarshal(m.Data, answer)); err != nil || failed.Error != nil {
			t.Fatal(subject, err, failed.Error)
		}
	}
	source, target := connect(from), connect(to)
	box := source.NewInbox()
	sub, err := source.SubscribeSync(box)
	if err != nil {
		t.Fatal(err)
	}
	var snapshot struct {
		Config map[string]any  `json:"config"`
		State  json.RawMessage `json:"state"`
	}
	ask(source, "$JS.API.STREAM.SNAPSHOT."+stream, map[string]any{"deliver_subject": box, "no_consumers": true}, &snapshot)
	snapshot.Config["num_replicas"] = replicas
	var place struct {
		DeliverSubject string `json:"deliver_subject"`
	}
	ask(target, "$JS.API.STREAM.RESTORE."+stream, snapshot, &place)
	for {
		m, err := sub.NextMsgWithContext(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Data) == 0 {
			break
		}
		if _, err := target.RequestWithContext(testContext(t), place.DeliverSubject, m.Data); err != nil {
			t.Fatal(err)
		}
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	m, err := target.RequestWithContext(testContext(t), place.DeliverSubject, nil)
	if err != nil {
		t.Fatal(err)
	}
	var failed struct{ Error *jetstream.APIError }
	if err := json.Unmarshal(m.Data, &failed); err != nil || failed.Error != nil {
		t.Fatal(err, failed.Error)
	}
}
