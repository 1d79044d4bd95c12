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

	"vaiven/internal/csvfile"
	"vaiven/internal/server"
	"vaiven/internal/stream"
	"vaiven/internal/views"
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
	d := p.dataFolder(c)
	log := d.examineLog(ctx)
	all := []finding{d.examineFolder(), d.examineDisk(), d.examineClock(), d.examineNetwork(), d.examinePort(ctx), log, d.examineHistory()}
	for _, f := range all {
		d.printFinding(f)
	}
	bad := slices.ContainsFunc(all, func(f finding) bool { return f.grade == broken })
	switch {
	case repair && server.Repairable(log.err):
		return d.repair(ctx)
	case repair && errors.Is(log.err, stream.ErrLocked):
		return log.err
	case repair:
		fmt.Fprintln(p.out, p.say("nothing here needs a new log: nothing was set aside",
			"nada aquí necesita un registro nuevo: no se apartó nada"))
	}
	if bad {
		return hinted(errors.New(p.say("something is wrong", "algo está mal")), p.say("see the lines marked with ✗", "mira las líneas marcadas con ✗"))
	}
	return nil
}

func (d *dataFolder) printFinding(f finding) {
	mark := [...]string{"✓", "!", "✗"}[f.grade]
	fmt.Fprintf(d.out, "%s %-9s %s\n", mark, f.what, f.text)
	if f.hint != "" {
		fmt.Fprintf(d.out, "            %s\n", f.hint)
	}
}

