package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/csvfile"
	"vaiven/internal/server"
	"vaiven/internal/stream"
	"vaiven/internal/views"
	"vaiven/internal/views/verify"
)

func (p *program) verifyCommand() *cobra.Command {
	c := &config{Data: "vaiven-data"}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: p.say("Prove that the CSV holds exactly the log's readings", "Demuestra que el CSV tiene exactamente las lecturas del registro"),
		Long: p.say(
			"verify reads the whole log again and compares the CSV file with it, and those that\nended before it: every reading once, IDdato 1, 2, 3 ... without holes. It\nlooks each value of the log up in the history. It prints one line of counts and \"ok\", or what\nis wrong and where, and then ends with 1. It changes nothing. The server must be stopped.",
			"verify relee todo el registro y compara con él el archivo CSV, y los que terminaron\nantes: cada lectura una vez, IDdato 1, 2, 3 ... sin huecos. Busca\nen el historial cada valor del registro. Escribe una línea con las cuentas y \"ok\", o qué está mal\ny dónde, y entonces termina con 1. No cambia nada. El servidor debe estar detenido."),
		Args: p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			return p.verify(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, p.say("folder to verify", "carpeta que se verifica"))
	f.StringVar(&c.CSV, "csv", "", p.say("the CSV file (default: readings.csv in the data folder)",
		"el archivo CSV (por defecto, readings.csv en la carpeta de datos)"))
	f.StringVar(&c.NATS, "nats", "", p.say("external NATS that holds the log", "NATS externo que tiene el registro"))
	return cmd
}

func (p *program) verify(ctx context.Context, c *config) error {
	d := p.dataFolder(c)
	if err := d.mustHaveLog(); err != nil {
		return err
	}
	result, err := d.verify(ctx)
	if err != nil {
		return err
	}
	if result.warning != "" {
		p.notice(result.warning, result.hint)
	}
	_, err = fmt.Fprintln(p.out, result.text)
	return err
}

// verified is what verify found right.
type verified struct {
	verify.Result
	text    string // the counts
	warning string // what is right, and yet deserves a look, "" for nothing
	hint    string // what to do then
}

// dataFolder is a data folder whose server is stopped.
type dataFolder struct {
	*program
	o       server.Options // of the server whose folder it is
	explain server.Explainer
	clock   server.Clock
}

func (p *program) dataFolder(c *config) *dataFolder {
	d := &dataFolder{program: p, o: p.serverOptions(c)}
	d.explain = d.o.Explainer()
	return d
}

// openLog opens the log as it is, wherever the server would.
func (d *dataFolder) openLog(ctx context.Context) (*stream.Log, error) {
	return stream.Open(ctx, stream.Options{Dir: server.LogDir(d.o.Data), URL: d.o.NATS, Logger: d.o.Logger, Stamp: d.clock.Stamp,
		StateAt: func(log string) uint64 { return views.CheckpointOf(d.o.Data, log) }})
}

// explainOpen explains why the log does not open; inUse is what to try when a server has
// the folder.
func (d *dataFolder) explainOpen(err error, inUse string) error {
	explained := d.explain.Log(err)
	if errors.Is(err, stream.ErrLocked) {
		return hinted(explained, inUse)
	}
	return explained
}

// mustHaveLog is an error when there is no log to look at: a mistyped folder
// must not become a new log, nor a verdict that all is well.
func (d *dataFolder) mustHaveLog() error {
	if d.o.NATS != "" {
		return nil
	}
	if _, err := os.Stat(server.LogDir(d.o.Data)); err != nil {
		return hinted(fmt.Errorf(d.say("no log in %s", "no hay registro en %s"), d.o.Data),
			d.say("name the folder of a server with --data", "indica la carpeta de un servidor con --data"))
	}
	return nil
}

// verify checks the log and its CSV, and returns what was found right.
func (d *dataFolder) verify(ctx context.Context) (v verified, err error) {
	log, err := d.openLog(ctx)
	if err != nil {
		return v, d.explainOpen(err, d.say("stop the server that uses it, and try again", "detén el servidor que la usa e inténtalo otra vez"))
	}
	defer log.Close()
	last, err := log.Last(ctx)
	if err != nil {
		return v, d.explain.Log(err)
	}
	bar := &progressView{console.NewProgress(d.stderr(), d.lang, d.say("verifying", "verificando"), last, nil)}
	defer bar.bar.Done()
	also := []views.View{bar}
	var sheet *csvfile.Checker // of the spreadsheet's file, if there is one
	if d.o.HasSheet() {
		if sheet, err = csvfile.OpenChecker(d.o.SheetPath(), log.ID()); err != nil {
			return v, d.explain.Views(err)
		}
		also = append(also, sheet)
		defer func() { _ = sheet.Close() }() // read only
	}
	past, err := server.CheckHistory(d.o.Data, log.ID())
	if err != nil {
		return v, d.explain.History(server.HistoryDir(d.o.Data), err)
	}
	defer func() { _ = past.Close() }() // read only
	also = append(also, past)
	r, err := verify.Folder(ctx, log, d.o.Data, d.o.CSVPath(), also...)
	if err == nil && sheet != nil {
		_, err = sheet.Finish()
	}
	bar.bar.Done()
	if err != nil {
		return v, d.explainWrong(err, r.Rows)
	}
	found, err := past.Finish(ctx)
	if err != nil {
		return v, err
	}
	if text := found.Text(d.lang); text != "" {
		return v, &server.Error{Text: text, Hint: found.Hint(d.lang), Err: found.Err}
	}
	but := d.missingRows(d.o.CSVPath(), r.Missing)
	if sheet != nil {
		but += d.missingRows(d.o.SheetPath(), sheet.Missing())
	}
	if text := found.MissedText(d.lang); text != "" {
		but += d.say(", but the history lacks ", ", pero al historial le falta ") + text
	}
	v = verified{Result: r, text: d.foundRight(r, found.Samples) + ": ok" + but}
	if r.Checkpoint {
		v.warning, v.hint = d.onCheckpoint(r)
	}
	return v, nil
}

