package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Words that --tls-listen takes for an address.
const (
	tlsAuto = "auto"
	tlsOff  = "off"
)

// securePorts are the ports for TLS beside a port without it, where nobody said any. A
// server on another port has others beside it, as those of a test, and they would fight
// for one port: there TLS is asked for.
var securePorts = map[string]string{"8080": "8443", "80": "443", "0": "0"}

// tlsFlags declares what concerns TLS.
func (p *program) tlsFlags(f *pflag.FlagSet, c *config) {
	f.StringSliceVar(&c.TLSListen, "tls-listen", []string{tlsAuto}, p.say(
		"address for wss:// and https://, HOST:PORT; auto: port 8443 beside 8080, 443 beside 80, otherwise none; off: none",
		"dirección para wss:// y https://, HOST:PUERTO; auto: puerto 8443 junto al 8080, 443 junto al 80, si no, ninguna; off: ninguna"))
	f.BoolVar(&c.TLSOnly, "tls-only", false, p.say("open no port without TLS", "no abre ningún puerto sin TLS"))
	f.StringVar(&c.TLSCert, "tls-cert", "", p.say("certificate (PEM), read again when it changes (default: one of this server's own authority, see vaiven ca)",
		"certificado (PEM), se lee otra vez si cambia (por defecto, uno de la autoridad propia del servidor: vaiven ca)"))
	f.StringVar(&c.TLSKey, "tls-key", "", p.say("key of the certificate (PEM)", "clave del certificado (PEM)"))
	f.StringVar(&c.Domain, "domain", "", p.say("public name of this server, as example.org: its certificate comes from Let's Encrypt, whose terms you accept with this",
		"nombre público del servidor, como example.org: su certificado viene de Let's Encrypt, cuyas condiciones aceptas así"))
	f.StringVar(&c.ACMEServer, "acme-server", "", p.say("URL of another ACME server's directory", "URL del directorio de otro servidor ACME"))
	f.StringVar(&c.ACMERoot, "acme-root", "", p.say("certificate (PEM) that the ACME server is trusted by", "certificado (PEM) con el que se confía en el servidor ACME"))
}

// checkTLS refuses what contradicts itself, and decides which addresses have TLS.
func (p *program) checkTLS(c *config) error {
	off, auto := slices.Equal(c.TLSListen, []string{tlsOff}), slices.Equal(c.TLSListen, []string{tlsAuto})
	wanted := ""
	switch {
	case c.TLSOnly:
		wanted = "--tls-only"
	case c.TLSCert != "":
		wanted = "--tls-cert"
	case c.Domain != "":
		wanted = "--domain"
	}
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return usageError{errors.New(p.say("--tls-cert and --tls-key go together", "--tls-cert y --tls-key van juntas"))}
	case c.TLSCert != "" && c.Domain != "":
		return usageError{errors.New(p.say("--tls-cert and --domain are two certificates: choose one", "--tls-cert y --domain son dos certificados: elige uno"))}
	case c.Domain == "" && (c.ACMEServer != "" || c.ACMERoot != ""):
		return usageError{errors.New(p.say("--acme-server and --acme-root go with --domain", "--acme-server y --acme-root van con --domain"))}
	case c.Domain != "" && !publicName(c.Domain):
		return usageError{fmt.Errorf(p.say("--domain %q: want a public name, as example.org", "--domain %q: debe ser un nombre público, como example.org"), c.Domain)}
	case off && wanted != "":
		return usageError{fmt.Errorf(p.say("%s needs TLS: leave --tls-listen off out", "%s necesita TLS: omite --tls-listen off"), wanted)}
	case !off && !auto:
		if err := p.checkAddresses("tls-listen", c.TLSListen); err != nil {
			return err
		}
	}
	c.Domain = strings.ToLower(c.Domain)
	switch {
	case off:
		c.TLSListen = nil
	case auto:
		c.TLSListen, c.tlsIfFree = secureAddresses(c, wanted != ""), wanted == ""
	}
	if c.TLSOnly {
		c.Listen = nil
	}
	return nil
}

// secureAddresses are those for TLS where none were said. Who wants TLS has it in any case.
func secureAddresses(c *config, wanted bool) (all []string) {
	if c.Domain != "" {
		return []string{":443"}
	}
	for _, addr := range c.Listen {
		host, port, err := net.SplitHostPort(addr)
		secure, ok := securePorts[port]
		if err == nil && ok {
			all = append(all, net.JoinHostPort(host, secure))
		}
	}
	if len(all) == 0 && wanted {
		all = []string{":8443"}
	}
	return all
}

// publicName reports whether ACME could certify a name.
func publicName(name string) bool {
	return strings.Contains(strings.Trim(name, "."), ".") && net.ParseIP(name) == nil &&
		!strings.HasSuffix(name, ".local") && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

// caFlag declares which authority is trusted, and no other.
func (p *program) caFlag(f *pflag.FlagSet, path *string) {
	f.StringVar(path, "ca", "", p.say("file (PEM) of the only authority that is trusted with https:// and wss://, as 'vaiven ca --pem' prints it",
		"archivo (PEM) de la única autoridad en la que se confía con https:// y wss://, como lo muestra 'vaiven ca --pem'"))
}

// trustOnly trusts what is in the file and nothing else; nil without one.
func (p *program) trustOnly(path string) (*tls.Config, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, hinted(fmt.Errorf(p.say("--ca %s: no certificate in it", "--ca %s: no contiene un certificado"), path),
			p.say("`vaiven ca --pem` on the server's machine prints it", "`vaiven ca --pem` en el equipo del servidor lo muestra"))
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// untrusted explains why a server's certificate was refused; nil when that is not what
// went wrong.
func (p *program) untrusted(server string, err error) error {
	var refused *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return hinted(fmt.Errorf(p.say("%s speaks no TLS", "%s no habla TLS"), server),
			p.say("use http:// or ws:// there, or the port of --tls-listen", "usa http:// o ws:// ahí, o el puerto de --tls-listen"))
	case !errors.As(err, &refused):
		return nil
	case errors.As(err, &name):
		host := server
		if u, bad := url.Parse(server); bad == nil {
			host = u.Hostname()
		}
		return hinted(fmt.Errorf(p.say("the certificate of %s does not name %s", "el certificado de %s no nombra %s"), server, host),
			p.say("use one of the addresses that the server shows", "usa una de las direcciones que muestra el servidor"))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return hinted(fmt.Errorf(p.say("the certificate of %s is not of this time", "el certificado de %s no es de esta época"), server),
			p.say("is the clock of this machine right, and that of the server?", "¿está bien el reloj de este equipo, y el del servidor?"))
	}
	return hinted(fmt.Errorf(p.say("the certificate of %s is not signed by an authority that is trusted here", "el certificado de %s no está firmado por una autoridad en la que se confíe aquí"), server),
		p.say("give the server's own with --ca FILE: `vaiven ca --pem` on its machine prints it. If you gave that: this may be another server",
			"da la del servidor con --ca ARCHIVO: `vaiven ca --pem` en su equipo la muestra. Si ya la diste: este puede ser otro servidor"))
}
