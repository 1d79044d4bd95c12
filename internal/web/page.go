package web

import (
	"html/template"
	"net/http"

	"vaiven"
)

// root is where people look; boards do not come here.
func (o Options) root(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		o.reportRefused(r, &vaiven.Error{Code: vaiven.CodeBadHandshake, Reason: vaiven.FaultMethod, Got: vaiven.Shorten(r.Method), At: -1})
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, o.Lang.Say("method not allowed", "ese método no se admite"), http.StatusMethodNotAllowed)
		return
	}
	if !who(r.Context()).May(vaiven.MayRead) {
		bad := ""
		if r.URL.Query().Has(cameIn) {
			bad = o.Lang.Say("the link was good, but this browser keeps no cookie of this server, or its session is over: allow cookies, and open another link",
				"el enlace valía, pero este navegador no guarda cookies de este servidor, o su sesión terminó: permite las cookies y abre otro enlace")
		}
		o.writeLogin(w, http.StatusOK, bad, false)
		return
	}
	o.writePage(w, r)
}

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
<title>vaiven</title><link rel="stylesheet" href="/assets/vaiven.css"></head><body>
<h1>vaiven</h1>
<p>{{.Running}}</p>
<p>{{.Count}}</p>
{{with .Waiting}}<h2>{{$.WaitTitle}}</h2>
<p>{{$.Look}}</p>
<table>{{range .}}<tr><td>{{.Device}}</td><td>{{.Remote}}</td><td>{{.Note}}</td><td><button data-device="{{.Device}}" data-remote="{{.Remote}}">{{$.Admit}}</button></td></tr>
{{end}}</table>
<p id="said" class="bad" role="status"></p>
{{end}}<h2>{{.Board}}</h2>
<pre>{{range .Page.Sketch}}{{.}}
{{end}}</pre>
<p>{{range .Page.Addresses}}<code>{{.}}</code> {{end}}</p>
<p><a href="/api/v1/docs">API</a> · <a href="/readyz">readyz</a> · <a href="/metrics">metrics</a> · <a href="/metrics/devices">metrics/devices</a>{{if not .Script}} · <a href="/login">{{.Enter}}</a>{{end}}</p>
{{if .Script}}<p><button id="out">{{.Leave}}</button></p>
<script src="/assets/page.js"></script>
{{end}}</body></html>
`))

// maxPageWaiting are shown of the boards that wait: whoever names many fills no page.
const maxPageWaiting = 50

// pageWaiting is a board that waits, as the page shows it.
type pageWaiting struct {
	Device vaiven.Device
	Remote string
	Note   string
}

// waitingFor are the boards that wait, for an administrator's browser: who shows a token
// has no cookie for what the page's script asks.
func (o Options) waitingFor(p *vaiven.Principal) (rows []pageWaiting) {
	if o.Admin.Boards == nil || p.Use != vaiven.UseBrowser || !p.May(vaiven.MayAdmin) {
		return nil
	}
	list := o.Admin.Boards.Waiting()
	for _, b := range list[:min(len(list), maxPageWaiting)] {
		note := o.Lang.Say("gets a token", "recibe una clave")
		if !b.Hello {
			note = o.Lang.Say("stays unverified", "queda sin verificar")
		}
		rows = append(rows, pageWaiting{Device: b.Device, Remote: b.Remote, Note: note})
	}
	return rows
}

func (o Options) writePage(w http.ResponseWriter, r *http.Request) {
	p, reader := o.Page(), who(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = pageTemplate.Execute(w, map[string]any{ // whoever asked may be gone
		"Lang":      string(o.Lang),
		"Running":   o.Lang.Say("The server is running, version "+o.Version+".", "El servidor está funcionando, versión "+o.Version+"."),
		"Count":     o.Lang.Devices(uint64(p.Devices)) + ", " + o.Lang.Readings(p.Readings) + ".",
		"Board":     o.Lang.Say("Connect a board", "Conectar una placa"),
		"Page":      p,
		"Waiting":   o.waitingFor(reader),
		"WaitTitle": o.Lang.Say("Boards that wait", "Placas que esperan"),
		"Look":      o.Lang.Say("Look at the address: anybody can give any id.", "Mira la dirección: cualquiera puede dar cualquier identificador."),
		"Admit":     o.Lang.Say("Let in", "Admitir"),
		"Enter":     o.Lang.Say("Get in as administrator", "Entrar como administrador"),
		"Leave":     o.Lang.Say("End this browser's session", "Cerrar la sesión de este navegador"),
		"Script":    reader.Use == vaiven.UseBrowser,
	})
}
