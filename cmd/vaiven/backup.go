package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"vaiven/internal/atomicfile"
	"vaiven/internal/backup"
	"vaiven/internal/console"
	"vaiven/internal/server"
	"vaiven/internal/stream"
	"vaiven/internal/web/api"
)

// backupJob is what `vaiven backup` was told.
type backupJob struct {
	*dataFolder
	remote remote
	client *api.Client
	target string        // a file, or the folder for many
	folder bool          // it is a folder
	every  time.Duration // 0: once
	keep   int           // backups of this log in the folder; 0: all
	said   origin
	asked  bool // for a certain server, not for a folder
}

func (p *program) backupCommand() *cobra.Command {
	c := &config{Data: "vaiven-data"}
	b := &backupJob{}
	check := false
	cmd := &cobra.Command{
		Use:   "backup FILE|FOLDER",
		Short: p.say("Copy all of a server into one file, while it runs", "Copia todo un servidor en un archivo, mientras funciona"),
		Long: p.say(
			"backup writes the log, up to the record that is the last at that moment, and the CSV\ninto one file, from which `vaiven restore` makes the same server again. The server\ngoes on meanwhile; one that is stopped is read from its data folder. The file is\nread back before it counts, and no half of one is ever left. In a FOLDER each backup\ngets a name with its date. --check reads a backup and says whether it is whole.",
			"backup escribe el registro, hasta la entrada que es la última en ese momento, y el CSV\nen un archivo, del que `vaiven restore` hace otra vez el mismo servidor. El servidor\nsigue mientras tanto; si está detenido se lee su carpeta de datos. El archivo se relee\nantes de darlo por bueno, y nunca queda uno a medias. En una CARPETA cada copia lleva\nla fecha en su nombre. --check lee una copia y dice si está completa."),
		Example: p.say("  vaiven backup pi.backup\n  vaiven backup /media/usb --every 24h --keep 7\n  vaiven backup --check pi.backup",
			"  vaiven backup pi.backup\n  vaiven backup /media/usb --every 24h --keep 7\n  vaiven backup --check pi.backup"),
		Args: p.args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if b.said = originOf(cmd); b.said.data {
				b.remote.data = c.Data
			}
			if b.client, err = p.client(cmd, &b.remote); err != nil {
				return err
			}
			b.dataFolder, b.target, b.asked = p.dataFolder(c), args[0], b.said.remote(cmd)
			if check {
				return b.printCheck(cmd.Context(), b.target)
			}
			if err := b.complete(cmd.Flags().Changed("keep")); err != nil {
				return err
			}
			if b.every > 0 {
				return b.repeat(cmd.Context())
			}
			return b.once(cmd.Context())
		},
	}
	p.serverFlags(cmd, &b.remote)
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, p.say("the data folder, of a server that is stopped", "la carpeta de datos, de un servidor detenido"))
	f.StringVar(&c.CSV, "csv", "", p.say("its CSV file (default: readings.csv in the data folder)", "su archivo CSV (por defecto, readings.csv en la carpeta de datos)"))
	f.StringVar(&c.NATS, "nats", "", p.say("external NATS that holds its log", "NATS externo que tiene su registro"))
	f.DurationVar(&b.every, "every", 0, p.say("go on, with a backup so often, as 24h", "seguir, con una copia cada tanto, como 24h"))
	f.IntVar(&b.keep, "keep", 0, p.say("keep so many backups in FOLDER, and remove older ones of this server (0: all)",
		"conservar tantas copias en CARPETA y borrar las anteriores de este servidor (0: todas)"))
	f.BoolVar(&check, "check", false, p.say("only say whether FILE is a whole backup", "solo decir si ARCHIVO es una copia completa"))
	return cmd
}

// minEvery is the shortest time between two backups.
const minEvery = time.Second

// complete checks what was told, and whether the target is a folder.
func (b *backupJob) complete(keep bool) error {
	if b.every != 0 && b.every < minEvery {
		return usageError{fmt.Errorf(b.say("--every %s: want at least %s", "--every %s: debe ser al menos %s"), b.every, minEvery)}
	}
	if keep && b.keep < 1 {
		return usageError{fmt.Errorf(b.say("--keep %d: want at least 1", "--keep %d: debe ser al menos 1"), b.keep)}
	}
	info, err := os.Stat(b.target)
	isFolder := err == nil && info.IsDir()
	b.folder = isFolder || b.every > 0 || b.keep > 0 || os.IsPathSeparator(b.target[len(b.target)-1])
	if b.folder && err == nil && !isFolder {
		return usageError{fmt.Errorf(b.say("%s is a file: with --every or --keep, name a folder", "%s es un archivo: con --every o --keep, indica una carpeta"), b.target)}
	}
	if !b.folder && err != nil && filepath.Ext(b.target) == "" { // a stick's folder would become a file
		return hinted(usageError{fmt.Errorf(b.say("%s: a file, or a folder that is not there?", "%s: ¿un archivo, o una carpeta que no está?"), b.target)},
			fmt.Sprintf(b.say("write %[1]s.backup for a file; a folder must be there already", "escribe %[1]s.backup si es un archivo; una carpeta debe existir ya"), b.target))
	}
	return nil
}

