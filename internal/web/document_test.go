package web

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vaiven/internal/web/api"
	"vaiven/internal/web/live"
)

var update = flag.Bool("update", false, "write the answers to the document's examples, and the document")

// document reads the document from a server, and the operations in it.
func document(t *testing.T) (doc map[string]any, operations []map[string]any) {
	t.Helper()
	a := send(t, newWorld(t).serve(t), "GET", prefix+"/openapi.json", "")
	a.into(t, &doc)
	paths := doc["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			op := item[method].(map[string]any)
			op["method"], op["path"] = strings.ToUpper(method), path
			operations = append(operations, op)
		}
	}
	return doc, operations
}

// TestExamples sends every example of the document to a server of its own, and
// compares the answer with the one that the document shows.
func TestExamples(t *testing.T) {
	_, operations := document(t)
	written := map[string]bool{}
	for _, op := range operations {
		list, _ := op["x-requests"].([]any)
		if len(list) == 0 {
			t.Errorf("%s has no example", op["operationId"])
		}
		for _, e := range list {
			b, _ := json.Marshal(e)
			var r request
			if err := json.Unmarshal(b, &r); err != nil {
				t.Fatal(err)
			}
			if r.File = r.Name + ".json"; strings.HasPrefix(r.Name, "readings") && r.Status < 300 {
				r.File = r.Name + ".csv"
			}
			if written[r.File] {
				t.Errorf("example %s is there twice", r.Name)
			}
			written[r.File] = true
			t.Run(r.Name, func(t *testing.T) { tryExample(t, &r) })
		}
	}
	files, err := os.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !written[f.Name()] {
			t.Errorf("examples/%s is no example's answer", f.Name())
		}
	}
}

func tryExample(t *testing.T, r *request) {
	var headers []string
	for name, value := range r.Headers {
		headers = append(headers, name, value)
	}
	w := newWorld(t)
	feed, err := live.New(live.Options{History: w})
	if err != nil {
		t.Fatal(err)
	}
	a := send(t, w.serve(t, func(o *Options) { o.Live = feed.Handler() }), r.Method, r.Path, r.Body, headers...)
	if a.status != r.Status {
		t.Fatalf("%s %s: %d, want %d: %s", r.Method, r.Path, a.status, r.Status, a.body)
	}
	if strings.HasSuffix(a.header.Get("Content-Type"), "json") {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, bytes.TrimSpace(a.body), "", "  "); err != nil {
			t.Fatal(err)
		}
		a.body = append(pretty.Bytes(), '\n')
	}
	file := filepath.Join("examples", r.File)
	if len(a.body) == 0 {
		return
	}
	if *update {
		if err := os.WriteFile(file, a.body, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(a.body, want) {
		t.Errorf("the answer is not the one in %s (go test -update writes it): %v\n%s", file, err, a.body)
	}
}

// TestDocumentIsKept shows the whole document's changes in a commit, and hands
// it to linters.
func TestDocumentIsKept(t *testing.T) {
	got := send(t, newWorld(t).serve(t), "GET", prefix+"/openapi.json", "").body
	got = append(bytes.TrimSpace(got), '\n')
	file := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the document is not %s: look at it, then go test -update ./internal/web (twice): %v", file, err)
	}
}

func TestDocumentSaysAll(t *testing.T) {
	doc, operations := document(t)
	if doc["openapi"] != "3.1.0" {
		t.Errorf("version %v", doc["openapi"])
	}
	known := map[string]bool{}
	for _, tag := range doc["tags"].([]any) {
		known[tag.(map[string]any)["name"].(string)] = true
	}
	ids := map[any]bool{}
	for _, op := range operations {
		id := op["operationId"]
		if id == nil || ids[id] {
			t.Errorf("%s %s: id %v is missing or there twice", op["method"], op["path"], id)
		}
		ids[id] = true
		if s, _ := op["summary"].(string); len(s) < 5 || strings.HasSuffix(s, ".") {
			t.Errorf("%v: summary %q", id, s)
		}
		if tags, _ := op["tags"].([]any); len(tags) != 1 || !known[tags[0].(string)] {
			t.Errorf("%v: tags %v", id, op["tags"])
		}
		saysRefusals(t, op)
		saysParameters(t, op)
	}
	if len(operations) != 41 {
		t.Errorf("%d operations: is one missing, or is its test?", len(operations))
	}
}

