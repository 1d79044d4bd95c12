package web

import (
	"fmt"
	"html/template"
	"net/http"
)

// Page is what the page at / says: enough to see that the server runs, and to
// make a board find it.
type Page struct {
	Addresses []string // ws:// addresses to give to a board
	Sketch    []string // lines to paste into the sketch
	Devices   int
	Readings  uint64
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>vaiven</title><style>
body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}
pre{background:#8882;padding:.75rem;overflow:auto;border-radius:.4rem}
</style></head><body>
<h1>vaiven</h1>
<p>{{.Running}}</p>
<p>{{.Count}}</p>
<h2>{{.Board}}</h2>
<pre>{{range .Page.Sketch}}{{.}}
{{end}}</pre>
<p>{{range .Page.Addresses}}<code>{{.}}</code> {{end}}</p>
<p><a href="/readyz">readyz</a> · <a href="/metrics">metrics</a></p>
</body></html>
`))

func (o Options) page(w http.ResponseWriter) {
	p := o.Page()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = pageTemplate.Execute(w, map[string]any{
		"Lang":    string(o.Lang),
		"Running": o.Lang.Say("The server is running, version "+o.Version+".", "El servidor está funcionando, versión "+o.Version+"."),
		"Count":   count(o, p),
		"Board":   o.Lang.Say("Connect a board", "Conectar una placa"),
		"Page":    p,
	})
}

func count(o Options, p Page) string {
	return fmt.Sprintf(o.Lang.Say("%d devices, %d readings.", "%d dispositivos, %d lecturas."), p.Devices, p.Readings)
}
