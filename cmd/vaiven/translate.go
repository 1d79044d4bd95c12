package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vaiven"
	"vaiven/internal/button"
)

// usageSpanish are the words of cobra's usage text that a student reads.
var usageSpanish = strings.NewReplacer(
	"Usage:", "Uso:",
	"Aliases:", "También:",
	"Examples:", "Ejemplos:",
	"Available Commands:", "Comandos:",
	"Additional Commands:", "Otros comandos:",
	"Global Flags:", "Opciones generales:",
	"Flags:", "Opciones:",
	"[flags]", "[opciones]",
	"[command] --help\" for more information about a command.", "[comando] --help\" para saber más de un comando.",
	"[command]", "[comando]",
	"Use \"", "Escribe \"",
	"(default ", "(por defecto, ",
)

// translate puts cobra's own texts into the program's language.
func (p *program) translate(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if p.lang != vaiven.Spanish {
		return
	}
	english := root.UsageFunc()
	root.SetUsageFunc(func(c *cobra.Command) error {
		var text strings.Builder
		out := c.OutOrStderr()
		c.SetOut(&text)
		err := english(c)
		c.SetOut(out)
		c.Print(usageSpanish.Replace(text.String()))
		return err
	})
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short = "Ayuda de un comando"
		case "completion":
			c.Short = "Genera el autocompletado para tu terminal"
			c.Long = c.Short + ".\nLa ayuda de cada uno dice cómo activarlo (en inglés)."
			for _, shell := range c.Commands() {
				shell.Short = "Genera el autocompletado para " + shell.Name()
			}
		}
	}
	eachCommand(root, func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				f.Usage = "ayuda de " + c.Name()
			}
		})
	})
}

func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, do)
	}
}

// knownCommand refuses a word that is no command, with what was likely meant.
func (p *program) knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf(p.say("unknown command %q", "comando desconocido %q"), args[0])
	if like := likeCommands(cmd, args[0]); len(like) > 0 {
		text += fmt.Sprintf(p.say(": did you mean %s?", ": ¿quisiste decir %s?"), strings.Join(like, ", "))
	}
	return usageError{errors.New(text)}
}

// flagError puts what pflag says of a command line into the program's language.
func (p *program) flagError(err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var binding *button.BindingError
	switch {
	case errors.As(err, &binding) && errors.As(err, &invalid):
		return fmt.Errorf("--%s %s", invalid.GetFlag().Name, binding.Text(p.lang))
	case errors.As(err, &invalid) && p.valueError(invalid.GetFlag(), invalid.GetValue()) != nil:
		return p.valueError(invalid.GetFlag(), invalid.GetValue())
	case p.lang != vaiven.Spanish:
	case errors.As(err, &unknown):
		return fmt.Errorf("opción desconocida: --%s", unknown.GetSpecifiedName())
	case errors.As(err, &missing):
		return fmt.Errorf("a la opción --%s le falta su valor", missing.GetSpecifiedName())
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s no puede ser %q", invalid.GetFlag().Name, invalid.GetValue())
	}
	return err
}
