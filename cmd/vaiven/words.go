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
	return hinted{usageError{errors.New(text)}, fmt.Sprintf(p.say("for example: %s", "por ejemplo: %s"), example)}
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