// explainWrong explains what verify has found, behind so many rows.
func (d *dataFolder) explainWrong(err error, rows uint64) error {
	var wrong *csvfile.DiscrepancyError
	var missing *csvfile.MissingFileError
	keep := d.say("files that have ended are a person's, and no start writes them again: put back what was there. `GET /api/v1/events` still has what the log has",
		"los archivos terminados son de quien los guarda, y ningún inicio los vuelve a escribir: devuelve lo que había. `GET /api/v1/events` todavía da lo que tiene el registro")
	if errors.As(err, &missing) {
		return &server.Error{Text: missing.Text(d.lang), Hint: keep, Err: err}
	}
	var before *csvfile.ChangedBeforeError
	if errors.As(err, &before) {
		return &server.Error{Text: before.Text(d.lang), Hint: d.say("put back what was there, from a backup; no start changes those rows",
			"devuelve lo que había, de una copia de seguridad; ningún inicio cambia esas filas"), Err: err}
	}
	if errors.As(err, &wrong) && wrong.Path != d.o.CSVPath() && wrong.Path != d.o.SheetPath() {
		return &server.Error{Text: wrong.Text(d.lang), Hint: keep, Err: err}
	}
	if errors.As(err, &wrong) && wrong.Want == "" && strings.HasPrefix(wrong.Got, strconv.FormatUint(rows+1, 10)+",") {
		ahead := &csvfile.LostRecordsError{Path: wrong.Path, Rows: rows, More: 1}
		return &server.Error{Text: wrong.Text(d.lang), Hint: d.explain.DoctorHint(), Err: ahead}
	}
	if errors.As(err, &wrong) {
		return &server.Error{Text: wrong.Text(d.lang), Hint: d.say(
			"the next start of the server heals what it can, and keeps aside what a person changed",
			"el próximo inicio del servidor repara lo que puede y guarda aparte lo que cambió una persona"), Err: err}
	}
	return d.explain.Views(err)
}

// foundRight counts what is as it should be.
func (d *dataFolder) foundRight(r verify.Result, samples uint64) string {
	without := ""
	if samples > 0 {
		without = fmt.Sprintf(d.say(", %d values of the history", ", %d valores del historial"), samples)
	}
	if r.Without > 0 {
		without += fmt.Sprintf(d.say(", %s without a column and a row", ", %s sin columna ni fila"), d.lang.Readings(r.Without))
	}
	switch {
	case r.Checkpoint:
		without += fmt.Sprintf(d.say(", from the checkpoint at record %d on, behind %s", ", desde el punto de control en la entrada %d, tras %s"), r.Behind, d.lang.Readings(r.Before))
	case r.Before > 0:
		without += fmt.Sprintf(d.say(", the log begins with record %d, behind %s", ", el registro empieza en la entrada %d, tras %s"), r.First, d.lang.Readings(r.Before))
	}
	return strings.Join([]string{
		vaiven.Count(r.Records, d.say("record", "entrada"), d.say("records", "entradas")),
		vaiven.Count(r.Events, d.say("event", "evento"), d.say("events", "eventos")),
		d.lang.Readings(r.Readings),
		vaiven.Count(r.Repeats, d.say("repeat dropped", "repetida descartada"), d.say("repeats dropped", "repetidas descartadas")),
		d.lang.Devices(r.Devices),
		vaiven.Count(r.Rows, d.say("row", "fila"), d.say("rows", "filas")),
	}, ", ") + without
}

// onCheckpoint says that a log stands on its checkpoint alone.
func (d *dataFolder) onCheckpoint(r verify.Result) (text, hint string) {
	none := &stream.NoSnapshotError{First: r.First}
	return none.Covered(d.lang, r.Behind), d.say(
		"what is before that was not compared. Start the server: it goes on from there, and takes a new snapshot as soon as it records something",
		"lo anterior no se comparó. Inicia el servidor: sigue desde ahí, y hace una instantánea nueva en cuanto registra algo")
}

// missingRows says which rows of a CSV are in no file any more, "" when all are.
func (d *dataFolder) missingRows(csv string, missing []csvfile.Span) string {
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf(d.say(", but rows %[2]s are in no file of %[1]s any more", ", pero las filas %[2]s ya no están en ningún archivo de %[1]s"),
		filepath.Base(csv), csvfile.SpansText(missing, d.lang))
}

// progressView moves a progress bar along the log.
type progressView struct{ bar *console.Progress }

func (v *progressView) Name() string { return "progress" }

func (v *progressView) Apply(pos uint64, _ []vaiven.Entry) error {
	v.bar.Set(pos)
	return nil
}

func (v *progressView) Snapshot() ([]byte, error) { return nil, nil }
