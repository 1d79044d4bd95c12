package web

import (
	"fmt"
	"net/http"
	"strings"

	"vaiven"
)

// rule says who may ask for a route. The zero value says nothing: a route that has it is
// a mistake of ours, and New panics.
type rule struct {
	who     audience
	right   vaiven.Rights // that holders need
	devices scope         // that it is about
	costly  bool          // it costs the server work or memory: no page of another site has a visitor's browser ask for it
	anyHost bool          // whatever name the server is called by: it tells nothing of what it has
}

// audience is who may ask for a route.
type audience int

const (
	unsaid    audience = iota
	everybody          // it tells nothing, or decides itself
	boards             // the gateway decides, by device
	holders            // whoever has the right
)

// scope is which devices a route is about.
type scope int

const (
	noDevice    scope = iota
	oneDevice         // that of the path's {id}
	someDevices       // its handler leaves out those that whoever asks does not see
	allDevices        // nothing can be left out: it is for those who see every device
)

// The rules that there are.
var (
	forAll            = rule{who: everybody}
	forProbes         = rule{who: everybody, anyHost: true}
	forBoards         = rule{who: boards}
	forBoard          = rule{who: boards, devices: oneDevice}
	readsDevice       = rule{who: holders, right: vaiven.MayRead, devices: oneDevice}
	readsSome         = rule{who: holders, right: vaiven.MayRead, devices: someDevices}
	readsAll          = rule{who: holders, right: vaiven.MayRead, devices: allDevices}
	setsDevice        = rule{who: holders, right: vaiven.MaySet, devices: oneDevice}
	setsSome          = rule{who: holders, right: vaiven.MaySet, devices: someDevices}
	administersDevice = rule{who: holders, right: vaiven.MayAdmin, devices: oneDevice}
	administers       = rule{who: holders, right: vaiven.MayAdmin, devices: allDevices}
)

// atCost is the rule of a route that costs the server something.
func (r rule) atCost() rule {
	r.costly = true
	return r
}

// outside are the rules of all that is no operation of the API; those are said where the
// operations are ([operation.needs]).
var outside = map[string]rule{
	"/{$}":                 forAll, // tells whoever may not read how to get in
	"/ws":                  forBoards,
	"/":                    forAll, // there is no such thing
	"GET /healthz":         forProbes,
	"GET /readyz":          forProbes, // why is told to those who may read
	"GET /metrics":         readsAll,
	"GET /metrics/devices": readsAll,
	"GET /login":           forAll,
	"POST /login":          forAll,
	"GET /assets/{file}":   forAll,
	prometheusPrefix + "/": readsAll.atCost(),
	prefix + "/":           forAll, // there is no such operation
	prefix + "/live/":      readsSome,

	"GET " + prefix + "/docs":         forAll, // the program's, the same everywhere
	"GET " + prefix + "/openapi.json": forAll,
	"GET " + prefix + "/openapi.yaml": forAll,
}

// table is which rule each route has, by its pattern; both muxes and the tests ask it.
type table map[string]rule

// routes is a mux that serves nothing without a rule.
type routes struct {
	*http.ServeMux
	guard *guard
	table table
}

func newRoutes(g *guard, t table) *routes { return &routes{http.NewServeMux(), g, t} }

// Handle serves a pattern behind its rule.
func (t *routes) Handle(pattern string, h http.Handler) {
	t.ServeMux.Handle(pattern, t.guard.wrap(t.ruleOf(pattern), h))
}

// HandleFunc is Handle for a function, as the API's framework wants it.
func (t *routes) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	t.Handle(pattern, http.HandlerFunc(h))
}

func (t *routes) ruleOf(pattern string) rule {
	r := t.table[pattern]
	if r.who == unsaid {
		panic(fmt.Sprintf("web: nobody has said who may ask for %q", pattern))
	}
	return r
}

// add says which rule an operation of the API has.
func (t table) add(op *operation) {
	t[op.method+" "+prefix+op.path] = op.needs
}

// security is the rule as OpenAPI writes it. What only needs reading may be open to all.
func (r rule) security(live bool) []map[string][]string {
	nobody, token, session := map[string][]string{}, map[string][]string{"token": {}}, map[string][]string{"session": {}}
	switch {
	case r.who == everybody:
		return []map[string][]string{nobody}
	case r.who == boards:
		return []map[string][]string{nobody, token}
	case live:
		return []map[string][]string{nobody, token, session, {"ticket": {}}}
	case r.right == vaiven.MayRead:
		return []map[string][]string{nobody, token, session}
	}
	return []map[string][]string{token, session}
}

// words are the rule for the document's readers.
func (r rule) words() string {
	switch {
	case r.who == everybody:
		return "Anybody may ask."
	case r.who == boards:
		return "For boards: what one may do that proves nothing is the device protocol's. A token needs the right send."
	}
	of := map[scope]string{
		noDevice: "", oneDevice: ", for this device", someDevices: "; of devices that a token is not for nothing is told", allDevices: ", and a token for all devices",
	}[r.devices]
	return "Needs the right " + strings.Join(r.right.Names(), ", ") + of + "."
}
