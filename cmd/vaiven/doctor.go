package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"vaiven/internal/stream"
)

func (p *program) doctorCommand() *cobra.Command {
	c := &config{Data: "vaiven-data", Listen: []string{":8080"}}
	repair := false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: p.say("Say what is wrong with a data folder or a machine", "Dice qué está mal en una carpeta de datos o en una máquina"),
		Long: p.say(
			"doctor looks at the disk, the clock, the network, the port and the data folder, and\nsays of each whether it is well. It changes nothing without --repair; with it, a log\nthat lost records is set aside together with its CSV, never deleted, and a new log\nbegins behind it, so that no id is used twice.",
			"doctor mira el disco, el reloj, la red, el puerto y la carpeta de datos, y dice de cada\nuno si está bien. No cambia nada sin --repair; con él, un registro que perdió datos se\naparta junto con su CSV, nunca se borra, y tras él empieza un registro nuevo, de modo\nque ningún id se usa dos veces."),
		Args: p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			if err := p.checkAddresses("listen", c.Listen); err != nil {
				return err
			}
			return p.doctor(cmd.Context(), c, repair)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, p.say("folder to look at", "carpeta que se mira"))
	f.StringVar(&c.CSV, "csv", "", p.say("the CSV file (default: readings.csv in the data folder)",
		"el archivo CSV (por defecto, readings.csv en la carpeta de datos)"))
	f.StringSliceVar(&c.Listen, "listen", c.Listen, p.say("address that the server would listen on", "dirección donde escucharía el servidor"))
	f.BoolVar(&repair, "repair", false, p.say("set aside what is damaged, and begin a new log", "aparta lo dañado y empieza un registro nuevo"))
	return cmd
}

// grade is how a finding is meant.
type grade int

const (
	fine grade = iota
	worry
	broken
)

// finding is what doctor says of one thing.
type finding struct {
	grade grade
	what  string
	text  string
	hint  string
	err   error // what it was made of, nil when all is well
}

func (p *program) doctor(ctx context.Context, c *config, repair bool) error {
	a := &app{program: p, c: c, logger: p.logger()}
	log := a.examineLog(ctx)
	all := []finding{a.examineFolder(), a.examineDisk(), a.examineClock(), a.examineNetwork(), a.examinePort(ctx), log}
	for _, f := range all {
		a.printFinding(f)
	}
	bad := slices.ContainsFunc(all, func(f finding) bool { return f.grade == broken })
	switch {
	case repair && repairable(log.err):
		return a.repair(ctx)
	case repair && errors.Is(log.err, stream.ErrLocked):
		return a.logError(log.err)
	case repair:
		fmt.Fprintln(p.out, p.say("nothing here needs a new log: nothing was set aside",
			"nada aquí necesita un registro nuevo: no se apartó nada"))
	}
	if bad {
		return hinted{errors.New(p.say("something is wrong", "algo está mal")), p.say("see the lines marked with ✗", "mira las líneas marcadas con ✗")}
	}
	return nil
}

func (a *app) printFinding(f finding) {
	mark := [...]string{"✓", "!", "✗"}[f.grade]
	fmt.Fprintf(a.out, "%s %-9s %s\n", mark, f.what, f.text)
	if f.hint != "" {
		fmt.Fprintf(a.out, "            %s\n", f.hint)
	}
}

