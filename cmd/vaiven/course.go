package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vaiven"
	"vaiven/internal/atomicfile"
	"vaiven/internal/console"
	"vaiven/internal/csvform"
	"vaiven/internal/server"
	"vaiven/internal/stream"
)

func (p *program) labCommand() *cobra.Command {
	c := &config{Open: true, Readings: 10, For: 3 * time.Minute, Interval: 5 * time.Second}
	return p.courseCommand(c, "lab", nil,
		p.say("The course's lab: 10 readings or 3 minutes", "El laboratorio del curso: 10 lecturas o 3 minutos"))
}

func (p *program) workshopCommand() *cobra.Command {
	c := &config{Open: true, Readings: 50, Interval: 2 * time.Second}
	return p.courseCommand(c, "workshop", []string{"taller"},
		p.say("The course's workshop: 50 readings", "El taller del curso: 50 lecturas"))
}

// courseCommand is serve with limits, in a folder of its own per run.
func (p *program) courseCommand(c *config, name string, aliases []string, short string) *cobra.Command {
	c.Listen = []string{":8080"}
	again := false
	cmd := &cobra.Command{
		Use: name, Aliases: aliases, Short: short,
		Long: short + ".\n\n" + p.say(
			"Each run keeps its data in a new folder ("+folderPrefix[name]+"-YYYYMMDD-HHMMSS). It ends by itself when\nevery board that connected has finished, or with Ctrl-C; then comes the summary.",
			"Cada vez guarda sus datos en una carpeta nueva ("+folderPrefix[name]+"-AAAAMMDD-HHMMSS). Termina por sí solo cuando\nterminaron todas las placas que se conectaron, o con Ctrl-C; al final viene el resumen."),
		Args: p.args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.fill(cmd); err != nil {
				return err
			}
			p.checkTyped(cmd)
			if err := p.chooseFolder(c, folderPrefix[name], again); err != nil {
				return err
			}
			return p.serve(cmd.Context(), name, c, newFinish(c, p.lang))
		},
	}
	p.flags(cmd.Flags(), c)
	p.courseFlags(cmd.Flags(), c, &again)
	return cmd
}

func (p *program) courseFlags(f *pflag.FlagSet, c *config, again *bool) {
	f.Var(&c.Devices, "devices", p.say("end when at least so many boards have finished, or when these have, as 101,102 (three digits are an id)",
		"termina cuando hayan terminado al menos tantas placas, o cuando terminen estas, como 101,102 (tres cifras son un identificador)"))
	f.DurationVar(&c.Patience, "patience", 5*time.Minute, p.say("a board that stays away for so long no longer holds up those that have finished (0: wait for ever)",
		"una placa que se ausenta tanto tiempo ya no retiene a las que terminaron (0: esperar siempre)"))
	f.BoolVar(again, "continue", false, p.say("go on in the folder that was used last", "continúa en la carpeta que se usó la última vez"))
	f.Lookup("data").Usage = p.say("folder for everything that is kept (default: a new one per run)",
		"carpeta para todo lo que se guarda (por defecto, una nueva cada vez)")
}

// summary writes what the run was as resumen.csv, and prints it.
func (a *attended) summary(f *finish) error {
	var sums []vaiven.Summary
	for _, d := range a.Devices() {
		if s, ok := a.Summary(d.ID); ok {
			sums = append(sums, s)
		}
	}
	path := filepath.Join(a.c.Data, server.SummaryName)
	form := console.SummaryForm{Lang: a.lang}
	form.Mark, form.Separator, form.Decimal, form.End = csvform.Spelling(a.CSVDialect())
	saved := console.SaveSummaryCSV(path, form, a.roster, sums) // first: it needs nobody who reads
	err := console.WriteSummary(a.stdoutUnlessJSON(), a.lang, a.roster, sums)
	if err == nil {
		f.mu.Lock()
		err = console.WriteChanges(a.stdoutUnlessJSON(), a.lang, &f.changes)
		f.mu.Unlock()
	}
	if saved == nil {
		for _, written := range append(a.CSVPaths(), path) {
			fmt.Fprintln(a.stderr().W, written)
		}
	}
	var gone *console.GoneError
	if errors.As(err, &gone) {
		err = nil // the file has it
	}
	return errors.Join(saved, err)
}

// stdoutUnlessJSON is where the summary goes: with --json stdout is for
// programs.
func (a *attended) stdoutUnlessJSON() console.Terminal {
	if a.c.JSON {
		return a.stderr()
	}
	return a.stdout()
}

// folderPrefix begins the names of a command's run folders.
var folderPrefix = map[string]string{"lab": "lab", "workshop": "taller"}

// turnName is a file in a run's folder: the how-manieth use of the folders beside
// each other its last one was. It tells which was used last where no clock does: a
// Pi without internet starts with an old time, names included.
const turnName = "turn"

// runFolder is a folder of lab or workshop.
type runFolder struct {
	dir  string
	turn uint64    // 0: of an earlier vaiven
	used time.Time // when the log was last written, by the clock of then
}

// runFolders are the runs of a kind in this folder, the one used last in front.
// A folder without a log is none.
func runFolders(prefix string) []runFolder {
	var all []runFolder
	dirs, _ := filepath.Glob(prefix + "-[0-9]*-[0-9]*") // the pattern is right
	for _, dir := range dirs {
		if _, err := os.Stat(server.LogDir(dir)); err != nil {
			continue
		}
		r := runFolder{dir: dir}
		if b, err := os.ReadFile(filepath.Join(dir, turnName)); err == nil {
			r.turn, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		}
		if info, err := os.Stat(filepath.Join(server.LogDir(dir), stream.WitnessName)); err == nil {
			r.used = info.ModTime()
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b runFolder) int {
		return cmp.Or(cmp.Compare(b.turn, a.turn), b.used.Compare(a.used), strings.Compare(b.dir, a.dir))
	})
	return all
}

// chooseFolder gives a run its folder: the one that was named, the last one of
// its kind to go on with, or a new one.
func (p *program) chooseFolder(c *config, prefix string, again bool) error {
	switch {
	case c.Data != "" && again:
		return usageError{errors.New(p.say("--data already says which folder: leave --continue out", "--data ya dice qué carpeta: omite --continue"))}
	case c.Data != "":
		return nil
	}
	old := runFolders(prefix)
	if len(old) > 0 {
		c.turn = old[0].turn
	}
	c.turn++
	if !again {
		c.Data = newFolder(prefix, time.Now())
		return nil
	}
	if len(old) == 0 {
		return hinted(fmt.Errorf(p.say("no folder %s-... here to continue", "no hay aquí ninguna carpeta %s-... para continuar"), prefix),
			p.say("run it without --continue first, or name a folder with --data", "primero ejecútalo sin --continue, o indica una carpeta con --data"))
	}
	c.Data, c.continued = old[0].dir, len(old)
	return nil
}

// newFolder names a folder that is not there: a clock that went back may name one
// that is.
func newFolder(prefix string, now time.Time) string {
	for ; ; now = now.Add(time.Second) {
		dir := prefix + now.Format("-20060102-150405")
		if _, err := os.Lstat(dir); err != nil {
			return dir
		}
	}
}

// markTurn notes that the folder is the one used last. If we die before, or it
// cannot be written, the time of the log decides.
func (p *program) markTurn(c *config) {
	if c.turn == 0 {
		return
	}
	path := filepath.Join(c.Data, turnName)
	if err := atomicfile.Write(path, []byte(strconv.FormatUint(c.turn, 10)+"\n")); err != nil {
		p.logger().Warn("the run is not marked as the last one", "err", err)
	}
}