func (d *dataFolder) examineFolder() finding {
	f := finding{what: d.say("folder", "carpeta"), text: d.o.Data}
	info, err := os.Stat(d.o.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.grade, f.text = worry, d.o.Data+d.say(" does not exist yet; the server will create it", " todavía no existe; el servidor la creará")
		return f
	case err != nil:
		f.grade, f.text = broken, err.Error()
		return f
	case !info.IsDir():
		return d.explained(f, d.explain.Folder(d.o.Data, os.ErrExist))
	}
	probe, err := os.CreateTemp(d.o.Data, ".doctor-*")
	if err != nil {
		return d.explained(f, d.explain.Folder(d.o.Data, err))
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	return f
}

// explained makes an error and its hint a finding.
func (d *dataFolder) explained(f finding, err error) finding {
	f.grade, f.text = broken, err.Error()
	var e *server.Error
	if errors.As(err, &e) {
		f.hint = e.Hint
	}
	return f
}

// slowSync is the time of a write+fsync above which boards feel it.
const slowSync = 50 * time.Millisecond

// examineDisk measures what an acknowledgement waits for: a small write and its
// fsync, where the log is or will be.
func (d *dataFolder) examineDisk() finding {
	f := finding{what: d.say("disk", "disco")}
	dir := d.o.Data
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Dir(dir)
	}
	median, worst, err := measureSync(dir, 20)
	if err != nil {
		f.grade, f.text = broken, err.Error()
		return f
	}
	f.text = fmt.Sprintf(d.say("write + fsync: median %v, slowest %v", "escritura + fsync: mediana %v, la más lenta %v"),
		median.Round(10*time.Microsecond), worst.Round(10*time.Microsecond))
	if median > slowSync {
		f.grade, f.hint = worry, d.say("slow: acknowledgements wait for it; another card or a USB disk is faster",
			"lento: las confirmaciones lo esperan; otra tarjeta o un disco USB es más rápido")
	}
	if free, ok := diskFree(dir); ok {
		f.text += fmt.Sprintf(d.say("; %d MiB free", "; %d MiB libres"), free>>20)
		if free < 64<<20 {
			f.grade, f.hint = broken, d.say("make room: the server takes no readings below its reserve",
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

func (d *dataFolder) examineClock() finding {
	f := finding{what: d.say("clock", "reloj"), text: time.Now().Format("2006-01-02 15:04:05 MST")}
	if !d.clock.Stamp().Synced {
		f.grade = worry
		f.text += d.say(", not synchronised", ", no sincronizado")
		f.hint = d.say("readings are stamped with this time: `timedatectl` shows whether NTP is on",
			"las lecturas llevan esta hora: `timedatectl` muestra si NTP está activo")
	}
	return f
}

func (d *dataFolder) examineNetwork() finding {
	f := finding{what: d.say("network", "red")}
	addrs := server.LocalAddresses()
	if len(addrs) == 0 {
		f.grade, f.text = worry, d.say("no address that a board could reach", "ninguna dirección que una placa pueda alcanzar")
		f.hint = d.say("connect this machine to the boards' Wi-Fi", "conecta esta máquina al Wi-Fi de las placas")
		return f
	}
	f.text = fmt.Sprint(addrs)
	return f
}

func (d *dataFolder) examinePort(ctx context.Context) finding {
	f := finding{what: d.say("port", "puerto"), text: fmt.Sprint(d.o.Listen)}
	for _, addr := range d.o.Listen {
		l, err := server.Listen(ctx, d.lang, addr)
		if err == nil {
			_ = l.Close()
			continue
		}
		if runs(ctx, addr) {
			f.text = addr + d.say(": a vaiven is running there", ": ahí corre un vaiven")
			continue
		}
		return d.explained(f, err)
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
func (d *dataFolder) examineLog(ctx context.Context) finding {
	f := finding{what: d.say("log", "registro")}
	if d.mustHaveLog() != nil {
		f.text = d.say("none yet", "todavía no hay")
		return f
	}
	found, err := d.verify(ctx)
	f.err = err
	switch {
	case errors.Is(err, stream.ErrLocked):
		f.text = d.say("in use by a running vaiven; stop it to have the log examined", "en uso por un vaiven en marcha; detenlo para examinar el registro")
	case err != nil:
		f = d.explained(f, err)
		f.grade = broken
	default:
		f.text = found.text
		if found.warning != "" {
			f.grade, f.text, f.hint = worry, found.text+"; "+found.warning, found.hint
		}
	}
	return f
}

// examineHistory opens every block of the history, which a running server does not mind.
func (d *dataFolder) examineHistory() finding {
	f := finding{what: d.say("history", "historial")}
	h, err := server.ExamineHistory(d.o.Data)
	switch {
	case err != nil:
		return d.explained(f, d.explain.History(server.HistoryDir(d.o.Data), err))
	case h.Damaged:
		f.grade, f.text = worry, d.say("its list of blocks is damaged", "su lista de bloques está dañada")
		f.hint = d.say("the next start uses all blocks that are whole, and takes the rest from the log", "el próximo arranque usa todos los bloques enteros y toma el resto del registro")
	case h.Blocks+len(h.Unreadable) == 0:
		f.text = d.say("nothing on disk yet: the last two hours are in the log", "nada en disco todavía: las últimas dos horas están en el registro")
	default:
		day := func(ms int64) string { return time.UnixMilli(ms).Format(time.DateOnly) }
		f.text = fmt.Sprintf(d.say("%d blocks, %.1f MiB: %d values from %s to %s", "%d bloques, %.1f MiB: %d valores de %s a %s"),
			h.Blocks, float64(h.Bytes)/(1<<20), h.Samples, day(h.Oldest), day(h.Newest))
		if n := len(h.Unreadable); n > 0 {
			f.grade = worry
			f.hint = fmt.Sprintf(d.say("%d more cannot be read, and what they hold is missing: %v", "%d más no se pueden leer, y lo que contienen falta: %v"), n, h.Unreadable)
		}
	}
	return f
}

// repair sets the log, its checkpoint and its CSV aside, and begins a new log
// behind everything that is known of the old one. The old log is moved last
// and the new one is made before: if we die in between, doctor finds the old
// log still in its place, or the new one ready beside it.
func (d *dataFolder) repair(ctx context.Context) error {
	for _, path := range []string{d.o.CSVPath(), d.o.SheetPath()} {
		l, err := csvfile.Lock(path, d.o.Owner())
		if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrNotExist) {
			return d.explain.Views(err)
		}
		if l != nil {
			defer l.Remove()
		}
	}
	first := d.behind(ctx)
	aside := filepath.Join(d.o.Data, asidePrefix+time.Now().Format("20060102-150405"))
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return d.explain.Folder(aside, err)
	}
	fresh := filepath.Join(aside, "new-log")
	id, err := d.makeLog(ctx, fresh, first)
	if err != nil {
		return err
	}
	paths := append(csvfile.Files(d.o.SheetPath()), csvfile.Files(d.o.CSVPath())...)
	for _, path := range append(paths, filepath.Join(d.o.Data, views.CheckpointName), server.LogDir(d.o.Data)) {
		err := os.Rename(path, filepath.Join(aside, filepath.Base(path)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf(d.say("set aside: %w", "apartar: %w"), err)
		}
	}
	if err := os.Rename(fresh, server.LogDir(d.o.Data)); err != nil {
		return fmt.Errorf(d.say("new log: %w", "registro nuevo: %w"), err)
	}
	// If we die before this, the next start sets the history aside: nothing is lost.
	if err := server.AdoptHistory(d.o.Data, id); err != nil {
		return d.explain.History(server.HistoryDir(d.o.Data), err)
	}
	_, err = fmt.Fprintf(d.out, d.say("everything that was there is in %s; a new log begins with record %d\n",
		"todo lo que había está en %s; un registro nuevo empieza en la entrada %d\n"), aside, first)
	return err
}

// makeLog makes a log and returns its id.
func (d *dataFolder) makeLog(ctx context.Context, dir string, first uint64) (id string, err error) {
	log, err := stream.Open(ctx, stream.Options{Dir: dir, FirstSeq: first, Stamp: d.clock.Stamp, Logger: d.o.Logger})
	if err != nil {
		return "", d.explain.Log(err)
	}
	if err := log.Close(); err != nil {
		return "", d.explain.Log(err)
	}
	return log.ID(), nil
}

// beyond is how far behind the last known record a new log begins. Witnesses
// may know a little less than what was acknowledged before a power cut, and ids
// are plenty.
const beyond = 1 << 20

// behind is where a new log begins, so that no id of the old one is used again.
func (d *dataFolder) behind(ctx context.Context) uint64 {
	known := views.CheckpointPosition(d.o.Data)
	if acked, err := stream.Acknowledged(server.LogDir(d.o.Data)); err == nil {
		known = max(known, acked)
	}
	log, err := d.openLog(ctx)
	if err == nil {
		if last, err := log.Last(ctx); err == nil {
			known = max(known, last)
		}
		_ = log.Close()
	}
	return known + beyond
}
