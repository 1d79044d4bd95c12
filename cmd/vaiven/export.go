package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/atomicfile"
	"vaiven/internal/console"
	"vaiven/internal/csvfile"
	"vaiven/internal/event"
	"vaiven/internal/export"
	"vaiven/internal/server"
	"vaiven/internal/stream"
	"vaiven/internal/views"
	"vaiven/internal/views/verify"
)

// exportAsk is what the command line of an export says.
type exportAsk struct {
	file  string // "-": stdout
	query map[string]*string
	c     config
	r     remote
}

func (p *program) exportCommand() *cobra.Command {
	a := &exportAsk{query: map[string]*string{}, c: config{Data: "vaiven-data"}}
	cmd := &cobra.Command{
		Use:   "export FILE|-",
		Short: p.say("Take readings away: CSV, Excel, Parquet, JSON lines", "Llévate las lecturas: CSV, Excel, Parquet, líneas JSON"),
		Long: p.say(
			"export writes the readings of any boards and any time into a file; its name says what\nit is: .csv, .xlsx (Excel, Calc), .parquet (pandas, R, DuckDB) or .jsonl. It reads the\ndata folder of a stopped server, or asks the server that runs in it, or the one at --server.\nThe file appears when it is whole; until then the one that was there stays. - is stdout.",
			"export escribe en un archivo las lecturas de cualquier placa y tiempo; el nombre dice qué\nes: .csv, .xlsx (Excel, Calc), .parquet (pandas, R, DuckDB) o .jsonl. Lee la carpeta de\ndatos de un servidor detenido, o pregunta al servidor que está en marcha en ella, o al de\n--server. El archivo aparece cuando está entero; hasta entonces queda el que había.\n- es la salida estándar."),
		Example: p.say(
			"  vaiven export all.xlsx --columns all\n  vaiven export week.csv --last 7d --dialect excel-es\n  vaiven export lab.parquet --devices '1*,205' --from 2026-11-01 --to 2026-11-30\n  vaiven export - --server http://192.168.1.20:8080 --last 1h",
			"  vaiven export todo.xlsx --columns all\n  vaiven export semana.csv --last 7d --dialect excel-es\n  vaiven export practica.parquet --devices '1*,205' --from 2026-11-01 --to 2026-11-30\n  vaiven export - --server http://192.168.1.20:8080 --last 1h"),
		Args: p.args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.file = args[0]
			return p.export(cmd, a)
		},
	}
	f := cmd.Flags()
	text := func(name, about string) {
		a.query[name] = f.String(name, "", about)
	}
	text(export.ParamFormat, p.say("csv, xlsx, parquet or jsonl (default: by the file's name; csv)", "csv, xlsx, parquet o jsonl (por defecto, según el nombre del archivo; csv)"))
	text(export.ParamDevices, p.say("only these boards, with commas: 101,205; 1* is every one that begins so", "solo estas placas, con comas: 101,205; 1* son todas las que empiezan así"))
	text(export.ParamFrom, p.say("readings received at this time or later: 08:30, 2026-11-22, 2026-11-22T14:03 (zone of the CSV), or RFC 3339", "lecturas recibidas en este momento o después: 08:30, 2026-11-22, 2026-11-22T14:03 (zona del CSV), o RFC 3339"))
	text(export.ParamTo, p.say("readings received before this time; a day alone is included", "lecturas recibidas antes de este momento; un día solo se incluye"))
	text(export.ParamLast, p.say("readings of so long until now: 90m, 36h, 7d, 2w, 1y", "lecturas de este tiempo hasta ahora: 90m, 36h, 7d, 2w, 1y"))
	text(export.ParamColumns, p.say("the measurements: TEMP,HUM,CO2, or all (default: those of the CSV)", "las medidas: TEMP,HUM,CO2, o all: todas (por defecto, las del CSV)"))
	text(export.ParamDialect, p.say("of a csv: excel-es (semicolons and decimal commas, for Excel or Calc in Spanish)", "de un csv: excel-es (punto y coma y coma decimal, para Excel o Calc en español)"))
	f.StringVar(&a.c.Data, "data", a.c.Data, p.say("folder of the data", "carpeta de los datos"))
	f.StringVar(&a.c.CSV, "csv", "", p.say("the server's CSV file, whose columns and zone count (default: readings.csv in the data folder)",
		"el archivo CSV del servidor, cuyas columnas y zona cuentan (por defecto, readings.csv en la carpeta de datos)"))
	f.StringVar(&a.c.NATS, "nats", "", p.say("external NATS that holds the log", "NATS externo que tiene el registro"))
	p.serverFlags(cmd, &a.r)
	return cmd
}

