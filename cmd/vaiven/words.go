package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vaiven"
	"vaiven/internal/button"
)

// args turns what cobra says of positional arguments into a usage error: what is
// missing, or what is too much.
func (p *program) args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		if len(args) > 0 && len(likeCommands(cmd, args[0])) > 0 {
			return p.knownCommand(cmd, args)
		}
		more := append([]string(nil), args...)
		for range maxMissing {
			if more = append(more, "x"); check(cmd, more) == nil {
				return p.missing(cmd)
			}
		}
		return usageError{fmt.Errorf(p.say("%q is one word too many for %s", "%q sobra en %s"), args[len(args)-1], cmd.CommandPath())}
	}
}

// likeCommands are the commands below cmd that a word was likely meant to be.
func likeCommands(cmd *cobra.Command, word string) []string {
	cmd.SuggestionsMinimumDistance = 2 // letters that are wrong
	return cmd.SuggestionsFor(word)
}

// maxMissing is how many words a command may ask for.
const maxMissing = 3

// missing says how a command is written that got too few words.
func (p *program) missing(cmd *cobra.Command) error {
	text := fmt.Sprintf(p.say("%s needs more words: %s", "a %s le faltan palabras: %s"), cmd.CommandPath(), cmd.UseLine())
	if p.lang == vaiven.Spanish {
		text = usageSpanish.Replace(text)
	}
	example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	if example == "" {
		return usageError{errors.New(text)}
	}
	return hinted(usageError{errors.New(text)}, fmt.Sprintf(p.say("for example: %s", "por ejemplo: %s"), example))
}

// valueError says what a flag's value should be; nil when pflag's own words serve.
func (p *program) valueError(f *pflag.Flag, value string) error {
	want := ""
	switch f.Value.Type() {
	case "duration":
		want = p.say("a time is a number with its unit, as 90s, 3m or 1h30m", "un tiempo es un número con su unidad, como 90s, 3m o 1h30m")
		if _, err := strconv.ParseFloat(value, 64); err == nil {
			want = fmt.Sprintf(p.say("say the unit: %[1]ss for seconds, %[1]sm for minutes, %[1]sh for hours",
				"di la unidad: %[1]ss son segundos, %[1]sm minutos, %[1]sh horas"), value)
		}
	case "age":
		want = p.say("a time is a number with its unit, as 12h, 90d, 2w or 5y", "un tiempo es un número con su unidad, como 12h, 90d (días), 2w (semanas) o 5y (años)")
	case "size":
		want = p.say("a size is a number with its unit, as 500MB or 20GB", "un tamaño es un número con su unidad, como 500MB o 20GB")
	case "int", "int64", "uint64":
		want = p.say("want a whole number", "debe ser un número entero")
	case "float64":
		want = p.say("want a number, as 0.05", "debe ser un número, como 0.05")
	case "bool":
		want = p.say("want true or false", "debe ser true o false")
	default:
		return nil
	}
	return fmt.Errorf("--%s %q: %s", f.Name, value, want)
}

// tooLarge says how large an age or a size may be, and what has no bound.
func (p *program) tooLarge(f *pflag.Flag, value string) error {
	want := p.say("want 290y at most", "debe ser como mucho 290y (años)")
	if f.Value.Type() == "size" {
		want = p.say("want 8000000TB at most", "debe ser como mucho 8000000TB")
	}
	if f.Name == "keep-log" || f.Name == "keep-history" {
		want += p.say("; 0 is for ever", "; 0 es para siempre")
	}
	return fmt.Errorf(p.say("--%s %q: too large: %s", "--%s %q: demasiado grande: %s"), f.Name, value, want)
}

// checkAddresses is checkAddress for each of them.
func (p *program) checkAddresses(flag string, addrs []string) error {
	for _, addr := range addrs {
		if err := p.checkAddress(flag, addr); err != nil {
			return err
		}
	}
	return nil
}

// checkAddress refuses what is no address to listen on, and says how what was
// likely meant is written.
func (p *program) checkAddress(flag, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	_, unknown := net.LookupPort("tcp", port)
	_, noIP := netip.ParseAddr(host)
	if err == nil && unknown == nil && port != "" && (noIP == nil || !strings.ContainsAny(host, "*/ :")) {
		return nil
	}
	meant := meantAddress(addr)
	if meant == "" {
		return usageError{fmt.Errorf(p.say("--%s %q: want HOST:PORT, as :8080 or 192.168.1.20:8080", "--%s %q: debe ser HOST:PUERTO, como :8080 o 192.168.1.20:8080"), flag, addr)}
	}
	return usageError{fmt.Errorf(p.say("--%s %q: write %s", "--%s %q: escribe %s"), flag, addr, meant)}
}

// meantAddress is HOST:PORT as somebody likely meant it; "" when it is not clear.
func meantAddress(addr string) string {
	addr = strings.TrimSpace(addr)
	if _, after, ok := strings.Cut(addr, "://"); ok {
		addr, _, _ = strings.Cut(after, "/")
	}
	addr = strings.TrimPrefix(addr, "*")
	if ip, err := netip.ParseAddr(strings.Trim(addr, "[]")); err == nil {
		return net.JoinHostPort(ip.String(), "8080")
	}
	if n, err := strconv.Atoi(strings.Trim(addr, ":")); err == nil {
		if n < 0 || n > 65535 {
			return ""
		}
		return fmt.Sprintf(":%d", n)
	}
	host, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.Atoi(port); err == nil && perr == nil && n >= 0 && n <= 65535 && !strings.ContainsAny(host, "*/ ") {
		return net.JoinHostPort(host, port)
	}
	return ""
}

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

// useSpanish are the words that stand for others in how a command is written.
var useSpanish = strings.NewReplacer(
	"BOARD", "PLACA", "FILE", "ARCHIVO", "FOLDER", "CARPETA", "DIR", "CARPETA",
	"STATE", "ESTADO", "VALUE", "VALOR", "TEXT", "TEXTO", "TASK", "TAREA",
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
		c.Use = useSpanish.Replace(c.Use)
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
	case errors.As(err, &invalid) && errors.Is(err, vaiven.ErrTooLarge):
		return p.tooLarge(invalid.GetFlag(), invalid.GetValue())
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
