package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestWordsThatAreNotUnderstood types command lines that are wrong, in both
// languages: what is wrong is said in words, never the library's own, with what to
// write instead.
func TestWordsThatAreNotUnderstood(t *testing.T) {
	for _, c := range []struct{ line, en, es string }{
		{"serve --for 3", `--for "3": say the unit: 3s for seconds, 3m for minutes, 3h for hours`, `--for "3": di la unidad: 3s son segundos`},
		{"lab --for three", "as 90s, 3m or 1h30m", "como 90s, 3m o 1h30m"},
		{"serve --interval 2", "2s for seconds", "2s son segundos"},
		{"simulate --interval 2", "2s for seconds", "2s son segundos"},
		{"set 101 LED=1 --within 5", "5s for seconds", "5s son segundos"},
		{"toggle 101 --timeout 5", "5s for seconds", "5s son segundos"},
		{"bench transports --poll 0.5", "0.5s for seconds", "0.5s son segundos"},
		{"serve --readings x", "want a whole number", "debe ser un número entero"},
		{"serve --simulate 1.5", "want a whole number", "debe ser un número entero"},
		{"simulate --loss x", "want a number, as 0.05", "debe ser un número, como 0.05"},
		{"serve --json=3", "want true or false", "debe ser true o false"},

		{"serve --keep-log 20m", "--keep-log 20m: want 1h at least, or 0", "0 guarda el registro para siempre"},
		{"serve --keep-log 400y", `--keep-log "400y": too large: want 290y at most; 0 is for ever`, "demasiado grande: debe ser como mucho 290y (años); 0 es para siempre"},
		{"serve --keep-history 99999999w", "too large", "0 es para siempre"},
		{"serve --keep-log 3 weeks", "a time is a number with its unit, as 12h", "un tiempo es un número con su unidad"},
		{"serve --keep-log-size 1MB", "--keep-log-size of 1.0 MiB: want 64MB at least, or 0", "0 es la tercera parte del disco"},
		{"serve --keep-log-size 67108863", "blocks of 8 MB; 0 is a third of the disk", "debe ser al menos 64MB, o 0"},
		{"serve --keep-log-size 9e9TB", "too large: want 8000000TB at most", "demasiado grande: debe ser como mucho 8000000TB"},

		{"serve --listen 8080", `--listen "8080": write :8080`, `--listen "8080": escribe :8080`},
		{"workshop --listen 192.168.1.5", "write 192.168.1.5:8080", "escribe 192.168.1.5:8080"},
		{"serve --listen http://0.0.0.0:8080/", "write 0.0.0.0:8080", "escribe 0.0.0.0:8080"},
		{"serve --listen *:8080", "write :8080", "escribe :8080"},
		{"serve --listen ::1", "write [::1]:8080", "escribe [::1]:8080"},
		{"serve --listen :8080,9090", "write :9090", "escribe :9090"},
		{"serve --listen :80800", "want HOST:PORT", "debe ser HOST:PUERTO"},
		{"serve --listen :no-such-service", "want HOST:PORT", "debe ser HOST:PUERTO"},
		{"serve --listen 192.168.1.5:", "want HOST:PORT", "debe ser HOST:PUERTO"},
		{"serve --tls-listen 8443", `--tls-listen "8443": write :8443`, `--tls-listen "8443": escribe :8443`},
		{"doctor --listen 8080", "write :8080", "escribe :8080"},

		{"set 101", "vaiven set needs more words: vaiven set BOARD", "a vaiven set le faltan palabras: vaiven set PLACA"},
		{"set", "vaiven set 101 LED=1", "por ejemplo: vaiven set 101 LED=1"},
		{"toggle", "needs more words", "le faltan palabras"},
		{"devices describe", "needs more words", "le faltan palabras"},
		{"devices forget", "needs more words", "le faltan palabras"},
		{"session new", "vaiven session new 101 102", "[opciones]"},
		{"man", "needs more words", "le faltan palabras"},
		{"devices ox b", `"b" is one word too many for vaiven devices`, `"b" sobra en vaiven devices`},
		{"devices describe 101 102", `"102" is one word too many`, `"102" sobra`},
		{"devices forgett 101", "did you mean forget?", "¿quisiste decir forget?"},
		{"session mew 101", "did you mean new?", "¿quisiste decir new?"},
		{"bench x", `unknown command "x"`, `comando desconocido "x"`},
		{"srve", "did you mean serve?", "¿quisiste decir serve?"},
		{"token create --can read,fly", `--can: "fly": want read, set, send, admin`, `"fly": debe ser read, set, send, admin`},
		{"token create --devices x+y", `--devices: "x+y": want ids, or patterns as 1* or lab-*`, "deben ser identificadores, o patrones"},
		{"verify d", `"d" is one word too many for vaiven verify`, `"d" sobra en vaiven verify`},
	} {
		for lang, want := range map[string]string{"en": c.en, "es": c.es} {
			var out, errs bytes.Buffer
			code := run(t.Context(), append(strings.Fields(c.line), "--lang", lang), streams{os.Stdin, &out, &errs, func(string) string { return "" }})
			if code != exitUsage || !strings.Contains(errs.String(), want) {
				t.Errorf("%s: exit %d, want %q\n%s", c.line, code, want, errs.String())
			}
		}
	}
}

// TestHelpInSpanishHasOneWordForAThing: what is to be written there is called the same in
// the line, the text and the options.
func TestHelpInSpanishHasOneWordForAThing(t *testing.T) {
	for _, line := range []string{"set", "toggle", "devices", "devices describe", "session new", "plot", "export", "import", "backup", "restore", "serve", "lab", "workshop", "simulate", "token create", "devices add"} {
		var out, errs bytes.Buffer
		code := run(t.Context(), append(strings.Fields(line), "--help", "--lang", "es"), streams{os.Stdin, &out, &errs, func(string) string { return "" }})
		if found := regexp.MustCompile(`\b(BOARD|FILE|FOLDER|DIR|STATE|VALUE|TEXT|TASK|LINE)\b`).FindString(out.String()); code != exitOK || found != "" {
			t.Errorf("%s: exit %d, %q is English", line, code, found)
		}
		if found := regexp.MustCompile(`(?m)^ +--\S+ \S+ \S.*   `).FindString(out.String()); found != "" {
			t.Errorf("%s: of %q the line has what to write there in several words", line, found)
		}
	}
}

// The environment and the file are read by the same rules.
func TestWordsOfTheEnvironment(t *testing.T) {
	for name, want := range map[string]string{"FOR=3": "3m for minutes", "LISTEN=8080": "write :8080"} {
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"lab", "--lang", "en"}, streams{os.Stdin, &out, &errs, func(key string) string {
			k, v, _ := strings.Cut(name, "=")
			if key == envPrefix+k {
				return v
			}
			return ""
		}})
		if code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d\n%s", name, code, errs.String())
		}
	}
}