// export finds out where the readings are, and writes them.
func (p *program) export(cmd *cobra.Command, a *exportAsk) error {
	q := url.Values{} // of the command line alone: a server's environment says other things by these names
	for name, value := range a.query {
		if *value != "" {
			q.Set(name, *value)
		}
	}
	said := originOf(cmd)
	if err := p.fill(cmd); err != nil {
		return err
	}
	format, err := p.exportFormat(a.file, q.Get(export.ParamFormat))
	if err != nil {
		return err
	}
	q.Set(export.ParamFormat, format)
	d := p.dataFolder(&a.c)
	if err := p.checkNotOwn(a.file, d.o); err != nil {
		return err
	}
	if said.remote(cmd) {
		return p.exportFrom(cmd, a, q)
	}
	a.r.data = d.o.Data
	if said.both() {
		return p.exportFromOwner(cmd, d, a, q)
	}
	if err := d.mustHaveLog(); err != nil {
		return hinted(err, p.say("name the folder of a server with --data, or a running server with --server", "indica la carpeta de un servidor con --data, o un servidor en marcha con --server"))
	}
	log, err := d.openLog(cmd.Context())
	if errors.Is(err, stream.ErrLocked) {
		return p.exportFromOwner(cmd, d, a, q)
	}
	if errors.Is(err, fs.ErrPermission) {
		return hinted(fmt.Errorf(p.say("you may not use the data in %s", "no tienes permiso para usar los datos de %s"), d.o.Data),
			p.say("they are another user's: start a server in the folder and ask it with --server, or do this as that user (sudo -u)",
				"son de otro usuario: pon en marcha un servidor en la carpeta y pregúntale con --server, o hazlo como ese usuario (sudo -u)"))
	}
	if err != nil {
		return d.explain.Log(err)
	}
	defer log.Close()
	return d.export(cmd.Context(), log, a.file, q)
}

// exportFormat is the format that is asked for, or that the file's name says.
func (p *program) exportFormat(file, format string) (string, error) {
	known := strings.Join(export.Formats(), ", ")
	info, err := os.Stat(file)
	if err == nil && file != "-" && info.IsDir() {
		return "", usageError{fmt.Errorf(p.say("%s is a folder: name a file in it, as %s", "%s es una carpeta: indica un archivo dentro, como %s"), file, filepath.Join(file, p.say("readings.xlsx", "lecturas.xlsx")))}
	}
	if format == "" && file != "-" {
		if format = export.FormatOf(file); format == "" {
			return "", usageError{fmt.Errorf(p.say("%s: its name does not say what to write; say --format, one of %s", "%s: su nombre no dice qué escribir; di --format, uno de %s"), file, known)}
		}
	}
	if format == "" {
		format = "csv"
	}
	if file == "-" && p.stdout().TTY && (format == "xlsx" || format == "parquet") {
		return "", usageError{fmt.Errorf(p.say("%s is not for a terminal: name a file", "%s no es para una terminal: nombra un archivo"), format)}
	}
	if err == nil && file != "-" && !info.Mode().IsRegular() {
		return "", usageError{fmt.Errorf(p.say("%s is no file that can be replaced; - is stdout", "%s no es un archivo que se pueda reemplazar; - es la salida estándar"), file)}
	}
	return format, nil
}

// writeExport lets write write the file, whole or not at all, and tells what it holds.
func (p *program) writeExport(ctx context.Context, file string, asked url.Values, write func(io.Writer) (*vaiven.Exported, error)) error {
	var done *vaiven.Exported
	fill := func(w io.Writer) (err error) {
		if done, err = write(w); err == nil {
			err = ctx.Err()
		}
		return err
	}
	var err error
	if file == "-" {
		err = fill(p.out)
	} else {
		err = p.explainFile(file, atomicfile.WriteWith(file, fill))
	}
	if err != nil {
		return err
	}
	p.tellExported(file, asked, done)
	return nil
}

// explainFile explains why a file cannot be written.
func (p *program) explainFile(file string, err error) error {
	var explained *server.Error
	var path *fs.PathError
	var link *os.LinkError
	why := err
	switch {
	case errors.As(err, &explained):
		return err
	case errors.As(err, &path):
		why = path.Err
	case errors.As(err, &link):
		why = link.Err
	default:
		return err
	}
	switch {
	case errors.Is(why, fs.ErrNotExist):
		why = errors.New(p.say("there is no such folder", "no existe esa carpeta"))
	case errors.Is(why, fs.ErrPermission):
		why = errors.New(p.say("you may not write there", "no tienes permiso para escribir ahí"))
	}
	return hinted(fmt.Errorf(p.say("%s cannot be written: %w", "no se puede escribir %s: %w"), file, why),
		p.say("if there was one it is as it was; name another place, or - for stdout", "si había uno está como estaba; di otro lugar, o - para la salida estándar"))
}

