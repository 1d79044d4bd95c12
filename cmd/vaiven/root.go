package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/server"
)

// program is what every command shares: where it prints, in which language.
type program struct {
	streams
	out, err  *console.Output // the only writers of stdout and stderr
	lang      vaiven.Lang
	announced announcer                 // boards that wait
	keyFor    atomic.Pointer[whoWaits]  // who waits, the key a lets in the first; nil: nobody can type
	filled    map[string]bool           // flags that the command line did not set, see fill
	asked     *cobra.Command            // that ran, or was not understood; nil before
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
	var mute muteError
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
	if errors.As(err, &mute) {
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
	p.asked, err = root.ExecuteContextC(ctx)
	return err
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

// hinted is err, in words, with what to try.
func hinted(err error, hint string) error {
	return &server.Error{Text: err.Error(), Hint: hint, Err: err}
}

func (p *program) printError(err error) {
	hint := ""
	var explained *server.Error
	var usage usageError
	switch {
	case errors.As(err, &explained):
		hint = explained.Hint
	case errors.As(err, &usage):
		hint = p.usageHint()
	}
	console.Fail(p.stderr(), p.lang, err.Error(), hint)
}

// usageHint names the help that is about what was not understood.
func (p *program) usageHint() string {
	if p.asked == nil || !p.asked.HasParent() {
		return p.say("`vaiven --help` lists the commands, `vaiven COMMAND --help` the options of one",
			"`vaiven --help` muestra los comandos, `vaiven COMANDO --help` las opciones de uno")
	}
	return fmt.Sprintf(p.say("`%s --help` says what it takes", "`%s --help` dice qué admite"), p.asked.CommandPath())
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
		p.caCommand(), p.devicesCommand(), p.watchCommand(), p.plotCommand(), p.setCommand(), p.toggleCommand(), p.sessionCommand(),
		p.loginLinkCommand(), p.tokenCommand(), p.auditCommand(),
		p.verifyCommand(), p.backupCommand(), p.restoreCommand(), p.importCommand(), p.exportCommand(), p.doctorCommand(), p.benchCommand(), p.versionCommand(), p.manCommand())
	p.translate(root)
	return root
}

// version is set by the linker in a release.
var version = ""

// versionText is the version of this build: the release's, or the commit's.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: p.say("Print the version", "Muestra la versión"),
		Args:  p.args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.out, "vaiven %s %s/%s %s\n", versionText(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			return err
		},
	}
}

// manCommand writes the manual pages; packagers call it, so help hides it.
func (p *program) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  p.say("Write the manual pages into a folder", "Escribe las páginas del manual en una carpeta"),
		Hidden: true,
		Args:   p.args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Title: "VAIVEN", Section: "1"}, args[0])
		},
	}
}
