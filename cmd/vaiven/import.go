package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/csvfile"
	"vaiven/internal/csvimport"
	"vaiven/internal/server"
	"vaiven/internal/stream"
	"vaiven/internal/views/verify"
)

// importRun is one import.
type importRun struct {
	*dataFolder
	c       *config
	behind  bool // readings of others are there, and that is wanted
	again   bool // rows that are there are stored once more
	skipBad bool // rows that cannot be read are left out
	read    csvimport.Options
	files   []*csvimport.Report // in the order of their IDdato
	known   map[fileBoard]uint64
}

// fileBoard is a board of a file.
type fileBoard struct {
	boot vaiven.Boot
	dev  vaiven.Device
}

func (p *program) importCommand() *cobra.Command {
	c := &config{Data: "vaiven-data"}
	run := &importRun{c: c}
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: p.say("Take the rows of a course's CSV into a new server", "Lleva las filas de un CSV del curso a un servidor nuevo"),
		Long: p.say(
			"import stores each row of the files as a reading at the time of its TIMEFLAG, in a new\nfolder, so that the CSV, the table of boards and the API show them. It reads what\ncourse/servidor.py, vaiven and spreadsheets write (commas or semicolons, decimal commas,\nquotes). Several files must go on from each other, as those of --csv-rotate do. Rows that\ncannot be read are listed, and then nothing is stored. The same file again stores nothing\nagain. The server must be stopped.",
			"import guarda cada fila de los archivos como una lectura con la hora de su TIMEFLAG, en\nuna carpeta nueva, para que la muestren el CSV, la tabla de placas y la API. Lee lo que\nescriben course/servidor.py, vaiven y las hojas de cálculo (comas o punto y coma, coma\ndecimal, comillas). Si son varios archivos, cada uno debe seguir al anterior, como los de\n--csv-rotate. Las filas que no se entienden se muestran, y entonces no se guarda nada. El\nmismo archivo otra vez no se guarda otra vez. El servidor debe estar detenido."),
		Example: p.say(
			"  vaiven import lecturas-20261122-091500.csv --data vaiven-data --zone America/Bogota\n  vaiven import readings-2026-*.csv readings.csv --data copy",
			"  vaiven import lecturas-20261122-091500.csv --data vaiven-data --zone America/Bogota\n  vaiven import readings-2026-*.csv readings.csv --data copia"),
		Args: p.args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			run.dataFolder = p.dataFolder(c)
			return run.run(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, p.say("folder of the new server", "carpeta del servidor nuevo"))
	f.StringVar(&c.CSV, "csv", "", p.say("the CSV file (default: readings.csv in the data folder)",
		"el archivo CSV (por defecto, readings.csv en la carpeta de datos)"))
	f.StringVar(&c.CSVZone, "zone", "", p.say("time zone of the files' TIMEFLAG, as America/Bogota (default: this machine's)",
		"zona horaria de TIMEFLAG en los archivos, como America/Bogota (por defecto, la de esta máquina)"))
	f.StringVar(&c.CSVRotate, "csv-rotate", "", p.say("as in vaiven serve", "como en vaiven serve"))
	f.BoolVar(&run.behind, "append", false, p.say("also into a folder that has readings: the rows stand behind them",
		"también en una carpeta que tiene lecturas: las filas quedan detrás de ellas"))
	f.BoolVar(&run.again, "again", false, p.say("with --append: also rows that the folder has already, a second time",
		"con --append: también filas que la carpeta ya tiene, por segunda vez"))
	f.BoolVar(&run.skipBad, "skip-bad", false, p.say("leave out rows that cannot be read, and store the others",
		"omite las filas que no se entienden y guarda las demás"))
	return cmd
}

// run surveys the files, stores their rows, and builds the views.
func (r *importRun) run(ctx context.Context, paths []string) error {
	zone := cmp.Or(r.c.CSVZone, csvfile.LocalZone())
	r.read = csvimport.Options{Zone: time.Local, Rules: vaiven.DefaultRules()}
	if zone != csvfile.Recorded {
		loc, err := time.LoadLocation(zone)
		if err != nil || zone == "Local" {
			return hinted(usageError{fmt.Errorf(r.say("--zone: no time zone is called %q", "--zone: ninguna zona horaria se llama %q"), zone)},
				r.say("zones have names as America/Bogota or Europe/Madrid", "las zonas tienen nombres como America/Bogota o Europe/Madrid"))
		}
		r.read.Zone = loc
	}
	if err := r.checkRotate(r.c); err != nil {
		return err
	}
	if err := r.survey(paths); err != nil {
		return err
	}
	stored, err := r.store(ctx)
	if err != nil {
		return err
	}
	if err := r.buildViews(ctx, zone); err != nil {
		return err
	}
	return r.report(stored)
}

