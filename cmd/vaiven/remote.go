package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vaiven"
	"vaiven/internal/web/api"
)

// remote is how a command finds the running server that it asks.
type remote struct {
	server    string
	ca        string // PEM file with the only authority that is trusted; "": the system's
	token     string // that it is asked with, "": none
	tokenFile string // that holds it
	oldToken  string // as it was called before
	data      string // folder of the server, if it is on this machine; "": not said
	found     string // file of this machine that token was found in, "": it was not
	unread    string // such a file that could not be read
	absent    bool   // unread is not there, in a folder that was named
	json      bool
	flags     *pflag.FlagSet // of the command that asks
}

// remoteFlags declares what every command has that asks a running server.
func (p *program) remoteFlags(cmd *cobra.Command, r *remote) {
	p.serverFlags(cmd, r)
	cmd.Flags().StringVar(&r.data, "data", "", p.say("its data folder on this machine, where the token for commands is (default: found by itself)",
		"su carpeta de datos en esta máquina, donde está la clave para los comandos (por defecto, se encuentra sola)"))
}

// serverFlags are those that say which server is asked, and with which token.
func (p *program) serverFlags(cmd *cobra.Command, r *remote) {
	f := cmd.Flags()
	r.flags = f
	f.StringVar(&r.server, "server", "http://127.0.0.1:8080", p.say("the running server (variable VAIVEN_SERVER)", "el servidor en marcha (variable VAIVEN_SERVER)"))
	f.StringVar(&r.token, "token", "", p.say("a token of it, if you ask from another computer (better: the variable VAIVEN_TOKEN)",
		"una clave suya, si preguntas desde otro equipo (mejor: la variable VAIVEN_TOKEN)"))
	f.StringVar(&r.tokenFile, "token-file", "", p.say("file that holds the token", "archivo que contiene la clave"))
	f.StringVar(&r.oldToken, "api-token", "", p.say("as --token", "como --token"))
	_ = f.MarkHidden("api-token")
	p.caFlag(f, &r.ca)
}

// origin is what the command line says of where to read, before the environment adds to
// it: a folder that was named there is the one that is meant.
type origin struct{ data, server bool }

func originOf(cmd *cobra.Command) origin {
	return origin{cmd.Flags().Changed("data"), cmd.Flags().Changed("server")}
}

// remote reports whether a running server is to be asked, not the folder; once the
// flags are complete.
func (w origin) remote(cmd *cobra.Command) bool {
	return !w.data && cmd.Flags().Changed("server")
}

// both reports whether a server was named, and the folder that must be its own.
func (w origin) both() bool { return w.data && w.server }

func (p *program) jsonFlag(cmd *cobra.Command, r *remote) {
	cmd.Flags().BoolVar(&r.json, "json", false, p.say("the server's answer, as JSON", "la respuesta del servidor, en JSON"))
}

// client returns the API's client, after the flags were completed.
func (p *program) client(cmd *cobra.Command, r *remote) (*api.Client, error) {
	if err := p.fill(cmd); err != nil {
		return nil, err
	}
	// The server shows its address as boards need it.
	if rest, ok := strings.CutPrefix(r.server, "ws"); ok && (strings.HasPrefix(rest, "://") || strings.HasPrefix(rest, "s://")) {
		r.server = "http" + rest
	}
	if err := p.tokenFrom(cmd, r); err != nil {
		return nil, err
	}
	trust, err := p.trustOnly(r.ca)
	if err != nil {
		return nil, err
	}
	o := api.Options{Server: r.server, Token: r.token}
	if trust != nil {
		o.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: trust, Proxy: http.ProxyFromEnvironment}}
	}
	c, err := api.New(o)
	if err != nil {
		return nil, usageError{fmt.Errorf(p.say("--server %q: want an address as http://127.0.0.1:8080", "--server %q: se espera una dirección como http://127.0.0.1:8080"), r.server)}
	}
	return c, nil
}

// ownerHint is what to try when the server of a data folder is not found.
func (p *program) ownerHint() string {
	return p.say("a server runs in that folder; say where it listens: --server http://HOST:PORT", "en esa carpeta hay un servidor en marcha; di dónde escucha: --server http://HOST:PUERTO")
}

