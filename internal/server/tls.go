package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"vaiven/internal/certs"
)

// listenTLS binds the addresses for TLS. What they show is opened later, when the data
// folder is this process's own; nobody is let in before.
func (s *Server) listenTLS(ctx context.Context) error {
	for _, addr := range s.o.TLSListen {
		l, err := listenFor(ctx, s.o.Lang, "--tls-listen", addr)
		var explained *Error
		if s.o.TLSIfFree && errors.As(err, &explained) {
			s.o.Notify(explained.Text+s.o.Lang.Say(": no wss:// and https:// this time", ": esta vez sin wss:// ni https://"), s.o.Lang.Say(
				"another program (or another vaiven) has it: stop that one, choose another with --tls-listen HOST:PORT, or say --tls-listen off",
				"lo tiene otro programa (u otro vaiven): ciérralo, elige otro con --tls-listen HOST:PUERTO, o escribe --tls-listen off"))
			continue
		}
		if err != nil {
			return err
		}
		w := &watchedListener{Listener: s.places.Listen(l), tls: true}
		s.listeners = append(s.listeners, listener{w, true, w})
	}
	return nil
}

// openCertificates opens what the addresses with TLS show.
func (s *Server) openCertificates() (err error) {
	o := certs.Options{
		Dir: cmp.Or(s.o.TLSDir, TLSDir(s.o.Data)), Cert: s.o.TLSCert, Key: s.o.TLSKey,
		Domain: s.o.Domain, ACMEServer: s.o.ACMEServer, ACMERoot: s.o.ACMERoot,
		Notify: func(n certs.Notice) { s.o.Notify(n.Text(s.o.Lang), n.Hint(s.o.Lang)) },
	}
	encrypted := false
	for _, l := range s.listeners {
		bound, ok := l.Addr().(*net.TCPAddr)
		switch {
		case !ok:
		case l.tls && o.TLSPort == 0:
			o.TLSPort = bound.Port
		case !l.tls && o.HTTPPort == 0:
			o.HTTPPort = bound.Port
		}
		encrypted = encrypted || l.tls
	}
	if !encrypted {
		return nil
	}
	s.certs, err = certs.Open(o)
	var damaged *certs.DamagedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &damaged):
		return &Error{damaged.Text(s.o.Lang), damaged.Hint(s.o.Lang), err}
	}
	return fmt.Errorf(s.o.Lang.Say("certificate: %w", "certificado: %w"), err)
}

// authorityPEM is the local certificate authority by which this server's certificate is
// trusted; "" without TLS, and where a certificate was given.
func (s *Server) authorityPEM() string {
	if s.certs == nil || s.certs.Authority() == nil {
		return ""
	}
	return s.certs.Authority().PEM()
}

// OwnAuthority reports whether boards and browsers have to be given the data folder's own
// authority before they trust this server.
func (s *Server) OwnAuthority() bool { return s.authorityPEM() != "" && s.o.Domain == "" }

// OwnTLS is how this process connects to its own [Addresses].LocalSecure, and to nobody
// else; nil without TLS.
func (s *Server) OwnTLS() *tls.Config {
	if s.certs == nil {
		return nil
	}
	return s.certs.OwnClient()
}

// ReadAuthority reads the local certificate authority of the data folder, which a server
// may be using.
func (x Explainer) ReadAuthority() (*certs.Authority, error) {
	a, err := certs.ReadAuthority(TLSDir(x.Data))
	var damaged *certs.DamagedError
	switch {
	case errors.Is(err, certs.ErrNoAuthority):
		return nil, &Error{fmt.Sprintf(x.Lang.Say("%s has no local certificate authority", "en %s no hay una autoridad de certificación local"), x.Data), x.Lang.Say(
			"a server makes it at its first start with TLS: start `vaiven serve`, or say which folder with --data",
			"el servidor la crea la primera vez que inicia con TLS: inicia `vaiven serve`, o di qué carpeta con --data"), err}
	case errors.Is(err, fs.ErrPermission):
		return nil, &Error{fmt.Sprintf(x.Lang.Say("%s is closed to this user", "%s está cerrada para este usuario"), TLSDir(x.Data)), x.Lang.Say(
			"ask as the server's user; or take the certificate from the server: /ca.crt", "pregunta como el usuario del servidor; o toma el certificado del servidor: /ca.crt"), err}
	case errors.As(err, &damaged):
		return nil, &Error{damaged.Text(x.Lang), damaged.Hint(x.Lang), err}
	}
	return a, err
}
