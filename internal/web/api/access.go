package api

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"time"

	"vaiven"
)

// Waiting are the boards that wait until somebody lets them in.
type Waiting struct {
	Waiting []WaitingBoard `json:"waiting" nullable:"false" doc:"Who came first first; those of this server alone"`
}

// WaitingBoard is a board that waits. Two at different addresses with one id are two.
type WaitingBoard struct {
	Device vaiven.Device `json:"device" doc:"The id that it gives" example:"101"`
	Remote string        `json:"remote" doc:"Its address" example:"192.168.0.20"`
	Since  time.Time     `json:"since"`
	Last   time.Time     `json:"last" doc:"When it came last"`
	Count  uint64        `json:"count" doc:"Messages of it that were refused" example:"3"`
	Hello  bool          `json:"hello" doc:"It says HELLO: it is given a token when it is let in. One of the course's form is not, and stays unverified"`
	FW     string        `json:"fw,omitempty" doc:"Its firmware, as it says" example:"1.0.0"`
}

// Approval lets a board in.
type Approval struct {
	_            struct{} `additionalProperties:"false"`
	Remote       string   `json:"remote,omitempty" maxLength:"64" doc:"The address of the board that is meant; where two wait with one id it must be said" example:"192.168.0.20"`
	Concentrator bool     `json:"concentrator,omitempty" doc:"Its connection may speak for many devices"`
}

// NewBoardToken asks for a token of a device's board.
type NewBoardToken struct {
	_            struct{} `additionalProperties:"false"`
	Concentrator bool     `json:"concentrator,omitempty" doc:"Its connection may speak for many devices"`
}

// BoardToken is a token of a device's board, which is told once.
type BoardToken struct {
	Device    vaiven.Device `json:"device" example:"101"`
	Token     string        `json:"token" doc:"Keep it in the board: it is told this once" example:"vvn_..."`
	Addresses []string      `json:"addresses" nullable:"false" doc:"Where the board connects, best first" example:"[\"ws://192.168.0.2:8080/\"]"`
}

// Door says whether every board is let in, unverified.
type Door struct {
	Open  bool      `json:"open"`
	Class bool      `json:"class" doc:"It is open as long as the server runs: it was started for a class"`
	Until time.Time `json:"until,omitzero" doc:"When it closes by itself"`
}

// OpenDoor asks for the door.
type OpenDoor struct {
	_     struct{} `additionalProperties:"false"`
	ForMS int64    `json:"for_ms" minimum:"0" maximum:"604800000" doc:"How long every board is let in, in ms, a week at most; 0 closes the door" example:"600000"`
}

// Token is what is known of a token of the API, or of a browser that came in; never
// the token itself.
type Token struct {
	ID      vaiven.TokenID  `json:"id" doc:"Names it, and tells nothing about it" example:"9f3c02aa51d0"`
	Name    string          `json:"name,omitempty" example:"garden"`
	Use     vaiven.TokenUse `json:"use" enum:"api,browser" doc:"browser: the session of a browser that came in by a login link"`
	Can     []string        `json:"can" nullable:"false" example:"[\"read\",\"set\"]"`
	Devices []string        `json:"devices,omitempty" nullable:"false" doc:"Patterns of the ids that it is for; left out: all" example:"[\"1*\"]"`
	Created time.Time       `json:"created"`
	Expires time.Time       `json:"expires,omitzero" doc:"Left out: never"`
	By      string          `json:"by,omitempty" doc:"Who made it; of a browser its address"`
	Text    string          `json:"token,omitempty" doc:"In the answer to its creation alone"`
}

// Tokens are those that are good now.
type Tokens struct {
	Tokens []Token `json:"tokens" nullable:"false" doc:"Oldest first"`
}

