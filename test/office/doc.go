// Package office opens exports in LibreOffice with a Spanish locale, and compares what
// it understood with the server's exact CSV. It needs libreoffice-calc, some 300
// megabytes, so `make office` runs it and `make test` does not.
package office
