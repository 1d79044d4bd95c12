package web

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
	"vaiven/internal/web/api"
)

func (s *server) boardOperations() {
	register(s, operation{
		method: http.MethodPost, path: "/readings", id: "postReadings", needs: forBoards, busy: busyBoards, tag: "boards", message: true, maxBody: int64(s.o.MaxMessage),
		refusals: []int{400, 404, 409, 413, 415, 429},
		summary:  "Send a message as over a WebSocket",
		about: "The body is one message of the device protocol, as JSON, or as CBOR (application/cbor). The answer comes when what was taken is on disk; " +
			"its messages are what the server would have sent over a WebSocket.",
		examples: []example{
			{name: "post-readings.json", title: "A reading that must not be lost", path: "/readings", body: `{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"AGE":0,"TEMP":24.5,"HUM":61}`},
			{name: "post-reading-course.json", title: "The course's form", path: "/readings", body: `{"IDDEVICE":102,"TEMP":24.5,"HUM":61}`},
			{name: "post-reading-text.json", title: "A number with quotes", path: "/readings", body: `{"IDDEVICE":101,"TEMP":"24.5"}`, status: 422},
		},
	}, s.postReadings)
	register(s, operation{
		method: http.MethodGet, path: "/devices/{id}/desired", id: "getDesired", needs: forBoard, busy: busyBoards, tag: "boards", refusals: []int{400, 404, 409},
		schema: message{}.Schema(nil), also: map[int]string{http.StatusNoContent: "No other REV came in time"},
		summary: "Wait for the desired state of a board",
		about:   "Long polling: answers with the message of the device protocol once its REV differs from rev, or 204 when wait is over.",
		examples: []example{
			{name: "get-desired.json", title: "A board that has done what REV 6 said", path: "/devices/101/desired?rev=6&wait=30s"},
			{name: "get-desired-none", title: "Nothing new", path: "/devices/101/desired?rev=7&wait=10ms", status: 204},
		},
	}, s.getDesired)
}

type postReadings struct {
	exchange
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte `contentType:"application/json"`
}

func (s *server) postReadings(ctx context.Context, in *postReadings) (*body[api.Posted], error) {
	binary, err := s.isBinary(in.ContentType)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	in.extendDeadline(postTimeout)
	p, err := s.o.Posts.Post(ctx, in.r, in.RawBody, binary)
	messages := make([]json.RawMessage, 0, len(p.Messages))
	for _, m := range p.Messages {
		messages = append(messages, m)
	}
	if err != nil {
		return nil, s.postProblem(err, messages)
	}
	return &body[api.Posted]{api.Posted{Committed: p.Committed, Refused: p.Refused, Messages: messages}}, nil
}

// postTimeout bounds how long a message waits for its commit.
const postTimeout = 15 * time.Second

// isBinary tells CBOR from JSON. Boards that say nothing, or what libraries say
// by themselves, send JSON.
func (s *server) isBinary(contentType string) (bool, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", err == nil && (media == "application/json" || media == "text/plain" || media == "application/x-www-form-urlencoded"):
		return false, nil
	case err == nil && media == "application/cbor":
		return true, nil
	}
	return false, api.NewProblem(http.StatusUnsupportedMediaType, "media_type",
		s.o.Lang.Say("the body is neither JSON nor CBOR", "el cuerpo no es JSON ni CBOR"), "Content-Type: application/json, application/cbor")
}

// postProblem is the answer to a message of which nothing was taken: the first
// error message has the words.
func (s *server) postProblem(err error, messages []json.RawMessage) error {
	failed := s.fail(err)
	var p *api.Problem
	var refused *vaiven.Error
	if !errors.As(failed, &p) || !errors.As(err, &refused) {
		return failed
	}
	p.Messages = messages
	for _, m := range messages {
		var words struct {
			Error string `json:"ERROR"`
		}
		if json.Unmarshal(m, &words) == nil && words.Error != "" {
			p.Detail = words.Error
			break
		}
	}
	return failed
}

type getDesired struct {
	exchange
	DeviceID
	Rev  uint64 `query:"rev" doc:"The last that the board has; 0 or left out: none" example:"6"`
	Wait string `query:"wait" maxLength:"20" doc:"How long to wait for another, 60s at most" example:"30s"`
}

func (s *server) getDesired(ctx context.Context, in *getDesired) (*rawAnswer, error) {
	d, err := s.parseDevice(in.ID)
	if err != nil {
		return nil, err
	}
	wait, err := s.parseDuration("query.wait", in.Wait, maxWait)
	if err != nil {
		return nil, err
	}
	in.extendDeadline(wait)
	ctx, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	defer cancel()
	message, err := s.o.Posts.Desired(ctx, in.r, d, in.Rev)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, s.desiredProblem(err)
	}
	return &rawAnswer{func(c huma.Context) {
		if message == nil {
			c.SetStatus(http.StatusNoContent)
			return
		}
		c.SetHeader("Content-Type", "application/json")
		_, _ = c.BodyWriter().Write(message) // the board may be gone
	}}, nil
}

// desiredProblem says why a board is not told its desired state.
func (s *server) desiredProblem(err error) error {
	var refused *vaiven.Error
	if errors.As(err, &refused) || errors.Is(err, context.Canceled) || errors.Is(err, errNotOffered) {
		return s.fail(err)
	}
	return api.NewProblem(http.StatusConflict, codeNotNow, s.o.Lang.Say("this device has posted nothing from this address", "este dispositivo no envió nada desde esta dirección"),
		s.o.Lang.Say("POST /api/v1/readings first: a HELLO or a reading", "primero POST /api/v1/readings: un HELLO o una lectura"))
}
