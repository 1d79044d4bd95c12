package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"vaiven"
	"vaiven/internal/sim"
)

// maxTokenFile bounds the file of simulated boards' tokens: more than enough for all.
const maxTokenFile = 4 << 20

// readTokens reads lines of "id,token"; of several for a board the last counts. A file
// that is not there is empty: it is made when a board is given a token.
func (p *program) readTokens(path string) (map[vaiven.Device]string, error) {
	tokens := make(map[vaiven.Device]string)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return tokens, nil
	case err != nil:
		return nil, err
	case info.Size() > maxTokenFile:
		return nil, fmt.Errorf(p.say("%s: too large for a file of tokens", "%s: demasiado grande para un archivo de claves"), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		id, token, _ := strings.Cut(line, ",")
		device, err := vaiven.ParseDevice(strings.TrimSpace(id))
		if token = strings.TrimSpace(token); err != nil || !vaiven.ValidToken(token) { // nothing of the line is quoted
			return nil, hinted(fmt.Errorf(p.say("%s, line %d: want a board's id and its token", "%s, línea %d: falta el número de una placa y su clave"), path, n), "101,vvn_...")
		}
		tokens[device] = token
	}
	return tokens, nil
}

// simulatedAccess is what simulated boards do about being let in: their tokens, and
// what to tell the person who started them.
type simulatedAccess struct {
	p    *program
	path string // "": tokens that are given are known as long as the boards live

	mu   sync.Mutex
	told map[vaiven.Code]bool
	kept map[vaiven.Device]string // the last token of each in the file, since the start
}

// follow sets what o needs for it.
func (a *simulatedAccess) follow(o *sim.Options) error {
	a.told, a.kept = make(map[vaiven.Code]bool), make(map[vaiven.Device]string)
	o.OnBarred, o.OnToken = a.noteBarred, a.keep
	if a.path == "" {
		return nil
	}
	tokens, err := a.p.readTokens(a.path)
	o.Tokens = tokens
	return err
}

// keep appends a token to the file. If we die here, the board has a token that nobody
// knows, and `vaiven devices add` makes it another. A server says a token again until the
// board has used it.
func (a *simulatedAccess) keep(d vaiven.Device, token string) {
	if a.path == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept[d] == token {
		return
	}
	if err := appendSecret(a.path, string(d)+","+token+"\n"); err != nil {
		a.p.notice(a.p.say("the token of a board could not be kept: ", "no se pudo guardar la clave de una placa: ")+err.Error(), "")
		return
	}
	a.kept[d] = token
}

// appendSecret appends to a file that only its owner may read.
func appendSecret(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// noteBarred says what to do about a board that is not let in, once for each reason.
func (a *simulatedAccess) noteBarred(d vaiven.Device, why vaiven.Code) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told[why] {
		return
	}
	a.told[why] = true
	p := a.p
	switch why {
	case vaiven.CodeNotApproved:
		p.notice(fmt.Sprintf(p.say("board %s waits to be approved", "la placa %s espera a que la aprueben"), d),
			fmt.Sprintf(p.say("vaiven devices approve %s, or all who come: vaiven devices open --for 10m", "vaiven devices approve %s, o a todas las que vengan: vaiven devices open --for 10m"), d))
	case vaiven.CodeNotAuthorised:
		p.notice(fmt.Sprintf(p.say("board %s has a token, which this command does not know", "la placa %s tiene una clave, que este comando no conoce"), d),
			fmt.Sprintf(p.say("--tokens FILE keeps tokens from one run to the next; vaiven devices add %s makes another", "--tokens ARCHIVO guarda las claves de una vez para otra; vaiven devices add %s crea otra"), d))
	case vaiven.CodeBadToken:
		p.notice(fmt.Sprintf(p.say("the server does not take the token of board %s", "el servidor no acepta la clave de la placa %s"), d),
			fmt.Sprintf(p.say("vaiven devices add %s makes it another, for the file of --tokens", "vaiven devices add %s crea otra, para el archivo de --tokens"), d))
	}
}
