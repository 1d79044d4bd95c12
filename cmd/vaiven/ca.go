package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vaiven/internal/server"
)

// caOutput is what of the authority is printed alone.
type caOutput struct{ pem, sketch, fingerprint bool }

func (p *program) caCommand() *cobra.Command {
	data := defaultData
	var only caOutput
	cmd := &cobra.Command{
		Use:   "ca",
		Short: p.say("Show the certificate that boards and browsers are to trust", "Muestra el certificado en el que deben confiar placas y navegadores"),
		Long: p.say(
			"ca shows the certificate of the server's own authority, its fingerprint, the same as\ntext for a sketch, and how a phone or a browser is told to trust it. It is no secret.\nThe server may be running.",
			"ca muestra el certificado de la autoridad propia del servidor, su huella, el mismo como\ntexto para un sketch, y cómo hacer que un teléfono o un navegador confíe en él. No es\nsecreto. El servidor puede estar en marcha."),
		Example: "  vaiven ca\n  vaiven ca --pem > ca.pem\n  vaiven ca --sketch --data taller-20261122-140300",
		Args:    p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			return p.showAuthority(data, only)
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", data, p.say("the server's data folder", "la carpeta de datos del servidor"))
	f.BoolVar(&only.pem, "pem", false, p.say("only the certificate (PEM)", "solo el certificado (PEM)"))
	f.BoolVar(&only.sketch, "sketch", false, p.say("only the text for a sketch", "solo el texto para un sketch"))
	f.BoolVar(&only.fingerprint, "fingerprint", false, p.say("only the fingerprint (SHA-256)", "solo la huella (SHA-256)"))
	return cmd
}

func (p *program) showAuthority(data string, only caOutput) error {
	if only.pem && only.sketch || only.pem && only.fingerprint || only.sketch && only.fingerprint {
		return usageError{errors.New(p.say("--pem, --sketch, --fingerprint: choose one", "--pem, --sketch, --fingerprint: elige una"))}
	}
	ca, err := server.Explainer{Lang: p.lang, Data: data}.ReadAuthority()
	if err != nil {
		return err
	}
	var text string
	switch {
	case only.pem:
		text = ca.PEM()
	case only.sketch:
		text = sketchCA(ca.PEM())
	case only.fingerprint:
		text = ca.Fingerprint() + "\n"
	default:
		text = fmt.Sprintf("%s, %s %s\nSHA-256 %s\n\n%s\n%s\n%s", ca.Name(), p.say("until", "hasta"), ca.Ends().Local().Format(time.DateOnly),
			ca.Fingerprint(), ca.PEM(), sketchCA(ca.PEM()), p.howToTrust(ca.Name()))
	}
	_, err = io.WriteString(p.out, text)
	return err
}

// sketchCA is a certificate as a string of C++, to paste into a sketch.
func sketchCA(pem string) string {
	var b strings.Builder
	b.WriteString("const char ca[] =\n")
	lines := strings.Split(strings.TrimSpace(pem), "\n")
	for i, line := range lines {
		end := ""
		if i == len(lines)-1 {
			end = ";"
		}
		fmt.Fprintf(&b, "    \"%s\\n\"%s\n", line, end)
	}
	return b.String()
}

func (p *program) howToTrust(name string) string {
	return fmt.Sprintf(p.say(`A board: paste the certificate into its serial port behind "ca", or the text above into a
sketch: webSocket.beginSslWithCA(host, 8443, "/", ca);

A phone or a browser: open http://HOST:8080/ca.crt there (HOST is this machine's address) and
compare the fingerprint with the one above before you trust it. Then:
  Android   Settings > Security > Encryption and credentials > Install a certificate > CA certificate
  iPhone    Settings > Profile Downloaded > Install; then Settings > General > About >
            Certificate Trust Settings: switch "%[1]s" on
  Firefox   Settings > Privacy and Security > Certificates > View Certificates > Authorities > Import
  Chrome    Settings > Privacy and security > Security > Manage certificates > Authorities > Import
  curl      curl --cacert ca.pem https://HOST:8443/healthz
It can sign for private addresses and names in .local only, never for a site of the internet.
`, `Una placa: pega el certificado en su puerto serie después de "ca", o el texto de arriba en un
sketch: webSocket.beginSslWithCA(host, 8443, "/", ca);

Un teléfono o un navegador: abre allí http://HOST:8080/ca.crt (HOST es la dirección de este
equipo) y compara la huella con la de arriba antes de confiar. Después:
  Android   Ajustes > Seguridad > Cifrado y credenciales > Instalar un certificado > Certificado de CA
  iPhone    Ajustes > Perfil descargado > Instalar; luego Ajustes > General > Información >
            Ajustes de confianza de los certificados: activa "%[1]s"
  Firefox   Ajustes > Privacidad y seguridad > Certificados > Ver certificados > Autoridades > Importar
  Chrome    Configuración > Privacidad y seguridad > Seguridad > Gestionar certificados > Autoridades > Importar
  curl      curl --cacert ca.pem https://HOST:8443/healthz
Solo puede firmar para direcciones privadas y nombres en .local, nunca para un sitio de internet.
`), name)
}