// once makes one backup.
func (b *backupJob) once(ctx context.Context) error {
	if b.asked || !b.said.data && b.mustHaveLog() != nil {
		return b.fromServer(ctx, "")
	}
	if b.said.both() {
		return b.fromServer(ctx, stream.WitnessedLog(server.LogDir(b.o.Data)))
	}
	if err := b.mustHaveLog(); err != nil {
		return err
	}
	log, err := b.openLog(ctx)
	if errors.Is(err, stream.ErrLocked) { // its server runs
		return b.fromServer(ctx, stream.WitnessedLog(server.LogDir(b.o.Data)))
	}
	if err != nil {
		return b.explain.Log(err)
	}
	defer log.Close()
	f, err := b.create()
	if err != nil {
		return err
	}
	defer f.Abort()
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = w.CloseWithError(server.WriteBackup(ctx, log, b.o, w)) // never fails
	}()
	err = b.receive(ctx, f, r, "")
	cancel()
	_ = r.Close() // never fails
	<-written
	return b.explain.Backup(b.target, err)
}

// fromServer makes one backup of a running server; log is its log's id, "" when any is
// right.
func (b *backupJob) fromServer(ctx context.Context, log string) error {
	f, err := b.create()
	if err != nil {
		return err
	}
	defer f.Abort()
	// A server whose computer is gone says nothing, and nobody tells us.
	asking, give := context.WithCancelCause(ctx)
	defer give(nil)
	silent := time.AfterFunc(maxSilence, func() { give(context.DeadlineExceeded) })
	defer silent.Stop()
	body, err := b.client.Backup(asking)
	if err != nil {
		err = b.remoteError(&b.remote, cmp.Or(context.Cause(asking), err))
		if log != "" {
			err = hinted(err, b.ownerHint())
		}
		return err
	}
	defer body.Close()
	err = b.receive(asking, f, &watched{body, silent}, log)
	var source *sourceError
	if errors.As(err, &source) && ctx.Err() == nil {
		text := fmt.Sprintf(b.say("%s did not send all of the backup", "%s no envió toda la copia"), b.remote.server)
		if !errors.Is(err, backup.ErrCut) { // which says no more
			text += ": " + err.Error()
		}
		return hinted(errors.New(text),
			b.say("no file was written. Was the server stopped? What it printed says more; then try again",
				"no se escribió ningún archivo. ¿Se detuvo el servidor? Lo que mostró dice más; luego inténtalo otra vez"))
	}
	return b.explain.Backup(b.target, err)
}

// maxSilence is how long a server may send nothing.
const maxSilence = 2 * time.Minute

// watched winds a timer up whenever something comes, and stops it at the end.
type watched struct {
	io.Reader
	silent *time.Timer
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if w.silent.Stop(); err == nil {
		w.silent.Reset(maxSilence)
	}
	return n, err
}