// survey reads all files, and refuses what must not be stored.
func (r *importRun) survey(paths []string) error {
	bad := uint64(0)
	for _, path := range paths {
		s, err := r.surveyFile(path)
		if err != nil {
			return err
		}
		r.files = append(r.files, s)
		r.tellBad(s)
		bad += s.Bad
	}
	if bad > 0 && !r.skipBad {
		return hinted(fmt.Errorf(r.say("%d rows cannot be read: nothing was stored", "%d filas no se entienden: no se guardó nada"), bad),
			r.say("correct them, or leave them out with --skip-bad", "corrígelas, o déjalas fuera con --skip-bad"))
	}
	slices.SortStableFunc(r.files, func(a, b *csvimport.Report) int { return cmp.Compare(a.First, b.First) })
	for i, s := range r.files[1:] {
		before := r.files[i]
		if s.Path == before.Path {
			return usageError{fmt.Errorf(r.say("%s is named twice", "%s está dos veces"), s.Path)}
		}
		if s.Rows > 0 && before.Rows > 0 && s.First <= before.Last {
			return hinted(fmt.Errorf(r.say("%s and %s have the same IDdato: %d", "%s y %s tienen el mismo IDdato: %d"), before.Path, s.Path, s.First),
				r.say("if they are the same rows in two forms, give one of them; if they are of two practices, import one behind the other, the second with --append",
					"si son las mismas filas en dos formas, da uno de los dos; si son de dos prácticas, importa uno tras otro, el segundo con --append"))
		}
	}
	return nil
}

func (r *importRun) surveyFile(path string) (*csvimport.Report, error) {
	size := uint64(0)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, hinted(fmt.Errorf(r.say("%s is a folder", "%s es una carpeta"), path),
			fmt.Sprintf(r.say("name the CSV files in it, as %s", "indica los archivos CSV que tiene, como %s"), filepath.Join(path, "*.csv")))
	} else if err == nil {
		size = uint64(info.Size())
	}
	if isWorkbook(path) {
		return nil, hinted(fmt.Errorf(r.say("%s is a workbook of a spreadsheet, not a CSV", "%s es un libro de una hoja de cálculo, no un CSV"), path),
			r.say("open it and save it as CSV (UTF-8)", "ábrelo y guárdalo como CSV (UTF-8)"))
	}
	bar := console.NewProgress(r.stderr(), r.lang, r.say("reading the file", "leyendo el archivo"), size, nil)
	defer bar.Done()
	s, err := csvimport.Survey(path, r.read, func(n int64) { bar.Set(uint64(n)) })
	var header *csvimport.HeaderError
	var long *csvimport.LineError
	switch {
	case errors.As(err, &long):
		return nil, hinted(fmt.Errorf("%s: %s", path, long.Text(r.lang)), r.say(
			"is it a CSV? Nothing was stored: take that line out, in a copy", "¿es un CSV? No se guardó nada: quita esa línea, en una copia"))
	case errors.As(err, &header):
		return nil, hinted(fmt.Errorf("%s: %s", path, header.Text(r.lang)), r.say(
			"it must be text (CSV), and its first line IDdato,IDdevice,TIMEFLAG,TEMP,HUM or the like",
			"debe ser texto (CSV), con una primera línea como IDdato,IDdevice,TIMEFLAG,TEMP,HUM"))
	case errors.Is(err, os.ErrNotExist):
		return nil, hinted(fmt.Errorf(r.say("there is no file %s", "no hay ningún archivo %s"), path),
			r.say("name the CSV, with its folder", "indica el CSV, con su carpeta"))
	case errors.Is(err, os.ErrPermission):
		return nil, hinted(fmt.Errorf(r.say("you may not read %s", "no tienes permiso para leer %s"), path),
			r.say("copy it as its owner, or correct its permissions", "cópialo como su dueño, o corrige sus permisos"))
	}
	if err == nil && s.Rows+s.Bad == 0 {
		r.notice(fmt.Sprintf(r.say("%s has no rows", "%s no tiene filas"), path), "")
	}
	return s, err
}