// tellExported says what an export of what was asked for holds, and what it does not; nil:
// that is not known.
func (p *program) tellExported(file string, asked url.Values, done *vaiven.Exported) {
	if done == nil {
		return
	}
	if done.Begins != 0 {
		p.notice(fmt.Sprintf(p.say("the log begins at %s: there is nothing of before", "el registro empieza en %s: no hay nada de antes"),
			time.UnixMilli(done.Begins).UTC().Format(time.RFC3339)), "")
	}
	if len(done.LeftOut) > 0 {
		text := p.say("without a column: ", "sin columna: ") + strings.Join(done.LeftOut, ", ")
		if done.Without > 0 {
			text += fmt.Sprintf(p.say(" (without a row: %s)", " (sin fila: %s)"), p.lang.Readings(done.Without))
		}
		p.notice(text,
			p.say("--columns all takes every measurement", "--columns all incluye todas las medidas"))
	}
	if file != "-" {
		fmt.Fprintf(p.out, p.say("%s in %s\n", "%s en %s\n"), p.lang.Readings(done.Rows), file)
	}
	if done.Rows == 0 {
		p.tellEmpty(asked, done)
	}
}

// tellEmpty says why an export has no row.
func (p *program) tellEmpty(asked url.Values, done *vaiven.Exported) {
	if done.Without > 0 {
		p.notice(fmt.Sprintf(p.say("none of %s has one of those columns", "de %s, ninguna tiene esas columnas"), p.lang.Readings(done.Without)),
			p.say("--columns all takes every measurement", "--columns all incluye todas las medidas"))
		return
	}
	var chosen []string
	for _, name := range []string{export.ParamDevices, export.ParamFrom, export.ParamTo, export.ParamLast} {
		if value := asked.Get(name); value != "" {
			chosen = append(chosen, "--"+name+" "+value)
		}
	}
	if len(chosen) == 0 {
		p.notice(p.say("the log has no readings", "el registro no tiene lecturas"), "")
		return
	}
	p.notice(fmt.Sprintf(p.say("the log has no reading for %s", "el registro no tiene ninguna lectura para %s"), strings.Join(chosen, " ")),
		p.say("without --devices, --from, --to and --last it is all of the log; `vaiven devices` lists the boards of a server that runs",
			"sin --devices, --from, --to ni --last es todo el registro; `vaiven devices` muestra las placas de un servidor en marcha"))
}

// queryError puts into words which flag is wrong.
func (p *program) queryError(err error) error {
	var wrong *event.QueryError
	if errors.As(err, &wrong) {
		return usageError{fmt.Errorf("--%s: %s", wrong.Parameter, wrong.Want)}
	}
	return err
}

// export writes what the folder's log holds.
func (d *dataFolder) export(ctx context.Context, log *stream.Log, file string, q url.Values) error {
	last, err := log.Last(ctx)
	if err != nil {
		return d.explain.Log(err)
	}
	o := export.Options{Log: &folderLog{log, last}, Columns: []string{"TEMP", "HUM"}, Zone: csvfile.LocalZone(), Version: versionText()}
	side, err := csvfile.ReadSidecar(d.o.CSVPath())
	if err == nil {
		o.Columns, o.Zone, o.Digits = side.Columns, side.Zone, side.Digits
	} else if !errors.Is(err, fs.ErrNotExist) {
		return d.explain.Views(err)
	}
	e, err := export.New(o).Prepare(q, d.lang)
	if err != nil {
		return d.queryError(err)
	}
	bar := console.NewProgress(d.stderr(), d.lang, d.say("exporting", "exportando"), last, nil)
	defer bar.Done()
	return d.writeExport(ctx, file, q, func(w io.Writer) (*vaiven.Exported, error) {
		defer bar.Done()
		if _, err := e.Begins(ctx); err != nil {
			return nil, d.explain.Views(err)
		}
		to := &destination{Writer: w}
		err := e.Write(ctx, to, func(done, total uint64) { bar.Set(done * last / max(total, 1)) })
		var wide *export.TooWideError
		if errors.As(err, &wide) {
			return nil, errors.New(wide.Text(d.lang))
		}
		if err != nil && to.err == nil {
			err = d.explain.Views(err) // it is the log that cannot be read
		}
		result := e.Result()
		return &result, err
	})
}

// destination remembers that it failed.
type destination struct {
	io.Writer
	err error
}

func (d *destination) Write(b []byte) (n int, err error) {
	n, err = d.Writer.Write(b)
	d.err = err
	return n, err
}

// folderLog is the log of a folder whose server is stopped: what of it is a repeat is
// decided anew, from its beginning.
type folderLog struct {
	*stream.Log
	last uint64
}

// Bounds implements [export.Log].
func (l *folderLog) Bounds() (first, last vaiven.ID) {
	return vaiven.ID{Record: views.First(l.Log)}, vaiven.ID{Record: l.last, Index: ^uint32(0)}
}

// History implements [export.Log].
func (l *folderLog) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	_, err := verify.Replay(ctx, l.Log, entriesBehind{after, fn})
	return err
}

// entriesBehind is a view that hands entries on, one by one.
type entriesBehind struct {
	after vaiven.ID
	fn    func(vaiven.Entry) error
}

func (entriesBehind) Name() string              { return "export" }
func (entriesBehind) Snapshot() ([]byte, error) { return nil, nil }

func (v entriesBehind) Apply(_ uint64, entries []vaiven.Entry) error {
	for _, en := range entries {
		if !v.after.Before(en.ID) {
			continue
		}
		if err := v.fn(en); err != nil {
			return err
		}
	}
	return nil
}
