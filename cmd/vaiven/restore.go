package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"vaiven/internal/backup"
	"vaiven/internal/console"
	"vaiven/internal/server"
)

func (p *program) restoreCommand() *cobra.Command {
	c := &config{Data: "vaiven-data"}
	check := false
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: p.say("Make a data folder of a backup", "Hace una carpeta de datos de una copia de seguridad"),
		Long: p.say(
			"restore makes the data folder that `vaiven backup` copied: the same log, with the same\nids and rows, so that boards and programs find the server they know. The folder must\nnot exist, or be empty; nothing is ever written over another log. It gets its name\nwhen all of it is on disk: a restore that is interrupted leaves none. What was\nreceived after the backup is not in it. Do not let it run beside the old server.",
			"restore hace la carpeta de datos que copió `vaiven backup`: el mismo registro, con los\nmismos ids y filas, de modo que placas y programas hallan el servidor que conocen. La\ncarpeta no debe existir, o estar vacía; nunca se escribe sobre otro registro. Recibe su\nnombre cuando está toda en el disco: una restauración interrumpida no deja ninguna. Lo\nrecibido después de la copia no está. No la uses a la vez que el servidor antiguo."),
		Example: "  vaiven restore pi.backup --data vaiven-data --verify",
		Args:    p.args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			return p.restore(cmd.Context(), c, args[0], check)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, p.say("the folder to make", "la carpeta que se hace"))
	f.BoolVar(&check, "verify", false, p.say("prove, before it counts, that its CSV holds exactly the log's readings",
		"demostrar, antes de darla por buena, que su CSV tiene exactamente las lecturas del registro"))
	return cmd
}

func (p *program) restore(ctx context.Context, c *config, path string, check bool) error {
	f, err := p.openBackup(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d := p.dataFolder(c)
	in, err := backup.NewReader(&tee{in: bufio.NewReaderSize(f, 256<<10), out: io.Discard, ctx: ctx})
	if err != nil {
		return d.explain.Backup(path, err)
	}
	defer in.Close()
	h := in.Header()
	bar := console.NewProgress(p.stderr(), p.lang, p.say("restoring", "restaurando"), h.Last-h.First+1, nil)
	defer bar.Done()
	d.o.Progress = func(done, _ uint64) { bar.Set(done) }
	var found verified
	err = server.Restore(ctx, d.o, in, func(o server.Options) (err error) {
		bar.Done()
		if check {
			made := &dataFolder{program: p, o: o, explain: o.Explainer()}
			if found, err = made.verify(ctx); err == nil {
				err = p.compareTotals(in, found)
			} else if ctx.Err() == nil {
				err = p.notMade(err)
			}
		}
		return err
	})
	bar.Done()
	if err != nil {
		return d.explain.Backup(path, err)
	}
	if check {
		fmt.Fprintln(p.out, found.text)
	}
	start := "vaiven serve --data " + quoted(d.o.Data, runtime.GOOS)
	if h.CSV != "" && h.CSV != "readings.csv" {
		start += " --csv " + quoted(filepath.Join(d.o.Data, h.CSV), runtime.GOOS)
	}
	_, err = fmt.Fprintf(p.out, p.say(
		"%s is the server of %s, up to record %d%s. Start it with: %s\n",
		"%s es el servidor del %s, hasta la entrada %d%s. Inícialo con: %s\n"),
		d.o.Data, h.At.Local().Format(time.DateTime), h.Last, p.totalsText(in.Totals()), start)
	return err
}

// notMade says of what verify has found that there is no folder, and how there would be
// one: the hint for a server's own folder does not help here.
func (p *program) notMade(err error) error {
	return hinted(err, p.say("no folder was made. Take another backup; without --verify this one is restored all the same, and `vaiven verify` then says what can be done",
		"no se hizo ninguna carpeta. Usa otra copia; sin --verify esta se restaura de todos modos, y `vaiven verify` dice entonces qué se puede hacer"))
}

// compareTotals compares what was found in a folder with what its backup says that it
// has.
func (p *program) compareTotals(in *backup.Reader, found verified) error {
	t := in.Totals()
	if t == nil || t.Readings == found.Readings {
		return nil
	}
	return hinted(fmt.Errorf(p.say("the backup says %d readings, and restored there are %d", "la copia dice %d lecturas, y restauradas hay %d"), t.Readings, found.Readings),
		fmt.Sprintf(p.say("no folder was made. Take another backup, or the vaiven that wrote this one (%s); without --verify it is restored all the same",
			"no se hizo ninguna carpeta. Usa otra copia, o el vaiven que escribió esta (%s); sin --verify se restaura de todos modos"), in.Header().Version))
}

// quoted writes a path for a command that a person copies into a shell, as one word and
// nothing else.
func quoted(path, goos string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-+,:@=%", r) || goos == "windows" && r == '\\'
	}
	switch {
	case path != "" && path[0] != '-' && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0:
		return path
	case goos == "windows":
		return `"` + path + `"` // no name there has one
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