// sourceError is an error of where a backup comes from, not of where it is written.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// receive writes what comes to the target, checks it, and says what it holds.
func (b *backupJob) receive(ctx context.Context, f *atomicfile.File, in io.Reader, log string) error {
	out := bufio.NewWriterSize(f, 256<<10)
	t := &tee{in: in, out: out, ctx: ctx}
	h, _, err := b.readAll(t, b.say("backup", "copia"))
	if err == nil && log != "" && log != h.Log {
		err = hinted(fmt.Errorf(b.say("the server at %s is not that of %s", "el servidor en %s no es el de %s"), b.remote.server, b.o.Data),
			b.ownerHint())
	} else if err != nil && !t.failed {
		err = &sourceError{err}
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, totals, err := b.readAll(&tee{in: bufio.NewReaderSize(f, 256<<10), out: io.Discard, ctx: ctx}, b.say("reading it back", "releyéndola"))
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	name := b.target
	if b.folder {
		name = filepath.Join(b.target, backupName(h.At))
		if err := b.checkName(name, h.Log); err != nil {
			return err
		}
	}
	if err := f.CommitAs(name); err != nil {
		return err
	}
	if err := b.printWhole(name, h, totals, size); err != nil || !b.folder {
		return err
	}
	return b.removeOld(h)
}

// tee hands on what is read, and tells what fails there from what fails here.
type tee struct {
	in     io.Reader
	out    io.Writer
	ctx    context.Context
	failed bool // here
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.in.Read(p)
	if n > 0 {
		if _, werr := t.out.Write(p[:n]); werr != nil {
			t.failed = true
			return 0, werr
		}
	}
	if t.ctx.Err() != nil {
		return n, context.Cause(t.ctx)
	}
	return n, err
}

// readAll reads a backup to its end, under a progress bar. The totals are nil where it
// has none.
func (p *program) readAll(in io.Reader, label string) (h backup.Header, totals *backup.Totals, err error) {
	r, err := backup.NewReader(in)
	if err != nil {
		return h, nil, err
	}
	defer r.Close()
	h = r.Header()
	bar := console.NewProgress(p.stderr(), p.lang, label, h.Last-h.First+1, nil)
	defer bar.Done()
	for {
		part, err := r.Next()
		if errors.Is(err, io.EOF) {
			return h, r.Totals(), nil
		}
		if err != nil {
			return h, nil, err
		}
		if part.Kind == backup.PartRecord {
			bar.Set(part.Seq - h.First + 1)
		}
	}
}

// create begins the target. A file that is there must be a backup: what somebody named
// by mistake is not replaced. A folder must be there: where a stick belongs that is away,
// one would be made on the card, and filled.
func (b *backupJob) create() (*atomicfile.File, error) {
	if b.folder {
		return b.createAt(filepath.Join(b.target, "vaiven.backup")) // of which a kill leaves one
	}
	f, err := os.Open(b.target)
	if errors.Is(err, os.ErrNotExist) {
		return b.createAt(b.target)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	begin := make([]byte, len(backup.Magic))
	if n, _ := io.ReadFull(f, begin); string(begin[:n]) != backup.Magic { // what cannot be read is none either
		return nil, hinted(fmt.Errorf(b.say("%s is there, and is not a backup", "%s ya existe, y no es una copia de seguridad"), b.target),
			b.say("nothing was changed: give another name", "no se cambió nada: da otro nombre"))
	}
	return b.createAt(b.target)
}

func (b *backupJob) createAt(path string) (*atomicfile.File, error) {
	f, err := atomicfile.CreatePrivate(path) // as the log is, whose records are in it
	if errors.Is(err, os.ErrNotExist) {
		dir := filepath.Dir(path)
		return nil, hinted(fmt.Errorf(b.say("there is no folder %s", "no hay ninguna carpeta %s"), dir), fmt.Sprintf(b.say(
			"plug in the stick that belongs there, or make the folder: mkdir -p %s", "conecta la memoria USB que va ahí, o crea la carpeta: mkdir -p %s"), dir))
	}
	return f, b.explain.Backup(path, err)
}

// openBackup opens a backup to read it.
func (p *program) openBackup(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, hinted(fmt.Errorf(p.say("there is no file %s", "no hay ningún archivo %s"), path),
			p.say("name the backup, with its folder", "indica la copia, con su carpeta"))
	}
	return f, err
}

// printCheck says whether a file is a whole backup.
func (b *backupJob) printCheck(ctx context.Context, path string) error {
	f, err := b.openBackup(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, totals, err := b.readAll(&tee{in: bufio.NewReaderSize(f, 256<<10), out: io.Discard, ctx: ctx}, b.say("checking", "revisando"))
	if err != nil {
		return b.explain.Backup(path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return b.printWhole(path, h, totals, info.Size())
}

// printWhole says what is in a whole backup.
func (p *program) printWhole(path string, h backup.Header, totals *backup.Totals, size int64) error {
	_, err := fmt.Fprintf(p.out, p.say(
		"%s: log %.8s, records %d to %d%s, as of %s, %s: ok\n",
		"%s: registro %.8s, entradas %d a %d%s, del %s, %s: ok\n"),
		path, h.Log, h.First, h.Last, p.totalsText(totals), h.At.Local().Format(time.DateTime), sizeText(size))
	return err
}

// totalsText says how many readings a backup has, and from when to when, behind a comma;
// "" for one of an earlier vaiven, which does not say it.
func (p *program) totalsText(t *backup.Totals) string {
	if t == nil {
		return ""
	}
	text := ", " + p.lang.Readings(t.Readings)
	if t.From != 0 {
		local := func(ms int64) string { return time.UnixMilli(ms).Local().Format(time.DateTime) }
		text += fmt.Sprintf(p.say(" from %s to %s", " desde %s hasta %s"), local(t.From), local(t.To))
	}
	if t.Trimmed > 0 {
		text += fmt.Sprintf(p.say(" (%d of them are older, and not in the log any more)", " (%d de ellas son anteriores y ya no están en el registro)"), t.Trimmed)
	}
	return text
}

// sizeText writes a size as a person would.
func sizeText(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
