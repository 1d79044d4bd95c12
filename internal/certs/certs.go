package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Options say which certificates there are. Dir is required.
type Options struct {
	Dir string // the folder tls of a data folder; made if need be, and closed to others

	// Cert and Key are PEM files: a certificate chain, and its key. With them no local
	// authority is made or used.
	Cert, Key string

	// Domain is a public name that ACME is asked to certify, "": none. With it, HTTPPort
	// and TLSPort are the ports at which this server is already reached, 0: it is not.
	// Challenges come from the internet to ports 80 and 443 of the domain, which must lead to them.
	Domain            string
	HTTPPort, TLSPort int
	ACMEServer        string // URL of the ACME directory; "": Let's Encrypt
	ACMERoot          string // PEM file of the authority that this server itself is trusted by; "": the system's

	Notify func(Notice)     // tells a person; called from any goroutine; may be nil
	Now    func() time.Time // default time.Now
	Hosts  func() Hosts     // default ThisMachine
}

// How often Run checks. Addresses change when a cable is plugged in, and boards wait.
const (
	machineEvery = time.Minute
	filesEvery   = 5 * time.Second
)

// Certificates choose what a server shows at each handshake.
type Certificates struct {
	o         Options
	authority *Authority // nil: files were given
	machine   *machine   // likewise
	files     *files     // nil: none were given
	public    *public    // nil: no domain was named
	close     sync.Once
}

// Open reads or makes what is shown from the first handshake on. It asks nothing of the
// network: Run does. The error is a *DamagedError, the file system's, or what is wrong
// with the given files.
func Open(o Options) (*Certificates, error) {
	if o.Notify == nil {
		o.Notify = func(Notice) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Hosts == nil {
		o.Hosts = ThisMachine
	}
	c := &Certificates{o: o}
	var err error
	if o.Cert != "" {
		c.files, err = openFiles(o.Cert, o.Key, o.Notify, o.Now)
		return c, err
	}
	if err := closedFolder(o.Dir); err != nil {
		return nil, err
	}
	if c.authority, err = openAuthority(o.Dir, hostName(o.Hosts().Name), o.Now()); err != nil {
		return nil, err
	}
	if atLeast(o.Now()).Add(machineLife).After(c.authority.Ends()) {
		o.Notify(Notice{Kind: Ending, Path: o.Dir + string(os.PathSeparator) + authorityName, When: c.authority.Ends()})
	}
	if c.machine, err = openMachine(c.authority, o.Dir, o.Hosts, o.Now); err != nil {
		return nil, err
	}
	if o.Domain != "" {
		if c.public, err = newPublic(o); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// closedFolder makes a folder that only its user can look into.
func closedFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// Authority is the local one, nil where files were given.
func (c *Certificates) Authority() *Authority { return c.authority }

// TLS is how a server speaks: 1.2 or 1.3, since boards' libraries may have nothing newer
// than 1.2; of that only ciphers with forward secrecy that authenticate what they encrypt
// (RFC 7540, appendix A, forbids the others).
func (c *Certificates) TLS() *tls.Config {
	conf := &tls.Config{
		GetCertificate: c.certificate,
		MinVersion:     tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		NextProtos:       []string{"http/1.1"},
	}
	if c.public != nil {
		conf.NextProtos = append(conf.NextProtos, acmeProtocol)
	}
	return conf
}

// certificate is asked at each handshake.
func (c *Certificates) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	switch {
	case c.files != nil:
		return c.files.shown.Load(), nil
	case c.public != nil && strings.EqualFold(strings.TrimSuffix(hello.ServerName, "."), c.o.Domain):
		return c.public.certificate(hello)
	}
	return c.machine.shown.Load(), nil
}

// OwnClient is how the process that has these certificates connects to its own listeners,
// whatever name it dials: to what shows one of them, and to nothing else.
func (c *Certificates) OwnClient() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // the certificate itself is known
		VerifyConnection: func(s tls.ConnectionState) error {
			shown, err := c.certificate(&tls.ClientHelloInfo{})
			if err == nil && !bytes.Equal(shown.Certificate[0], s.PeerCertificates[0].Raw) {
				err = errNotOurs
			}
			return err
		},
	}
}

var errNotOurs = errors.New("the certificate is not the one that this process shows")

// Check looks at once whether another certificate is to be shown.
func (c *Certificates) Check() {
	if c.files != nil {
		c.files.check()
		return
	}
	if err := c.machine.check(); err != nil {
		c.o.Notify(Notice{Kind: NotKept, Err: err})
	}
}

// Run checks again and again, and has ACME certify the domain, until ctx is done.
func (c *Certificates) Run(ctx context.Context) error {
	if c.public != nil {
		if err := c.public.start(ctx); err != nil {
			return err
		}
	}
	every := time.NewTicker(machineEvery)
	if c.files != nil {
		every.Reset(filesEvery)
	}
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			c.Check()
		}
	}
}

// Close ends what Open began. Safe twice, and of nil.
func (c *Certificates) Close() {
	if c != nil && c.public != nil {
		c.close.Do(c.public.cache.Stop)
	}
}

// Challenges answers what an ACME server asks over plain HTTP, and hands everything else
// to next.
func (c *Certificates) Challenges(next http.Handler) http.Handler {
	if c == nil || c.public == nil {
		return next
	}
	return c.public.challenges(next)
}
