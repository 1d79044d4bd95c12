package web

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"vaiven/internal/web/api"
)

// problemType is the type of what is answered instead of a success.
var problemType = reflect.TypeFor[api.Problem]()

// aliases tells the document's schemas of types that JSON writes in their own
// way.
func aliases(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[api.Number](), reflect.TypeFor[number]())
	r.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[message]())
}

// number is the schema of the value of a state.
type number struct{}

// Schema says that a number, true and false are right.
func (number) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeBoolean}},
		Description: "A number; true and false are 1 and 0",
	}
}

// message is the schema of what is sent to boards.
type message struct{}

// Schema says that it is an object.
func (message) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "A message of the device protocol, for the board"}
}