// isWorkbook reports whether a file is what Excel and Calc save by themselves: an archive
// (both its XLSX and its ODS), or an old Excel's.
func isWorkbook(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // read only
	begin := make([]byte, 4)
	_, err = io.ReadFull(f, begin)
	return err == nil && (string(begin) == "PK\x03\x04" || string(begin) == "\xd0\xcf\x11\xe0")
}

// tellBad lists the rows of a file that cannot be read.
func (r *importRun) tellBad(s *csvimport.Report) {
	for _, why := range s.Why {
		r.notice(s.Path+", "+why.Text(r.lang), "")
	}
	if more := s.Bad - uint64(len(s.Why)); more > 0 {
		r.notice(fmt.Sprintf(r.say("%s, and %d rows more", "%s, y %d filas más"), s.Path, more), "")
	}
}

// store writes into the log what it does not have, and returns how many readings.
func (r *importRun) store(ctx context.Context) (uint64, error) {
	if _, err := server.MakeFolder(r.o.Data); err != nil {
		return 0, r.explain.Folder(r.o.Data, err)
	}
	var durable atomic.Uint64
	log, err := stream.Open(ctx, stream.Options{
		Dir: server.LogDir(r.o.Data), Logger: r.o.Logger, Stamp: r.clock.Stamp,
		OnCommit: func(tickets []vaiven.Ticket) {
			for _, t := range tickets {
				durable.Add(uint64(len(t.Events)))
			}
		},
	})
	if err != nil {
		return 0, r.explainOpen(err, r.say("stop the server that uses it, or name a new folder with --data", "detén el servidor que la usa, o indica una carpeta nueva con --data"))
	}
	defer func() { _ = log.Close() }() // what counts has been committed
	if err := r.learn(ctx, log); err != nil {
		return 0, err
	}
	writing, end := context.WithCancel(ctx)
	defer end()
	ran := make(chan error, 1)
	go func() { ran <- log.Run(writing) }()
	rows, err := r.appendRows(ctx, log, &durable)
	end() // Run commits what is queued, and returns
	if stopped := <-ran; err == nil {
		err = stopped
	}
	if err == nil && durable.Load() < rows {
		err = stream.ErrUncertain
	}
	if err != nil {
		return 0, hinted(fmt.Errorf("%s: %w", r.say("storing stopped", "no se pudo seguir guardando"), r.explain.Log(err)),
			r.say("the same command again goes on where it stopped", "el mismo comando otra vez sigue donde se quedó"))
	}
	return rows, nil
}

// batch is how many readings are appended at once.
const batch = 1000

// appendRows appends the rows that the log does not have, and returns how many.
func (r *importRun) appendRows(ctx context.Context, log *stream.Log, durable *atomic.Uint64) (n uint64, err error) {
	total := uint64(0)
	for _, s := range r.files {
		total += s.Rows
	}
	bar := console.NewProgress(r.stderr(), r.lang, r.say("storing", "guardando"), total, nil)
	defer bar.Done()
	var waiting []vaiven.Event
	flush := func() error {
		err := r.append(ctx, log, waiting)
		n, waiting = n+uint64(len(waiting)), nil
		bar.Set(durable.Load())
		return err
	}
	for _, s := range r.files {
		err := s.Read(r.read, func(row csvimport.Row) error {
			if row.Reading.Seq <= r.known[fileBoard{s.Boot, row.Reading.Device}] {
				return nil
			}
			if waiting = append(waiting, row.Reading); len(waiting) < batch {
				return nil
			}
			return flush()
		})
		if err != nil {
			return n, err
		}
	}
	return n, flush()
}

