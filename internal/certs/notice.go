package certs

import (
	"fmt"
	"path/filepath"
	"time"

	"vaiven"
)

// Kind says what a Notice is about.
type Kind string

// What is told about certificates.
const (
	Expired     Kind = "expired"      // the given certificate has ended
	KeyOpen     Kind = "key-open"     // everybody on this machine can read its key
	Reloaded    Kind = "reloaded"     // its files have changed, and are used
	NotReloaded Kind = "not-reloaded" // they have changed, and cannot be used
	NotKept     Kind = "not-kept"     // the machine's new certificate could not be written
	Ending      Kind = "ending"       // the local authority ends soon
	Obtained    Kind = "obtained"     // ACME has given a certificate
	NotObtained Kind = "not-obtained" // it has not
)

// Notice is something about the certificates that a person should know.
type Notice struct {
	Kind   Kind
	Path   string    // of the file, unless it is about a domain
	Domain string    // of Obtained and NotObtained
	When   time.Time // the end of the certificate
	Err    error     // of NotReloaded, NotKept and NotObtained
}

// Text is the notice in words.
func (n Notice) Text(l vaiven.Lang) string {
	name, day := filepath.Base(n.Path), n.When.Local().Format(time.DateOnly)
	switch n.Kind {
	case Expired:
		return fmt.Sprintf(l.Say("the certificate %s ended on %s: nobody trusts it", "el certificado %s venció el %s: nadie confía en él"), n.Path, day)
	case KeyOpen:
		return fmt.Sprintf(l.Say("everybody on this machine can read the key %s", "cualquiera en este equipo puede leer la clave %s"), n.Path)
	case Reloaded:
		return fmt.Sprintf(l.Say("another certificate in %s, until %s: new connections see it", "hay otro certificado en %s, hasta el %s: lo ven las conexiones nuevas"), name, day)
	case NotReloaded:
		return fmt.Sprintf(l.Say("%s has changed and cannot be used, the certificate of before stays: %v", "%s cambió y no se puede usar, sigue el certificado de antes: %v"), name, n.Err)
	case NotKept:
		return fmt.Sprintf(l.Say("the new certificate of this machine cannot be written: %v", "el certificado nuevo de este equipo no se puede escribir: %v"), n.Err)
	case Ending:
		return fmt.Sprintf(l.Say("the local certificate authority ends on %s", "la autoridad de certificación local vence el %s"), day)
	case Obtained:
		return fmt.Sprintf(l.Say("there is a certificate for %s", "ya hay un certificado para %s"), n.Domain)
	case NotObtained:
		return fmt.Sprintf(l.Say("no certificate for %s yet: %v", "aún no hay certificado para %s: %v"), n.Domain, n.Err)
	}
	return string(n.Kind)
}

// Hint says what to do, "" when that is nothing.
func (n Notice) Hint(l vaiven.Lang) string {
	switch n.Kind {
	case Expired:
		return l.Say("renew it: the files are read again when they change", "renuévalo: los archivos se leen otra vez cuando cambian")
	case KeyOpen:
		return "chmod 600 " + n.Path
	case NotReloaded:
		return l.Say("the key must be that of the certificate, both in PEM", "la clave debe ser la del certificado, ambas en PEM")
	case Ending:
		return fmt.Sprintf(l.Say("stop the server, remove %s, start it, and give boards and browsers what `vaiven ca` then shows",
			"detén el servidor, borra %s, inícialo y da a placas y navegadores lo que muestre entonces `vaiven ca`"), n.Path)
	case NotObtained:
		return fmt.Sprintf(l.Say("port 443 (or 80) of %s must lead to this server from the internet; it is tried again by itself",
			"el puerto 443 (o el 80) de %s debe llegar a este servidor desde internet; se vuelve a intentar solo"), n.Domain)
	}
	return ""
}

// DamagedError says that a file of the folder tls is not what it was.
type DamagedError struct{ Path string }

// Error implements error.
func (e *DamagedError) Error() string { return e.Path + ": no certificate with its key" }

// Text is the error in words.
func (e *DamagedError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("%s is damaged: it does not hold a certificate with its key", "%s está dañado: no contiene un certificado con su clave"), e.Path)
}

// Hint says what to do.
func (e *DamagedError) Hint(l vaiven.Lang) string {
	return l.Say("put it back from a copy; or remove it, and give boards and browsers what `vaiven ca` then shows",
		"recupéralo de una copia; o bórralo y da a placas y navegadores lo que muestre entonces `vaiven ca`")
}
