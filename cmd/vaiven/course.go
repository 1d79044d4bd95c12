package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vaiven"
	"vaiven/internal/console"
)

func (p *program) labCommand() *cobra.Command {
	c := &config{Readings: 10, For: 3 * time.Minute, Interval: 5 * time.Second}
	return p.courseCommand(c, "lab", nil,
		p.say("The course's lab: 10 readings or 3 minutes", "El laboratorio del curso: 10 lecturas o 3 minutos"))
}

func (p *program) workshopCommand() *cobra.Command {
	c := &config{Readings: 50, Interval: 2 * time.Second}
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
func (f *finish) summary(a *app, roster console.Roster) error {
	sums := a.summaries()
	path := filepath.Join(a.c.Data, "resumen.csv")
	saved := console.SaveSummaryCSV(path, roster, sums) // first: it needs nobody who reads
	err := console.WriteSummary(a.stdoutUnlessJSON(), a.lang, roster, sums)
	if err == nil {
		f.mu.Lock()
		err = console.WriteChanges(a.stdoutUnlessJSON(), a.lang, &f.changes)
		f.mu.Unlock()
	}
	if saved == nil {
		fmt.Fprintln(a.stderr().W, a.c.csvPath())
		if a.sheet != nil {
			fmt.Fprintln(a.stderr().W, a.c.sheetPath())
		}
		fmt.Fprintln(a.stderr().W, path)
	}
	var gone *console.GoneError
	if errors.As(err, &gone) {
		err = nil // the file has it
	}
	return errors.Join(saved, err)
}

// summaries are the sessions of all devices in numbers.
func (a *app) summaries() []vaiven.Summary {
	var all []vaiven.Summary
	for _, d := range a.reg.List() {
		if s, ok := a.reg.Summary(d.ID); ok {
			all = append(all, s)
		}
	}
	return all
}

// stdoutUnlessJSON is where the summary goes: with --json stdout is for
// programs.
func (a *app) stdoutUnlessJSON() console.Terminal {
	if a.c.JSON {
		return a.stderr()
	}
	return a.stdout()
}
