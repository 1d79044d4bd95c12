package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
)

// program is what every command shares: where it prints, in which language.
type program struct {
	streams
	out, err  *console.Output // the only writers of stdout and stderr
	lang      vaiven.Lang
	screenLog atomic.Pointer[io.Writer] // takes stderr while a full screen is up
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	p := &program{streams: s}
	p.out, p.err = console.Outputs(s.out, s.err)
	defer context.AfterFunc(ctx, p.leaveOutputs)()
	defer p.flushOutputs()
	err := p.execute(ctx, args)
	var usage usageError
	var gone *console.GoneError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &gone):
		return exitError // as all programs do whose reader has left, without a word
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errors.New(p.say("interrupted", "interrumpido"))
	}
	p.printError(err)
	if errors.As(err, &usage) {
		return exitUsage
	}
	if errors.Is(err, errMute) {
		return exitMute
	}
	return exitError
}

// execute finds the command and runs it.
func (p *program) execute(ctx context.Context, args []string) (err error) {
	// The language decides the words of the help itself, so it is looked for
	// before the command line is parsed.
	p.lang, err = console.ChooseLang(cmp.Or(earlyLang(args), p.getenv(envPrefix+"LANG")), p.getenv)
	if err != nil {
		return usageError{err}
	}
	p.out.SetLang(p.lang)
	p.err.SetLang(p.lang)
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err.Notes())
	return root.ExecuteContext(ctx)
}

// earlyLang finds --lang in a command line that has not been parsed.
func earlyLang(args []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return v
		}
		if a == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
		if a == "--" {
			break
		}
	}
	return ""
}

// usageError marks a command line that was not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// worded is an error in the program's language; what it wraps decides.
type worded struct {
	text string
	error
}

func (e worded) Error() string { return e.text }
func (e worded) Unwrap() error { return e.error }

// hinted is an error with what to try.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

func (p *program) printError(err error) {
	hint := ""
	var h hinted
	var usage usageError
	switch {
	case errors.As(err, &h):
		hint = h.hint
	case errors.As(err, &usage):
		hint = p.say("`vaiven --help` lists the commands, `vaiven COMMAND --help` the options of one",
			"`vaiven --help` muestra los comandos, `vaiven COMANDO --help` las opciones de uno")
	}
	console.Fail(p.stderr(), p.lang, err.Error(), hint)
}

func (p *program) say(en, es string) string { return p.lang.Say(en, es) }

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "vaiven",
		Short: p.say("WebSocket gateway for sensor boards: what it acknowledges is on disk",
			"Servidor WebSocket para placas con sensores: lo que confirma está en el disco"),
		Long: p.say(
			`vaiven receives the readings of ESP32-class boards over WebSocket, shows them,
and writes them to a CSV file. It acknowledges a reading when it is on disk.

Start with:   vaiven serve --simulate 3     (three simulated boards)
The course:   vaiven lab                    (10 readings or 3 minutes)
              vaiven workshop               (50 readings)`,
			`vaiven recibe por WebSocket las lecturas de placas como la ESP32, las muestra
y las guarda en un archivo CSV. Confirma una lectura cuando está en el disco.

Para empezar: vaiven serve --simulate 3     (tres placas simuladas)
El curso:     vaiven lab                    (10 lecturas o 3 minutos)
              vaiven taller                 (50 lecturas)`),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          p.knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().String("lang", "", p.say("language: es or en (default: that of the system)",
		"idioma: es o en (por defecto, el del sistema)"))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{p.flagError(err)} })
	root.AddCommand(p.serveCommand(), p.labCommand(), p.workshopCommand(), p.simulateCommand(),
		p.devicesCommand(), p.watchCommand(), p.setCommand(), p.toggleCommand(), p.sessionCommand(),
		p.verifyCommand(), p.doctorCommand(), p.benchCommand(), p.versionCommand(), p.manCommand())
	p.translate(root)
	return root
}