// TestTheDocumentSaysWhatIsBusy: each operation that may answer 503 says of what, and no
// other says that it does.
func TestTheDocumentSaysWhatIsBusy(t *testing.T) {
	want := map[string]string{"getDevice": "", "getValues": "", "getState": "", "getSessions": "", "getServer": "", "listWaiting": "", "getDoor": "", "listTokens": "", "whoAmI": "", "makeTicket": ""}
	for text, ids := range map[string][]string{
		busyLog: {"describeDevice", "forgetDevice", "newSession", "setState", "toggleState", "approveDevice", "addDevice", "revokeDevice", "freeDevice", "openDoor", "createToken", "revokeToken", "createLoginLink", "login", "logout"}, busyTable: {"listDevices", "listSessions", "setStates"},
		busyReading: {"listEvents", "getHistory", "listCSV"}, busyFiles: {"getCSV", "getCSVFile"}, busyExports: {"exportReadings"}, busyBackup: {"getBackup"},
		busyBoards: {"postReadings", "getDesired"}, busyFeed: {"pollLive", "followSSE", "followNDJSON", "followWebSocket"},
	} {
		for _, id := range ids {
			want[id] = text
		}
	}
	_, operations := document(t)
	for _, op := range operations {
		id, got := op["operationId"].(string), ""
		if r, ok := op["responses"].(map[string]any)["503"].(map[string]any); ok {
			got = r["description"].(string)
			if r["headers"].(map[string]any)["Retry-After"] == nil {
				t.Errorf("%s: no Retry-After", id)
			}
		}
		text, known := want[id]
		if text != "" {
			text += "; Retry-After says when again"
		}
		if !known || got != text {
			t.Errorf("%s: %q, want %q", id, got, text)
		}
	}
}