// remoteError explains why a server did not do what it was asked.
func (p *program) remoteError(r *remote, err error) error {
	if wrong := p.untrusted(r.server, err); wrong != nil {
		return wrong
	}
	var refused *api.Problem
	var asked *url.Error
	var host *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		if wrong := r.wrongFlags(refused); wrong != "" {
			return usageError{errors.New(wrong)}
		}
		if refused.Code == api.CodeWantsTLS {
			return hinted(fmt.Errorf(p.say("%s speaks TLS only", "%s solo habla TLS"), r.server), p.say(
				"use https:// there, and --ca FILE (`vaiven ca --pem` on its machine prints it)", "usa https:// ahí, y --ca ARCHIVO (`vaiven ca --pem` en su equipo la muestra)"))
		}
		if refused.Detail == "" && refused.Code == "" { // no vaiven says nothing more
			return hinted(fmt.Errorf(p.say("what answers at %s is no vaiven: %d %s", "lo que responde en %s no es un vaiven: %d %s"), r.server, refused.Status, refused.Title),
				p.say("give the address alone: --server http://HOST:PORT, or https:// with the port of TLS", "da solo la dirección: --server http://HOST:PUERTO, o https:// con el puerto de TLS"))
		}
		return p.refused(r, refused)
	case errors.Is(err, syscall.ECONNREFUSED):
		return hinted(fmt.Errorf(p.say("no vaiven answers at %s", "ningún vaiven responde en %s"), r.server), p.say(
			"start it, or say where it listens: --server http://HOST:PORT", "inícialo, o di dónde escucha: --server http://HOST:PUERTO"))
	case errors.As(err, &host):
		return hinted(fmt.Errorf(p.say("no computer is called %s", "ningún equipo se llama %s"), host.Name),
			p.say("give its address: --server http://192.168.1.20:8080", "da su dirección: --server http://192.168.1.20:8080"))
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return hinted(fmt.Errorf(p.say("%s did not answer in time", "%s no respondió a tiempo"), r.server),
			p.say("is it reachable from here?", "¿se llega hasta él desde aquí?"))
	case errors.As(err, &asked):
		return fmt.Errorf("%s: %w", r.server, asked.Err)
	}
	return err
}

// wrongFlags says what is wrong with flags, when those are all that the server found
// wrong: its parameters are called like them. "" when it found something else.
func (r *remote) wrongFlags(problem *api.Problem) string {
	var texts []string
	for _, f := range problem.Errors {
		name, ok := strings.CutPrefix(f.Location, "query.")
		if !ok || r.flags.Lookup(name) == nil {
			return ""
		}
		texts = append(texts, fmt.Sprintf("--%s: %s", name, f.Message))
	}
	return strings.Join(texts, "; ")
}

// refused puts a problem into words; the server's own words are in its language.
func (p *program) refused(r *remote, problem *api.Problem) error {
	text, hint := problem.Detail, problem.Hint
	if text == "" {
		text = fmt.Sprintf("%d %s", problem.Status, problem.Title)
	}
	for _, f := range problem.Errors {
		text += fmt.Sprintf("; %s: %s", f.Location, f.Message)
	}
	if hint == "" || problem.Code == "unknown_device" || problem.Status == http.StatusUnauthorized || problem.Status == http.StatusForbidden { // the server's hint is for programs
		switch problem.Status {
		case http.StatusUnauthorized, http.StatusForbidden:
			hint = p.tokenHint(r)
		case http.StatusNotFound:
			hint = p.say("`vaiven devices` lists the boards that it knows", "`vaiven devices` muestra las placas que conoce")
		}
	}
	if hint == "" {
		return errors.New(text)
	}
	return hinted(errors.New(text), hint)
}

// printJSON writes an answer for a program.
func (p *program) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s\n", b)
	return err
}

// parseDevice reads an id from the command line.
func (p *program) parseDevice(id string) (vaiven.Device, error) {
	d, err := vaiven.ParseDevice(id)
	if err != nil {
		return "", usageError{fmt.Errorf(p.say("%q is no device id: it is a number as 101, or letters, digits, . _ -",
			"%q no es un dispositivo: es un número como 101, o letras, cifras, . _ -"), id)}
	}
	return d, nil
}

// parseDevices reads ids from the command line.
func (p *program) parseDevices(ids []string) (all []vaiven.Device, err error) {
	for _, id := range ids {
		d, err := p.parseDevice(id)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}
