package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// acmeProtocol is what an ACME server negotiates to see whether a server answers for a
// name (RFC 8737).
const acmeProtocol = "acme-tls/1"

// public is the certificate of a public name, which certmagic obtains and renews.
type public struct {
	domain string
	magic  *certmagic.Config
	issuer *certmagic.ACMEIssuer
	cache  *certmagic.Cache
}

func newPublic(o Options) (*public, error) {
	p := &public{domain: o.Domain}
	logger := zap.NewNop() // what a person should know comes as an event
	p.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return p.magic, nil },
		Logger:           logger,
	})
	p.magic = certmagic.New(p.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: filepath.Join(o.Dir, "acme")},
		Logger:  logger,
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			tell(o, event, data)
			return nil
		},
	})
	template := certmagic.ACMEIssuer{
		CA: o.ACMEServer, Agreed: true, Logger: logger,
		// Our own listeners answer, so that certmagic opens none where these ports are taken.
		AltHTTPPort: o.HTTPPort, AltTLSALPNPort: o.TLSPort, DisableHTTPChallenge: o.HTTPPort == 0,
	}
	if o.ACMERoot != "" {
		text, err := os.ReadFile(o.ACMERoot)
		if err != nil {
			return nil, err
		}
		template.TrustedRoots = x509.NewCertPool()
		if !template.TrustedRoots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: %w", o.ACMERoot, errNotPEM)
		}
	}
	p.issuer = certmagic.NewACMEIssuer(p.magic, template)
	p.magic.Issuers = []certmagic.Issuer{p.issuer}
	return p, nil
}

var errNotPEM = errors.New("no certificate in PEM")

// tell puts what certmagic tells into notices.
func tell(o Options, event string, data map[string]any) {
	name, _ := data["identifier"].(string)
	switch event {
	case "cert_obtained":
		o.Notify(Notice{Kind: Obtained, Domain: name})
	case "cert_failed":
		err, _ := data["error"].(error)
		o.Notify(Notice{Kind: NotObtained, Domain: name, Err: err})
	}
}

// start has the name certified, now and again, until ctx is done.
func (p *public) start(ctx context.Context) error {
	return p.magic.ManageAsync(ctx, []string{p.domain})
}

// certificate answers a challenge, or shows the certificate. Until there is one the
// handshake fails: the local authority's would teach people to ignore a warning.
func (p *public) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := p.magic.GetCertificate(hello)
	if err != nil {
		return nil, errNoCertificate
	}
	return cert, nil
}

func (p *public) challenges(next http.Handler) http.Handler {
	return p.issuer.HTTPChallengeHandler(next)
}
