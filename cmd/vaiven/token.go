package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vaiven/internal/atomicfile"
	"vaiven/internal/server"
)

// serverNote is what a running server leaves in its user's own folder, so that this
// user's commands find it: where its data, and with it the token for them, are.
type serverNote struct {
	Data string `json:"data"` // its data folder, absolute
	PID  int    `json:"pid"`
}

// notesFolder is where servers of this user leave their notes; false: nowhere.
func (p *program) notesFolder() (string, bool) {
	if p.getenv("HOME") == "" && p.getenv("XDG_CACHE_HOME") == "" && p.getenv("LocalAppData") == "" {
		return "", false
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "vaiven", "servers"), err == nil
}

// leaveNotes notes for each port where this server is, until the returned function is
// called. If we die before, the note names a process that is gone, and is passed over.
// One that cannot be written costs its reader a flag: --data.
func (a *attended) leaveNotes() (remove func()) {
	dir, ok := a.notesFolder()
	data, err := filepath.Abs(a.c.Data)
	if !ok || err != nil || os.MkdirAll(dir, 0o700) != nil {
		return func() {}
	}
	note := serverNote{Data: data, PID: os.Getpid()}
	text, _ := json.Marshal(note) // a text and a number: cannot fail
	var left []string
	for _, port := range a.ports() {
		path := filepath.Join(dir, port)
		if err := atomicfile.WritePrivate(path, append(text, '\n')); err != nil {
			a.logger().Debug("commands on this machine are not told of the server", "err", err)
			continue
		}
		left = append(left, path)
	}
	return func() {
		for _, path := range left {
			if now, ok := readNote(path); ok && now == note {
				_ = os.Remove(path) // one that stays is passed over
			}
		}
	}
}

// ports are those that the server listens on.
func (a *attended) ports() (ports []string) {
	addresses := a.Addresses()
	seen := map[string]bool{"": true}
	for _, addr := range append(append([]string{addresses.Local}, addresses.Plain...), addresses.Secure...) {
		if _, port, err := net.SplitHostPort(addr); err == nil && !seen[port] {
			seen[port] = true
			ports = append(ports, port)
		}
	}
	return ports
}

func readNote(path string) (note serverNote, ok bool) {
	b, err := os.ReadFile(path)
	return note, err == nil && json.Unmarshal(b, &note) == nil && note.Data != ""
}

// localToken looks for the token of the commands on the machine where the asked server
// runs. The token of a server is sent to loopback addresses alone.
func (p *program) localToken(r *remote) {
	port, loopback := loopbackPort(r.server)
	if !loopback {
		return
	}
	data := r.data
	if dir, ok := p.notesFolder(); data == "" && ok {
		if note, found := readNote(filepath.Join(dir, port)); found && processRuns(note.PID) {
			data = note.Data
		}
	}
	path := server.TokenPath(cmp.Or(data, defaultData))
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		r.token, r.found = strings.TrimSpace(string(b)), path
	case r.data != "" || !errors.Is(err, fs.ErrNotExist): // where no folder was named there may be none
		r.unread, r.absent = path, errors.Is(err, fs.ErrNotExist)
	}
}

// loopbackPort is the port of a server's address, and whether the address is of this
// machine alone.
func loopbackPort(address string) (port string, loopback bool) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	port = u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return port, err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(u.Hostname(), "localhost")
}

// tokenFrom completes the token that a server is asked with: one that was given, one of a
// file, one of the environment, or the one of this machine. Called once the flags are
// complete.
func (p *program) tokenFrom(cmd *cobra.Command, r *remote) error {
	switch {
	case p.typed(cmd, "token", "api-token"):
		p.warnOfTypedToken("VAIVEN_TOKEN", "--token-file")
	case r.tokenFile != "":
		b, err := os.ReadFile(r.tokenFile)
		if err != nil {
			return fmt.Errorf("--token-file: %w", err)
		}
		if r.token = strings.TrimSpace(string(b)); r.token == "" || strings.ContainsAny(r.token, " \t\r\n") {
			return usageError{fmt.Errorf(p.say("--token-file: %s does not hold a token alone", "--token-file: %s no contiene solo una clave"), r.tokenFile)}
		}
		return nil
	}
	if r.token == "" {
		r.token = r.oldToken
	}
	if r.token == "" {
		p.localToken(r)
	}
	return nil
}

// warnOfTypedToken says who else can read a token on a command line.
func (p *program) warnOfTypedToken(variable, flag string) {
	p.notice(p.say("everybody on this machine can see a token on a command line", "cualquiera en esta máquina puede ver una clave en una línea de comandos"),
		fmt.Sprintf(p.say("better: the variable %s, or %s", "mejor: la variable %s, o %s"), variable, flag))
}

// typed reports whether one of these flags is on the command line itself.
func (p *program) typed(cmd *cobra.Command, flags ...string) bool {
	for _, name := range flags {
		if cmd.Flags().Changed(name) && !p.filled[name] {
			return true
		}
	}
	return false
}

// tokenHint is what to try when a server asks for another right than the one that was
// shown.
func (p *program) tokenHint(r *remote) string {
	switch {
	case r.found != "":
		return fmt.Sprintf(p.say("%s is of another server: name the folder of this one with --data", "%s es de otro servidor: indica la carpeta de este con --data"), r.found)
	case r.absent:
		return fmt.Sprintf(p.say("there is no %s: is --data the folder of this server?", "no existe %s: ¿es --data la carpeta de este servidor?"), r.unread)
	case r.unread != "":
		who := owner(r.unread)
		if who == "" {
			return fmt.Sprintf(p.say("%s cannot be read: run the command as the user who runs the server, or give --token", "no se puede leer %s: ejecuta el comando como el usuario del servidor, o da --token"), r.unread)
		}
		return fmt.Sprintf(p.say("the server's folder belongs to %[1]s: `sudo -u %[1]s vaiven ...`, or give --token", "la carpeta del servidor es de %[1]s: `sudo -u %[1]s vaiven ...`, o da --token"), who)
	case r.token != "":
		return p.say("`vaiven token create --can ...` on the server's machine makes one that may", "`vaiven token create --can ...` en la máquina del servidor crea una que puede")
	}
	if _, loopback := loopbackPort(r.server); loopback {
		return p.say("run it as the user who runs the server (`sudo -u USER vaiven ...`), name its folder with --data, or give --token",
			"ejecútalo como el usuario del servidor (`sudo -u USUARIO vaiven ...`), indica su carpeta con --data, o da --token")
	}
	return p.say("give a token: the variable VAIVEN_TOKEN, --token-file or --token; `vaiven token create` on the server's machine makes one",
		"da una clave: la variable VAIVEN_TOKEN, --token-file o --token; `vaiven token create` en la máquina del servidor crea una")
}
