package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vaiven/internal/atomicfile"
)

// Files in the folder tls. Each holds a certificate and then its key, PEM.
const (
	authorityName = "ca.pem"
	machineName   = "machine.pem"
)

// How long certificates hold. A phone takes none of a private authority for more than
// 825 days.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	machineLife   = 90 * 24 * time.Hour
	before        = 24 * time.Hour // the start, since clocks differ
)

// earliest is before this program was written. A clock that says less is not set: a Pi
// without a network starts with one, and an authority that it made would have ended
// when the clock is right.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// privateNetworks are the addresses that a local authority may sign: those that mean
// another machine in every network, so that who steals its key can play no public site.
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),                                      // RFC 6598, and private meshes
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"), // link-local
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), // loopback
	netip.MustParsePrefix("fc00::/7"), // RFC 4193
}

// Authority is a certificate authority of one data folder, which signs for the machine
// that has the folder. Whoever trusts it trusts that machine, whatever its address is.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey // nil of one that was only read
}

// ErrNoAuthority says that a data folder has none: no server has run in it that spoke
// TLS with one.
var ErrNoAuthority = errors.New("no local certificate authority")

// ReadAuthority reads the authority of the folder tls of a data folder, without its
// key. It may be called while a server runs. The error is ErrNoAuthority, the file
// system's, or says that the file is damaged.
func ReadAuthority(dir string) (*Authority, error) {
	cert, _, err := readPair(filepath.Join(dir, authorityName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoAuthority
	}
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert}, nil
}

// openAuthority reads the authority of the folder, or makes one for a machine of that
// name ("": none).
func openAuthority(dir, host string, now time.Time) (*Authority, error) {
	path := filepath.Join(dir, authorityName)
	cert, key, err := readPair(path)
	if err == nil {
		return &Authority{cert: cert, key: key}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	template, err := authorityTemplate(host, now)
	if err != nil {
		return nil, err
	}
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	// If we die before it is written, nobody has seen it: the next start makes another.
	return &Authority{cert: cert, key: key}, writePair(path, der, key)
}

// authorityTemplate is an authority that may sign for this machine's name, for what
// ends in .local, and for private addresses (RFC 5280, section 4.2.1.10). The extension
// is not critical, although the RFC says so: mbedTLS, which boards have, refuses a
// certificate with a critical one that it does not know. Browsers, Go and OpenSSL hold
// it either way.
func authorityTemplate(host string, now time.Time) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now = atLeast(now)
	c := &x509.Certificate{
		SerialNumber: serial,
		// A phone lists several by their names alone.
		Subject:   pkix.Name{Organization: []string{"vaiven"}, CommonName: strings.Join(slices.DeleteFunc([]string{"vaiven", host, hex.EncodeToString(serial.Bytes()[:4])}, empty), " ")},
		NotBefore: now.Add(-before), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLenZero: true,
		PermittedDNSDomains: slices.DeleteFunc([]string{"local", "localhost", host}, empty),
	}
	for _, p := range privateNetworks {
		c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
	}
	return c, nil
}

func empty(s string) bool { return s == "" }

// atLeast is now by a clock that is set.
func atLeast(now time.Time) time.Time {
	if now.Before(earliest) {
		return earliest
	}
	return now
}

// newSerial is a serial number of 127 random bits; RFC 5280 wants it positive, and
// unlike any other of the authority.
func newSerial() (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40 // always of 16 bytes
	return new(big.Int).SetBytes(b), nil
}

// PEM is the authority's certificate, as programs and boards take it.
func (a *Authority) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// DER is the authority's certificate, as phones take it.
func (a *Authority) DER() []byte { return a.cert.Raw }

// Name is the certificate's, as a phone lists it.
func (a *Authority) Name() string { return a.cert.Subject.CommonName }

// Ends is when the certificate ends.
func (a *Authority) Ends() time.Time { return a.cert.NotAfter }

// Fingerprint is the SHA-256 of the certificate, as browsers and openssl show it: 32
// pairs of hexadecimal digits with colons between.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.cert.Raw)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// Pool trusts this authority and no other.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// readPair reads a certificate and its key. The error is the file system's, or says
// that the file is damaged.
func readPair(path string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var cert *x509.Certificate
	var key *ecdsa.PrivateKey
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			cert, err = x509.ParseCertificate(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		}
		if err != nil {
			return nil, nil, &DamagedError{Path: path}
		}
	}
	if cert == nil || key == nil || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, &DamagedError{Path: path}
	}
	return cert, key, nil
}

// writePair writes a certificate and its key into one file: with two, a crash between
// them would leave a key without its certificate.
func writePair(path string, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})...)
	return atomicfile.WritePrivate(path, text)
}
