package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const document = "../../internal/web/testdata/openapi.json"

func TestTheDocument(t *testing.T) {
	f, err := lint(document)
	if err != nil || len(f.problems) > 0 || f.operations == 0 || f.examples == 0 || f.requests == 0 {
		t.Errorf("%+v %v", f, err)
	}
}

// TestWhatIsFound breaks the document in the ways that are looked for.
func TestWhatIsFound(t *testing.T) {
	good, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`"operationId": "getState"`, `"operationId": "setState"`, "is also that of"},
		{`"operationId": "getState",`, ``, "no operationId"},
		{`"summary": "Ask for states of a device",`, ``, "no summary"},
		{`"phase": "confirmed"`, `"phase": "done"`, "/phase"},
		{`"took_ms": 12`, `"took_ms": "12"`, "took_ms"},
		{`"in": "path",`, `"in": "trail",`, "structure"},
		{`"description": "Who asks is not known, or what was shown is not good"`, `"description": ""`, "says nothing"},
		{`"path": "/api/v1/devices?`, `"path": "/api/v1/gadgets?`, "search-devices"},
		{`"body": "{\"LED\":1}"`, `"body": "{\"LED\":\"on\"}"`, "set-state"},
		{`"status": 202`, `"status": 207`, "207"},
		{`#/components/schemas/Change"`, `#/components/schemas/Chance"`, "leads nowhere"},
		{`"type": "integer"`, `"type": "int"`, "schemas"},
		{`status=connected`, `status=asleep-or-not`, "search-devices status"},
		{`\u0026limit=1"`, `\u0026limit=0"`, "search-devices limit"},
		{`\u0026limit=1"`, `\u0026most=1"`, "most of the query is not described"},
		{`"body": "{\"states\":[\"LED\"]}",`, ``, "a body is required"},
	} {
		if strings.Count(string(good), c.from) == 0 {
			t.Errorf("the document has no %s", c.from)
			continue
		}
		file := filepath.Join(t.TempDir(), "openapi.json")
		if err := os.WriteFile(file, []byte(strings.Replace(string(good), c.from, c.to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := lint(file)
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
			continue
		}
		if all := strings.Join(f.problems, "\n"); !strings.Contains(all, c.want) {
			t.Errorf("%s: found %q, want something of %q", c.to, all, c.want)
		}
	}
}
