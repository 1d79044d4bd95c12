package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vaiven"
	"vaiven/internal/atomicfile"
	"vaiven/internal/backup"
	"vaiven/internal/csvfile"
	"vaiven/internal/lock"
	"vaiven/internal/remotewrite"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

// Why a folder takes no backup, for errors.Is.
var (
	errHasLog   = errors.New("the folder has a log")
	errNotEmpty = errors.New("the folder is not empty")
)

// restoringSuffix is what the folder is called that is not whole yet.
const restoringSuffix = ".restoring"

// Restore makes the data folder that o names of a backup. Of o, Data, Lang, Notify,
// Progress and Logger count. The folder must not exist, or be empty.
//
// Everything is written into a folder beside it, and gets its name at the end: if we
// die before, there is no data folder, and the next Restore begins anew. The views
// are completed there, as by the first start of a server, and check (which may be nil)
// may look at the result before it counts; it is given the options of a server on the
// folder as it is called then. The log keeps its id and its records their places, so
// that nothing that knows them takes it for another: it is the same server. The folder
// is for its user only, unless it was there with other permissions.
func Restore(ctx context.Context, o Options, in *backup.Reader, check func(Options) error) (err error) {
	o = o.withDefaults()
	x := o.Explainer()
	data, err := filepath.Abs(o.Data)
	if err != nil {
		return err
	}
	if err := mustBeVacant(data); err != nil {
		return x.vacant(data, err)
	}
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return x.Folder(filepath.Dir(data), err)
	}
	temp := data + restoringSuffix
	mine, err := lock.Take(temp+".lock", "restore")
	var held *lock.HeldError
	switch {
	case errors.As(err, &held):
		return &Error{fmt.Sprintf(x.Lang.Say("process %s is restoring %s", "el proceso %s está restaurando %s"), held.Process, data),
			x.Lang.Say("wait for it, or name another folder with --data", "espera a que termine, o indica otra carpeta con --data"), err}
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		return x.Folder(filepath.Dir(data), err)
	case err == nil:
		defer mine.Remove()
	}
	if err := os.RemoveAll(temp); err != nil { // of one that was killed
		return x.Folder(temp, err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(temp)
		}
	}()
	r := &restorer{o: o, in: in, dir: temp, mode: privateFolder}
	if there, err := os.Stat(data); err == nil {
		r.mode |= there.Mode().Perm()
	}
	if err := r.run(ctx, check); err != nil {
		return err
	}
	if err := atomicfile.MoveFolder(temp, data); err != nil {
		return x.Folder(data, err)
	}
	return nil
}

// mustBeVacant is an error when something is in the folder.
func mustBeVacant(dir string) error {
	if _, err := os.Stat(LogDir(dir)); err == nil {
		return errHasLog
	}
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(names) > 0 {
		return errNotEmpty
	}
	return err
}

// vacant explains what mustBeVacant says.
func (x Explainer) vacant(dir string, err error) error {
	hint := x.Lang.Say("nothing was changed. Name a folder that does not exist yet with --data, or move this one away first",
		"no se cambió nada. Indica con --data una carpeta que aún no exista, o aparta primero esta")
	switch {
	case errors.Is(err, errHasLog):
		return &Error{fmt.Sprintf(x.Lang.Say("%s has a log already", "%s ya tiene un registro"), dir), hint, err}
	case errors.Is(err, errNotEmpty):
		return &Error{fmt.Sprintf(x.Lang.Say("%s is not empty", "%s no está vacía"), dir), hint, err}
	}
	return x.Folder(dir, err)
}

// privateFolder is what a restored folder's permissions are, unless it was there: who
// may read the readings is not in a backup, and is for a person to say.
const privateFolder fs.FileMode = 0o700

// restorer writes a backup into a folder.
type restorer struct {
	o    Options
	in   *backup.Reader
	dir  string
	mode fs.FileMode // that dir gets
	shot []byte      // the snapshot that was read last
	part backup.Part // the last that was read
	end  error       // that Next returned with it
}

