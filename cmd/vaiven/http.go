package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/web"
	"vaiven/internal/web/api"
	"vaiven/wire"
)

func (a *app) startHTTP(fail context.CancelCauseFunc) *http.Server {
	server := httpServer(web.New(web.Options{
		Boards: a.gateway, Ready: a.notReady, Sessions: a.gateway, Metrics: a.metrics.registry,
		Lang: a.lang, Version: versionText(), Page: a.page, Refused: a.gateway.RefusedRequest,
		Explain: func(e *vaiven.Error) string { return wire.Explain(e, a.lang) },
		Devices: a.reg, Names: names{a}, Twins: a.twin, Events: history{a}, Posts: posts{a.gateway},
		CSV: web.CSV{Path: a.c.csvPath(), Of: fmt.Sprintf("%s %d", a.log.ID(), a.csv.Digits())}, Server: a.serverFacts,
		Live: a.feed.Handler(), States: a.ownStates(), Token: a.c.APIToken, MaxMessage: a.c.MaxMessage, Logger: a.logger,
	}))
	server.ErrorLog = slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug)
	for _, l := range a.listeners {
		l.watch.refused = a.gateway.Refused
		go func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				fail(err)
			}
		}()
	}
	return server
}

// notReady lists why the server should get no boards now.
func (a *app) notReady() []string {
	var why []string
	if err := a.log.Health(); err != nil {
		text, _ := a.logTrouble(err)
		why = append(why, text)
	}
	for _, s := range a.pump.Status() {
		switch {
		case s.Follower: // whether somebody looks is nothing to the boards
		case s.Err != nil:
			why = append(why, a.viewName(s.Name)+": "+a.inWords(s.Err))
		case s.Behind || s.Lag > maxLag:
			why = append(why, fmt.Sprintf(a.say("%s: %d records behind", "%s: %d entradas por detrás"), a.viewName(s.Name), s.Lag))
		}
	}
	return why
}

// maxLag is how many records a view may be behind and still count as following.
const maxLag = 1000

func (a *app) page() web.Page {
	f := a.facts("")
	page := web.Page{Devices: int(a.reg.Counts().Devices), Readings: a.pump.Stats().Readings}
	for _, addr := range f.Addresses {
		page.Addresses = append(page.Addresses, "ws://"+addr+"/")
	}
	for _, addr := range f.Secure {
		page.Addresses = append(page.Addresses, "wss://"+addr+"/")
	}
	if len(f.Addresses) > 0 {
		host, port, _ := net.SplitHostPort(f.Addresses[0])
		lines := console.SketchLines(host, port, "101")
		page.Sketch = lines[:]
	}
	return page
}

// serverFacts is what the API says of this server.
func (a *app) serverFacts() api.Server {
	counts, facts := a.reg.Counts(), a.facts("")
	s := api.Server{
		Log: a.log.ID(), Started: a.started, Synced: a.clock.stamp().Synced,
		Limits: api.Limits{
			MessageBytes: a.c.MaxMessage, Connections: maxConnections(), PerAddress: a.c.MaxPerAddress, Devices: a.c.MaxDevices,
			Readings: a.c.Readings, ForMS: a.c.For.Milliseconds(), IntervalMS: a.c.Interval.Milliseconds(),
		},
		Counts: api.Counts{
			Devices: counts.Devices, Connected: counts.Connected, Events: counts.Events, Readings: counts.Readings,
			Refusals: counts.Refusals, Gaps: counts.Gaps, Filled: counts.Filled, Rejected: counts.Rejected,
		},
	}
	for _, addr := range facts.Addresses {
		s.Addresses = append(s.Addresses, "ws://"+addr+"/")
	}
	for _, addr := range facts.Secure {
		s.Addresses = append(s.Addresses, "wss://"+addr+"/")
	}
	return s
}
