package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vaiven/internal/server"
)

// accessFlags are those of who may do what.
func (p *program) accessFlags(f *pflag.FlagSet, c *config) {
	f.BoolVar(&c.Open, "open", c.Open, p.say("class mode: every board is let in, unverified, and everybody on the network may look (lab and workshop: always so)",
		"modo clase: se admite toda placa, sin verificar, y cualquiera en la red puede mirar (lab y taller: siempre)"))
	f.BoolVar(&c.PublicView, "public-view", false, p.say("everybody on the network may look, and nothing else", "cualquiera en la red puede mirar, y nada más"))
	f.StringSliceVar(&c.CORS, "cors", nil, p.say("origin of another site whose pages may ask the API, as https://example.org (several: repeat it)",
		"origen de otro sitio cuyas páginas pueden usar la API, como https://example.org (varios: repítela)"))
	f.StringSliceVar(&c.Host, "host", nil, p.say("name that the server goes by, beside those of its machine, as pi.example.org (several: repeat it)",
		"nombre por el que se conoce al servidor, además de los de su máquina, como pi.example.org (varios: repítela)"))
	f.StringVar(&c.APIToken, "api-token", "", p.say("a token that may do everything, of 16 characters at least (only in the variable VAIVEN_API_TOKEN or the TOML file; 'vaiven token create' makes better ones)",
		"una clave que puede todo, de al menos 16 caracteres (solo en la variable VAIVEN_API_TOKEN o el archivo TOML; 'vaiven token create' crea mejores)"))
	f.BoolVar(&c.NoQR, "no-qr", false, p.say("show no QR code", "no muestra ningún código QR"))
}

// checkTyped says who else reads a token on the server's command line.
func (p *program) checkTyped(cmd *cobra.Command) {
	if p.typed(cmd, "api-token") {
		p.warnOfTypedToken(envPrefix+"API_TOKEN", "--config")
	}
}

// checkAccess refuses what would not protect, or what no page and no name can be.
func (p *program) checkAccess(c *config) error {
	if n := len(c.APIToken); n > 0 && n < server.ShortestToken {
		return hinted(usageError{fmt.Errorf(p.say("the API token has %d characters: want %d at least", "la clave de la API tiene %d caracteres: debe tener al menos %d"), n, server.ShortestToken)},
			p.say("leave it out and make one that nobody guesses: `vaiven token create --can admin`", "omítela y crea una que nadie adivina: `vaiven token create --can admin`"))
	}
	for _, origin := range c.CORS {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			return usageError{fmt.Errorf(p.say("--cors %q: want an origin as https://example.org, without a path", "--cors %q: debe ser un origen como https://example.org, sin ruta"), origin)}
		}
	}
	for _, name := range c.Host {
		if name == "" || strings.ContainsAny(name, "/:@*? ") {
			return usageError{fmt.Errorf(p.say("--host %q: want a name alone, as pi.example.org", "--host %q: debe ser solo un nombre, como pi.example.org"), name)}
		}
	}
	return nil
}
