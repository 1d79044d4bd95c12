package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

func (s *server) backupOperation() {
	register(s, operation{
		method: http.MethodGet, path: "/backup", id: "getBackup", needs: administers.atCost(), busy: busyBackup, tag: "server", media: "application/octet-stream", refusals: []int{404},
		summary: "A backup of the server: all of its log and its CSV, in one file",
		about: "For `vaiven backup`, which checks what it gets, and `vaiven restore`. " +
			"The log is in it up to the record that is the last when the answer begins; boards are served meanwhile. One backup at a time is written: " +
			"whoever asks for a second gets 503. An answer that fails in the middle is cut off, and a backup without its end is none.",
		examples: []example{
			{name: "get-backup-denied.json", title: "With a token that is none", path: "/backup", headers: [][2]string{{"Authorization", "Bearer guessed"}}, status: 401},
		},
	}, s.getBackup)
}

// backupRetry is when somebody may ask again who asked for a second one.
const backupRetry = 10 * time.Second

func (s *server) getBackup(_ context.Context, _ *struct{}) (*rawAnswer, error) {
	if s.o.Backup == nil {
		return nil, s.fail(errNotOffered)
	}
	select {
	case s.backing <- struct{}{}:
	default:
		return nil, s.backupBusy()
	}
	return &rawAnswer{func(ctx huma.Context) {
		defer func() { <-s.backing }()
		r, w := humago.Unwrap(ctx)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", "vaiven-"+s.now().UTC().Format("20060102-150405Z")+".backup"))
		if r.Method == http.MethodHead {
			return
		}
		out := newPatientWriter(w, answerTimeout, 0)
		if err := s.o.Backup(r.Context(), out); err != nil {
			level := slog.LevelError
			if r.Context().Err() != nil { // whoever asked is gone
				level = slog.LevelInfo
			}
			s.o.Logger.Log(r.Context(), level, "backup not finished", "err", err)
			panic(http.ErrAbortHandler) // it must not look like a whole answer
		}
	}}, nil
}
