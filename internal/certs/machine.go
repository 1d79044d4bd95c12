package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Hosts is what a machine goes by.
type Hosts struct {
	Name      string       // as it calls itself, "": nothing
	Addresses []netip.Addr // of its interfaces, without zones
}

// ThisMachine returns what this machine goes by now.
func ThisMachine() (h Hosts) {
	h.Name, _ = os.Hostname()
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			h.Addresses = append(h.Addresses, p.Addr().Unmap().WithZone(""))
		}
	}
	return h
}

// maxAddresses bounds what a certificate names: a machine with containers has many
// addresses at which nobody reaches it, and boards have little memory.
const maxAddresses = 64

// sites are what a certificate of an authority names for a machine: names, then addresses.
func (h Hosts) sites(permitted []string) (names []string, addresses []net.IP) {
	host := hostName(h.Name)
	if short, _, _ := strings.Cut(host, "."); short != "" && short != "localhost" {
		names = append(names, short+".local")
	}
	for _, name := range []string{host, "localhost"} {
		// A machine that got another name keeps its authority, which was made for the old one.
		if slices.Contains(permitted, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add := func(a netip.Addr) {
		ip := net.IP(a.AsSlice())
		if len(addresses) < maxAddresses && slices.ContainsFunc(privateNetworks, func(p netip.Prefix) bool { return p.Contains(a) }) &&
			!slices.ContainsFunc(addresses, ip.Equal) {
			addresses = append(addresses, ip)
		}
	}
	add(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	add(netip.IPv6Loopback())
	for _, a := range h.Addresses {
		add(a)
	}
	return names, addresses
}

// hostName is a machine's name as a certificate may have it, "" when it may not.
func hostName(s string) string {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return ""
		}
	}
	return s
}

// machine is the certificate that the authority signs for this machine.
type machine struct {
	authority *Authority
	path      string
	hosts     func() Hosts
	now       func() time.Time

	shown atomic.Pointer[tls.Certificate]
	mu    sync.Mutex // one check at a time
}

// openMachine reads the certificate of an earlier start, or signs one.
func openMachine(a *Authority, dir string, hosts func() Hosts, now func() time.Time) (*machine, error) {
	m := &machine{authority: a, path: filepath.Join(dir, machineName), hosts: hosts, now: now}
	// What cannot be read is signed again: nobody trusts this certificate by itself.
	if cert, key, err := readPair(m.path); err == nil && cert.CheckSignatureFrom(a.cert) == nil {
		m.shown.Store(&tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert})
	}
	return m, m.check()
}

// check signs another certificate when the one that is shown ends soon, or does not name
// what the machine goes by. One that names more than that stays: it is this machine's key.
func (m *machine) check() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := atLeast(m.now())
	names, addresses := m.hosts().sites(m.authority.cert.PermittedDNSDomains)
	if old := m.shown.Load(); old != nil && !due(old.Leaf, now) && covers(old.Leaf, names, addresses) {
		return nil
	}
	cert, err := m.authority.sign(names, addresses, now)
	if err != nil {
		return err
	}
	m.shown.Store(cert) // whether or not it can be kept
	key, ok := cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("the key is of another kind")
	}
	return writePair(m.path, cert.Certificate[0], key)
}

// due reports whether two thirds of a certificate's time are over, or none of it yet:
// the clock was wrong when it was signed.
func due(c *x509.Certificate, now time.Time) bool {
	return now.Before(c.NotBefore) || now.After(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore)*2/3))
}

func covers(c *x509.Certificate, names []string, addresses []net.IP) bool {
	for _, n := range names {
		if !slices.Contains(c.DNSNames, n) {
			return false
		}
	}
	for _, a := range addresses {
		if !slices.ContainsFunc(c.IPAddresses, a.Equal) {
			return false
		}
	}
	return true
}

// sign makes a certificate for names and addresses, with a key of its own.
func (a *Authority) sign(names []string, addresses []net.IP, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-before), NotAfter: now.Add(machineLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: names, IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