func (a *app) examineFolder() finding {
	f := finding{what: a.say("folder", "carpeta"), text: a.c.Data}
	info, err := os.Stat(a.c.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.grade, f.text = worry, a.c.Data+a.say(" does not exist yet; the server will create it", " todavía no existe; el servidor la creará")
		return f
	case err != nil:
		f.grade, f.text = broken, err.Error()
		return f
	case !info.IsDir():
		return a.explained(f, a.folderError(a.c.Data, os.ErrExist))
	}
	probe, err := os.CreateTemp(a.c.Data, ".doctor-*")
	if err != nil {
		return a.explained(f, a.folderError(a.c.Data, err))
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	return f
}

// explained makes an error and its hint a finding.
func (a *app) explained(f finding, err error) finding {
	f.grade, f.text = broken, err.Error()
	var h hinted
	if errors.As(err, &h) {
		f.hint = h.hint
	}
	return f
}

// slowSync is the time of a write+fsync above which boards feel it.
const slowSync = 50 * time.Millisecond

// examineDisk measures what an acknowledgement waits for: a small write and its
// fsync, where the log is or will be.
func (a *app) examineDisk() finding {
	f := finding{what: a.say("disk", "disco")}
	dir := a.c.Data
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Dir(dir)
	}
	median, worst, err := measureSync(dir, 20)
	if err != nil {
		f.grade, f.text = broken, err.Error()
		return f
	}
	f.text = fmt.Sprintf(a.say("write + fsync: median %v, slowest %v", "escritura + fsync: mediana %v, la más lenta %v"),
		median.Round(10*time.Microsecond), worst.Round(10*time.Microsecond))
	if median > slowSync {
		f.grade, f.hint = worry, a.say("slow: acknowledgements wait for it; another card or a USB disk is faster",
			"lento: las confirmaciones lo esperan; otra tarjeta o un disco USB es más rápido")
	}
	if free, ok := diskFree(dir); ok {
		f.text += fmt.Sprintf(a.say("; %d MiB free", "; %d MiB libres"), free>>20)
		if free < 64<<20 {
			f.grade, f.hint = broken, a.say("make room: the server takes no readings below its reserve",
				"libera espacio: por debajo de su reserva el servidor no acepta lecturas")
		}
	}
	return f
}

func measureSync(dir string, n int) (median, worst time.Duration, err error) {
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		if _, err := file.Write(make([]byte, 4096)); err != nil {
			return 0, 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n/2], took[n-1], nil
}

func (a *app) examineClock() finding {
	f := finding{what: a.say("clock", "reloj"), text: time.Now().Format("2006-01-02 15:04:05 MST")}
	if !clockSynced() {
		f.grade = worry
		f.text += a.say(", not synchronised", ", no sincronizado")
		f.hint = a.say("readings are stamped with this time: `timedatectl` shows whether NTP is on",
			"las lecturas llevan esta hora: `timedatectl` muestra si NTP está activo")
	}
	return f
}

func (a *app) examineNetwork() finding {
	f := finding{what: a.say("network", "red")}
	addrs := localAddresses()
	if len(addrs) == 0 {
		f.grade, f.text = worry, a.say("no address that a board could reach", "ninguna dirección que una placa pueda alcanzar")
		f.hint = a.say("connect this machine to the boards' Wi-Fi", "conecta esta máquina al Wi-Fi de las placas")
		return f
	}
	f.text = fmt.Sprint(addrs)
	return f
}

func (a *app) examinePort(ctx context.Context) finding {
	f := finding{what: a.say("port", "puerto"), text: fmt.Sprint(a.c.Listen)}
	for _, addr := range a.c.Listen {
		l, err := a.bind(ctx, addr)
		if err == nil {
			_ = l.Close()
			continue
		}
		if runs(ctx, addr) {
			f.text = addr + a.say(": a vaiven is running there", ": ahí corre un vaiven")
			continue
		}
		return a.explained(f, err)
	}
	return f
}

// runs reports whether a vaiven answers at a listening address.
func runs(ctx context.Context, addr string) bool {
	if addr[0] == ':' {
		addr = "127.0.0.1" + addr
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// examineLog opens the log and verifies it with its CSV, if no server has it.
func (a *app) examineLog(ctx context.Context) finding {
	f := finding{what: a.say("log", "registro")}
	if a.mustHaveLog() != nil {
		f.text = a.say("none yet", "todavía no hay")
		return f
	}
	counts, err := a.verified(ctx)
	f.err = err
	switch {
	case errors.Is(err, stream.ErrLocked):
		f.text = a.say("in use by a running vaiven; stop it to have the log examined", "en uso por un vaiven en marcha; detenlo para examinar el registro")
	case err != nil:
		f = a.explained(f, err)
		f.grade = broken
	default:
		f.text = counts
	}
	return f
}