// append appends events. A log that stands still is given as long as a slow card may
// take, and then its error is returned.
func (r *importRun) append(ctx context.Context, log *stream.Log, events []vaiven.Event) error {
	for deadline := time.Now().Add(time.Minute); ; {
		err := log.Append(ctx, events, nil)
		if err == nil {
			return nil
		}
		var busy *vaiven.Error
		if !errors.As(err, &busy) || busy.Code != vaiven.CodeBusy || busy.Reason == "disk_full" || time.Now().After(deadline) {
			return cmp.Or(log.Health(), err)
		}
		select {
		case <-time.After(busy.Retry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// learn finds out what the log has, and refuses a folder with readings of others.
func (r *importRun) learn(ctx context.Context, log *stream.Log) error {
	last, err := log.Last(ctx)
	if err != nil {
		return r.explain.Log(err)
	}
	bar := &progressView{console.NewProgress(r.stderr(), r.lang, r.say("reading the log", "leyendo el registro"), last, nil)}
	defer bar.bar.Done()
	held := &heldView{ours: make(map[vaiven.Boot]bool), top: make(map[fileBoard]uint64)}
	for _, s := range r.files {
		held.ours[s.Boot] = true
	}
	if _, err := verify.Replay(ctx, log, bar, held); err != nil {
		return r.explain.Views(err)
	}
	if held.others > 0 && !r.behind {
		return hinted(fmt.Errorf(r.say("%s already has %s", "%s ya tiene %s"), r.o.Data, r.lang.Readings(held.others)),
			r.say("name a new folder with --data, or put the rows behind those readings with --append",
				"indica una carpeta nueva con --data, o pon las filas detrás de esas lecturas con --append"))
	}
	r.known = held.top
	if held.others == 0 || r.again {
		return nil
	}
	bar.bar.Done()
	return r.refuseAgain(ctx, log, last)
}

// heldView counts what of the files the log has. Rows were stored in order, so that of
// a board the highest SEQ says it all.
type heldView struct {
	ours   map[vaiven.Boot]bool
	top    map[fileBoard]uint64
	others uint64 // readings of none of the files
}

func (v *heldView) Name() string { return "held" }

func (v *heldView) Apply(_ uint64, entries []vaiven.Entry) error {
	for _, e := range entries {
		r, ok := e.Event.(*vaiven.Reading)
		switch {
		case !ok:
		case v.ours[r.Boot]:
			of := fileBoard{r.Boot, r.Device}
			v.top[of] = max(v.top[of], r.Seq)
		default:
			v.others++
		}
	}
	return nil
}

func (v *heldView) Snapshot() ([]byte, error) { return nil, nil }

// buildViews opens the server of the folder once, so that CSV and checkpoint are there.
// A new folder's CSV is given the files' columns and zone.
func (r *importRun) buildViews(ctx context.Context, zone string) error {
	c := *r.c
	c.Listen, c.CSVZone = nil, zone
	for _, s := range r.files {
		for _, name := range s.Columns {
			if !slices.Contains(c.CSVColumns, name) {
				c.CSVColumns = append(c.CSVColumns, name)
			}
		}
	}
	if _, err := csvfile.ReadSidecar(r.o.CSVPath()); !errors.Is(err, os.ErrNotExist) {
		c.CSVColumns, c.CSVZone = nil, "" // as the file is
	}
	s, err := r.open(ctx, &c)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// report says what was stored.
func (r *importRun) report(stored uint64) error {
	boards := make(map[vaiven.Device]bool)
	rows, bad := uint64(0), uint64(0)
	from, to := int64(0), int64(0)
	for _, s := range r.files {
		for d := range s.Boards {
			boards[d] = true
		}
		if s.Rows > 0 {
			if rows == 0 || s.From < from {
				from = s.From
			}
			to = max(to, s.To)
		}
		rows, bad = rows+s.Rows, bad+s.Bad
	}
	var text strings.Builder
	fmt.Fprintf(&text, r.say("%s of %s stored in %s", "%s de %s "+vaiven.Plural(stored, "guardada", "guardadas")+" en %s"), r.lang.Readings(stored), r.lang.Boards(uint64(len(boards))), r.o.Data)
	if rows > 0 {
		moment := func(ms int64) string { return time.UnixMilli(ms).In(r.read.Zone).Format("2006-01-02 15:04") }
		fmt.Fprintf(&text, r.say(", of %s to %s", ", de %s a %s"), moment(from), moment(to))
	}
	if had := rows - stored; had > 0 {
		fmt.Fprintf(&text, r.say("; %d were there already", "; %d ya estaban"), had)
	}
	if bad > 0 {
		fmt.Fprintf(&text, r.say("; %d rows left out", "; %d filas omitidas"), bad)
	}
	_, err := fmt.Fprintln(r.out, text.String())
	return err
}
