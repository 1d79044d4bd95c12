package api

import (
	"time"

	"vaiven"
)

// Login is what opens a session.
type Login struct {
	_      struct{} `additionalProperties:"false"`
	Secret string   `json:"secret" maxLength:"1000" doc:"What stands behind the # of a login link"`
}

// Me is whoever asks, as the server knows it.
type Me struct {
	Name    string        `json:"name,omitempty" doc:"For people; left out of somebody who showed nothing" example:"browser"`
	Use     string        `json:"use,omitempty" doc:"What was shown: board, api or browser" example:"browser"`
	Token   string        `json:"token,omitempty" doc:"The name of the token that was shown; tells nothing about it"`
	Rights  []string      `json:"rights" nullable:"false" doc:"read, set, send, admin; admin is all of them" example:"[\"admin\"]"`
	Devices []string      `json:"devices,omitempty" nullable:"false" doc:"Patterns of the only devices that it is for; left out: all" example:"[\"1*\"]"`
	Board   vaiven.Device `json:"board,omitempty" doc:"The device that a board's token speaks for"`
	Expires time.Time     `json:"expires,omitzero" doc:"When what was shown is not good any more"`
}

// Ticket stands for whoever asked for it, in the address of a live feed.
type Ticket struct {
	Ticket string `json:"ticket" doc:"For ticket= in the feed's address, within a minute; empty where nobody needs one"`
}
