// Package certs has the certificates that a server shows over TLS, and the versions
// and ciphers that it speaks.
//
// It owns the folder tls of a data folder: the local authority ([Authority]), the
// certificate that this signs for the machine's names and addresses, and what ACME
// obtains. It does not own listeners or connections, nor the files of --tls-cert, which
// are a person's: it reads them anew when they change.
//
// There are three kinds of certificate. Two files that were given are shown to everybody.
// Without them, the authority's certificate is shown; and where a public domain was
// named, to whoever asks for that domain the one that ACME obtained for it.
//
// A certificate is chosen at each handshake, so that a new one is shown to new
// connections and the others go on. [Certificates.Check] looks whether another is due;
// Run does it again and again. Methods may be called from any goroutine; a handshake
// waits for no file and for no network. A disk or an ACME server that hangs makes
// the next certificate late, and nothing else: authority's and files' are renewed long
// before they end.
//
// What a crash leaves: a key and its certificate are one file, replaced whole or not at
// all. An authority that was not written yet is made again by the next start, when
// nobody can have trusted it; a machine's certificate is signed again. A folder has one
// server at a time. Course runs share one; should two of them begin it at the same moment,
// what was written last is the authority from the next start on.
package certs
