// Package tlssuite holds a running server against other people's TLS: sslscan finds
// nothing weak in it, curl and openssl trust it by its own authority and by nothing else,
// a certificate that changes drops no board, and Pebble, Let's Encrypt's own test server,
// certifies it over ACME.
//
// The tests need Debian's sslscan, openssl and curl; Pebble is built from the module in
// tools. `make suites` runs them. Nothing leaves the machine: Pebble asks a DNS server
// of its own, which sends every name to 127.0.0.1.
package tlssuite
