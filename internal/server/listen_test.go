package server

import (
	"net"
	"slices"
	"testing"

	"vaiven"
)

func TestForeignProtocolsAreKnown(t *testing.T) {
	for _, c := range []struct {
		bytes string
		tls   bool
		want  string
	}{
		{"GET / HTTP/1.1\r\n", false, ""},
		{"G", false, ""},
		{"\x16\x03\x01\x02\x00\x01", false, vaiven.FaultTLS},
		{"\x16\x03\x01\x02\x00\x01", true, ""},
		{"GET / HTTP/1.1\r\n", true, vaiven.FaultPlain},
		{"\x10\x0e\x00\x04MQTT\x04", false, vaiven.FaultMQTT},
		{"\x10\x0e\x00\x06MQIsdp\x03", false, vaiven.FaultMQTT},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false, vaiven.FaultHTTP2},
		{`{"IDDEVICE":101}`, false, vaiven.FaultBytes},
	} {
		if got := foreignProtocol([]byte(c.bytes), c.tls); got != c.want {
			t.Errorf("%q, TLS %v: %q, want %q", c.bytes, c.tls, got, c.want)
		}
	}
}

func TestBestAddressesAreOfOneKind(t *testing.T) {
	for _, c := range [][2][]string{
		{{"fe80::1", "192.168.1.7", "169.254.7.7", "fd00::5"}, {"192.168.1.7"}},
		{{"fe80::1", "169.254.7.7", "fd00::5"}, {"fd00::5"}},
		{{"fe80::1", "169.254.7.7"}, {"169.254.7.7"}},
		{{"fe80::1"}, {"fe80::1"}},
		{nil, nil},
	} {
		var ips []net.IP
		for _, s := range c[0] {
			ips = append(ips, net.ParseIP(s))
		}
		if got := bestAddresses(ips); !slices.Equal(got, c[1]) {
			t.Errorf("%v: %v, want %v", c[0], got, c[1])
		}
	}
}