func (r *restorer) run(ctx context.Context, check func(Options) error) error {
	x := r.o.Explainer()
	h := r.in.Header()
	err := os.MkdirAll(r.dir, privateFolder)
	if err == nil {
		err = os.Chmod(r.dir, r.mode)
	}
	if err != nil {
		return x.Folder(r.dir, err)
	}
	c := stream.Copy{ID: h.Log, Genesis: h.Genesis, First: h.First, Snapshot: r.snapshot, Next: r.nextRecord}
	for _, s := range h.Snapshots {
		c.Snapshots = append(c.Snapshots, vaiven.SnapshotInfo{Pos: s.Pos, At: s.At, Size: s.Size})
	}
	err = stream.WriteLog(ctx, stream.Options{Dir: LogDir(r.dir), Logger: r.o.Logger}, c)
	if err == nil {
		err = r.writeFiles(ctx)
	}
	if err != nil {
		return err
	}
	o := Options{Data: r.dir, Lang: r.o.Lang, Notify: r.o.Notify, Logger: r.o.Logger, Progress: r.o.Progress, Version: r.o.Version}
	if h.CSV != "" {
		o.CSV = filepath.Join(r.dir, h.CSV)
	}
	if _, err := os.Stat(HistoryDir(r.dir)); err != nil {
		o.NoHistory = true // the server kept none
	}
	// Every record is read again, and the views are made as far as it goes.
	s, err := Open(ctx, o)
	if err != nil {
		return err
	}
	s.Close()
	if check != nil {
		return check(o)
	}
	return nil
}

// snapshot reads the next one, into the place of the one before.
func (r *restorer) snapshot(i int) ([]byte, error) {
	r.shot = r.shot[:0]
	for int64(len(r.shot)) < r.in.Header().Snapshots[i].Size {
		p, err := r.in.Next()
		if err != nil {
			return nil, err
		}
		if p.Kind != backup.PartSnapshot || p.Index != i { // a Reader gives nothing else here
			return nil, fmt.Errorf("%w: a part of kind %d", backup.ErrDamaged, p.Kind)
		}
		r.shot = append(r.shot, p.Data...)
	}
	return r.shot, nil
}

// nextRecord returns the records, and io.EOF behind the last.
func (r *restorer) nextRecord() ([]byte, error) {
	h := r.in.Header()
	r.shot = nil // they are all written
	r.part, r.end = r.in.Next()
	if r.end == nil && r.part.Kind == backup.PartRecord {
		r.o.Progress(r.part.Seq-h.First+1, h.Last-h.First+1)
		return r.part.Data, nil
	}
	if r.end != nil && !errors.Is(r.end, io.EOF) {
		return nil, r.end
	}
	return nil, io.EOF
}

// writeFiles writes what comes behind the records, until the backup's end.
func (r *restorer) writeFiles(ctx context.Context) error {
	for r.end == nil {
		if r.part.Kind != backup.PartFile { // a Reader gives nothing else here
			return fmt.Errorf("%w: a part of kind %d", backup.ErrDamaged, r.part.Kind)
		}
		if !restorable(r.in.Header().CSV, r.part.File.Path) {
			return fmt.Errorf("%w: no file of a CSV or a history: %q", backup.ErrDamaged, r.part.File.Path)
		}
		path, modified := filepath.Join(r.dir, filepath.FromSlash(r.part.File.Path)), r.part.File.Modified
		if err := r.writeFile(ctx, path); err != nil {
			return err
		}
		if !modified.IsZero() {
			_ = os.Chtimes(path, modified, modified) // by which a file is known to be as it was; else it is read
		}
	}
	if !errors.Is(r.end, io.EOF) {
		return r.end
	}
	return nil
}

// restorable reports whether a file of a backup, whose CSV has that name, is one that
// WriteBackup puts there: one of the history's, or at the top one of the CSV's, which
// all begin and end as it does. Everything else in the folder is made here.
func restorable(csv, name string) bool {
	if below, ok := strings.CutPrefix(name, filepath.Base(HistoryDir(""))+"/"); ok {
		return below != ""
	}
	ext := filepath.Ext(csv)
	middle, ok := strings.CutPrefix(name, strings.TrimSuffix(csv, ext))
	if !ok || csv == "" || strings.Contains(name, "/") {
		return false
	}
	middle, ok = strings.CutSuffix(strings.TrimSuffix(middle, csvfile.SidecarSuffix), ext)
	if !ok || middle != "" && middle[0] != '-' {
		return false
	}
	for _, own := range []string{filepath.Base(LogDir("")), filepath.Base(HistoryDir("")), views.CheckpointName, remotewrite.FileName} {
		if strings.EqualFold(name, own) {
			return false
		}
	}
	return true
}

// writeFile writes one file, up to the next or the end.
func (r *restorer) writeFile(ctx context.Context, path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for r.part, r.end = r.in.Next(); r.end == nil && r.part.Kind == backup.PartData; r.part, r.end = r.in.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := f.Write(r.part.Data); err != nil {
			return err
		}
	}
	return nil
}