// TestBusyIsSaidOfWhatIs: nobody who only reads is told that the log takes nothing.
func TestBusyIsSaidOfWhatIs(t *testing.T) {
	o := filled(newWorld(t).options())
	o.Backup = func(context.Context, io.Writer) error { return nil }
	s := newServer(o)
	full := func(turns chan struct{}) {
		for range cap(turns) {
			turns <- struct{}{}
		}
	}
	full(s.reading)
	full(s.scanning)
	full(s.exports.all)
	full(s.downloads.all)
	full(s.backing)
	for path, want := range map[string]string{
		"/events": "is being read", "/events?order=desc": "is being read", "/history": "is being read", "/csv": "is being read", "/devices": "table of devices",
		"/sessions": "table of devices", "/export": "exports are being written", "/readings.csv": "CSV files", "/csv/readings.csv": "CSV files", "/backup": "a backup",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", prefix+path, nil).WithContext(ctx))
		cancel()
		var p api.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != 503 || p.Code != "busy" || !strings.Contains(p.Detail, want) || p.Hint == "" || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func saysRefusals(t *testing.T, op map[string]any) {
	t.Helper()
	responses := op["responses"].(map[string]any)
	good, bad := 0, 0
	for status, r := range responses {
		response := r.(map[string]any)
		if text, _ := response["description"].(string); text == "" {
			t.Errorf("%v: %s has no description", op["operationId"], status)
		}
		content, _ := response["content"].(map[string]any)
		switch status[0] {
		case '1', '2':
			good++
			if status != "204" && status != "101" && len(content) == 0 {
				t.Errorf("%v: %s has no content", op["operationId"], status)
			}
		default:
			bad++
			if content["application/problem+json"] == nil {
				t.Errorf("%v: %s is no problem", op["operationId"], status)
			}
		}
		for media, m := range content {
			if m.(map[string]any)["schema"] == nil {
				t.Errorf("%v: %s %s has no schema", op["operationId"], status, media)
			}
		}
	}
	if good == 0 || bad == 0 || responses["default"] != nil {
		t.Errorf("%v: answers %v", op["operationId"], slices.Sorted(maps.Keys(responses)))
	}
}

func saysParameters(t *testing.T, op map[string]any) {
	t.Helper()
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		if p := p.(map[string]any); p["description"] == nil || p["schema"] == nil {
			t.Errorf("%v: parameter %v says nothing", op["operationId"], p["name"])
		}
	}
}

// TestExamplesFitTheirSchemas also finds members that the schemas do not name.
func TestExamplesFitTheirSchemas(t *testing.T) {
	s := newServer(filled(newWorld(t).options()))
	doc := s.api.OpenAPI()
	n := 0
	for path, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			if op.RequestBody != nil {
				n += fits(t, doc, path+" body", op.RequestBody.Content, huma.ModeWriteToServer)
			}
			for status, r := range op.Responses {
				n += fits(t, doc, path+" "+status, r.Content, huma.ModeReadFromServer)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d examples", n)
	}
}

func fits(t *testing.T, doc *huma.OpenAPI, where string, content map[string]*huma.MediaType, mode huma.ValidateMode) int {
	t.Helper()
	n := 0
	for media, m := range content {
		for name, e := range m.Examples {
			n++
			var v any = e.Value
			if raw, ok := e.Value.(json.RawMessage); ok {
				v = nil
				if err := json.Unmarshal(raw, &v); err != nil {
					t.Errorf("%s: %s: %v", where, name, err)
				}
			}
			res := &huma.ValidateResult{}
			m.Schema.PrecomputeMessages()
			huma.Validate(doc.Components.Schemas, m.Schema, huma.NewPathBuffer([]byte{}, 0), mode, v, res)
			for _, err := range res.Errors {
				t.Errorf("%s %s: %s: %v", where, media, name, err)
			}
			named(t, doc, where+": "+name, m.Schema, v)
		}
	}
	return n
}

// named finds members of objects that the schema does not name.
func named(t *testing.T, doc *huma.OpenAPI, where string, s *huma.Schema, v any) {
	t.Helper()
	if s != nil && s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	if s == nil {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		of, free := s.AdditionalProperties.(*huma.Schema)
		for k, member := range v {
			switch {
			case s.Properties[k] != nil:
				named(t, doc, where+"."+k, s.Properties[k], member)
			case free:
				named(t, doc, where+"."+k, of, member)
			case len(s.Properties) > 0 && !strings.Contains(where, "list-events"):
				t.Errorf("%s: the schema does not name %s", where, k)
			}
		}
	case []any:
		for i, member := range v {
			named(t, doc, fmt.Sprintf("%s[%d]", where, i), s.Items, member)
		}
	}
}

func filled(o Options) Options {
	o.setDefaults()
	return o
}

func TestYAMLAndPage(t *testing.T) {
	s := newWorld(t).serve(t)
	if a := send(t, s, "GET", prefix+"/openapi.yaml", ""); a.status != 200 || !strings.Contains(string(a.body), "operationId: setState") {
		t.Errorf("yaml: %d %.200s", a.status, a.body)
	}
	a := send(t, s, "GET", prefix+"/docs", "")
	page := html.UnescapeString(string(a.body))
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(page, "<style") || strings.Contains(page, "style=") {
		t.Errorf("page: %d %v", a.status, a.header)
	}
	_, operations := document(t)
	for _, op := range operations {
		for _, want := range []string{op["summary"].(string), `id="` + op["operationId"].(string) + `"`} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
	}
	for _, want := range []string{
		`curl -X PUT -H 'Content-Type: application/json' -d '{"LED":1}' 'http://127.0.0.1:8080/api/v1/devices/101/state?wait=10s'`,
		`href="#schema-Change"`, "connected | silent | asleep", `"phase": "confirmed"`, "Parameter",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, not := range []string{"<script", "https://", "src=", "@import"} {
		if strings.Contains(page, not) {
			t.Errorf("the page needs something from elsewhere: %q", not)
		}
	}
	es := newWorld(t).serve(t, func(o *Options) { o.Lang = "es" })
	if a := send(t, es, "GET", prefix+"/docs", ""); !strings.Contains(string(a.body), "Parámetro") || !strings.Contains(string(a.body), `lang="es"`) {
		t.Error("the page speaks no Spanish")
	}
}