// NewToken asks for a token of the API.
type NewToken struct {
	_       struct{} `additionalProperties:"false"`
	Name    string   `json:"name,omitempty" maxLength:"64" doc:"What people call it" example:"garden"`
	Can     []string `json:"can" nullable:"false" minItems:"1" maxItems:"4" enum:"read,set,send,admin" doc:"What it may do; admin is all" example:"[\"read\",\"set\"]"`
	Devices []string `json:"devices,omitempty" nullable:"false" maxItems:"32" maxLength:"64" doc:"Patterns of the ids that it is for; left out: all" example:"[\"1*\"]"`
	ForMS   int64    `json:"for_ms,omitempty" minimum:"0" maximum:"315576000000" doc:"How long it is good, in ms, ten years at most; 0: for ever" example:"604800000"`
}

// LoginLink opens the browser of an administrator, once.
type LoginLink struct {
	URLs    []string  `json:"urls" nullable:"false" doc:"The same link at each address of the server; the first is the best for another device" example:"[\"http://192.168.0.2:8080/login#vvn_...\"]"`
	Expires time.Time `json:"expires"`
}

// Waiting returns the boards that wait to be let in.
func (c *Client) Waiting(ctx context.Context) ([]WaitingBoard, error) {
	list, err := get[Waiting](ctx, c, "waiting", nil)
	if err != nil {
		return nil, err
	}
	return list.Waiting, nil
}

// Approve lets a board in.
func (c *Client) Approve(ctx context.Context, d vaiven.Device, a Approval) (*Device, error) {
	return post[Device](ctx, c, devicePath(d, "approve"), a)
}

// AddDevice lets a device in and returns a token for its board. One that it uses stays
// good until the new one is used.
func (c *Client) AddDevice(ctx context.Context, d vaiven.Device, r NewBoardToken) (*BoardToken, error) {
	return post[BoardToken](ctx, c, devicePath(d, "token"), r)
}

// RevokeDevice takes back all that a device was given, and closes its connection.
func (c *Client) RevokeDevice(ctx context.Context, d vaiven.Device) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: devicePath(d, "revoke")}, nil)
	return err
}

// Free closes the connection that speaks for a device, and keeps its address from it for
// a while.
func (c *Client) Free(ctx context.Context, d vaiven.Device) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: devicePath(d, "free")}, nil)
	return err
}

// Door says whether every board is let in.
func (c *Client) Door(ctx context.Context) (*Door, error) { return get[Door](ctx, c, "door", nil) }

// OpenDoor lets every board in for a while, unverified; 0 ends that.
func (c *Client) OpenDoor(ctx context.Context, d time.Duration) (*Door, error) {
	return post[Door](ctx, c, "door", OpenDoor{ForMS: d.Milliseconds()})
}

// Tokens returns those of the API that are good now, and the browsers that came in.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	list, err := get[Tokens](ctx, c, "tokens", nil)
	if err != nil {
		return nil, err
	}
	return list.Tokens, nil
}

// CreateToken makes a token; its Text is told this once.
func (c *Client) CreateToken(ctx context.Context, r NewToken) (*Token, error) {
	return post[Token](ctx, c, "tokens", r)
}

// RevokeToken takes back a token of the API, or sends a browser away.
func (c *Client) RevokeToken(ctx context.Context, id vaiven.TokenID) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "tokens/" + url.PathEscape(string(id))}, nil)
	return err
}

// LoginLink makes a link that opens one browser as administrator.
func (c *Client) LoginLink(ctx context.Context) (*LoginLink, error) {
	return post[LoginLink](ctx, c, "login-links", nil)
}

func post[T any](ctx context.Context, c *Client, path string, body any) (*T, error) {
	out := new(T)
	_, err := c.do(ctx, call{method: http.MethodPost, path: path, body: body}, out)
	return orNil(out, err)
}

// CA returns the certificate of the server's own authority, PEM, by which boards know the
// server; "" when it has none.
func (c *Client) CA(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("..", "..", "ca.crt").String(), nil)
	if err != nil {
		return "", err
	}
	resp, err := c.http.Do(req) // without the token: everybody may have it
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	block, _ := pem.Decode(b)
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode != http.StatusOK, block == nil, block.Type != "CERTIFICATE":
		return "", nil
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})), nil // nothing else that may stand there
}
