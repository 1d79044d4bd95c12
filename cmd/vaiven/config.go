package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vaiven"
	"vaiven/internal/button"
	"vaiven/internal/console"
	"vaiven/internal/csvfile"
	"vaiven/internal/remotewrite"
	"vaiven/internal/server"
)

// envPrefix begins the names of environment variables: --trusted-proxy is
// VAIVEN_TRUSTED_PROXY.
const envPrefix = "VAIVEN_"

// defaultData is the data folder where nobody named one.
const defaultData = "vaiven-data"

// config is what serve, lab and workshop can be told. Each field is a flag, an
// environment variable and a key of the TOML file, all of the flag's name; a
// flag wins over the environment, that over the file, that over the default.
type config struct {
	Listen    []string // addresses to listen on, HOST:PORT; HOST may be empty
	TLSListen []string // addresses for wss:// and https://; tlsAuto, or tlsOff
	TLSOnly   bool     // nothing without TLS
	TLSCert   string   // PEM file with the certificate chain; "": the local authority signs one
	TLSKey    string   // PEM file with its key
	Domain    string   // public name that ACME certifies; "": none

	ACMEServer string // URL of the ACME directory; "": Let's Encrypt
	ACMERoot   string // PEM file that its own certificate is trusted by; "": the system's

	tlsDir    string // folder for the local authority; "": in Data
	tlsIfFree bool   // the addresses of TLSListen are the program's choice

	Data       string   // folder for everything
	CSV        string   // the CSV file; "" is readings.csv in Data
	CSVColumns []string // measurements with a column each
	CSVDigits  string   // "3", "exact"; "" is as the file is
	CSVDialect string   // of a second file beside the exact one; "" is none
	CSVZone    string   // IANA name of TIMEFLAG's zone; "" is the server's
	CSVRotate  string   // month, day, rows=N, off; "" is as the file is

	KeepLog     time.Duration // how long the log's records are kept; 0: for ever
	KeepLogSize int64         // bytes that they may take; 0: a third of the disk

	ForgetAfter time.Duration // how long a device may be silent before it is forgotten; 0: for ever

	NoHistory   bool          // keeps no time series beside the log
	KeepHistory time.Duration // how long they are kept; 0: for ever
	HistorySize int64         // bytes that they may take; 0: a fifth of the disk

	RemoteWrite string // URL of a store that readings are sent on to; "" is none

	Readings uint64        // ends a device's session after so many readings; 0: no limit
	For      time.Duration // ends it after so long; 0: no limit
	Rate     float64       // readings a second of a board that a session counts; 0: any number
	Devices  awaited       // lab, workshop: which boards, or how many, must complete
	Patience time.Duration // lab, workshop: how long a board may stay away and still be waited for; 0: for ever
	Roster   string        // CSV file id,name with the students' names
	Simulate int           // simulated boards beside the real ones
	Interval time.Duration // time between the readings of a simulated board, and what the summary expects

	UI   string // plain or tui
	JSON bool   // one JSON object per event on stdout

	TrustedProxy  []netip.Prefix // whose X-Forwarded-For is believed
	MaxMessage    int            // bytes in a message
	MaxDevices    int            // devices per connection
	MaxUnproven   int            // of them without proof, unless one is a concentrator
	MaxPerAddress int            // connections per address, loopback excepted
	MaxUnverified int            // devices that nobody approved
	MaxDay        int64          // bytes that the log takes of a device in a day; 0: any number
	MaxRate       int64          // bytes of messages a second of one connection; 0: any number
	State         []string       // names that are states, beside LED

	Button    []button.Binding // lines of this computer that switch a board's state
	Indicator []button.Binding // lines that show one
	LEDText   []string         // two words for on and off, sent to boards without HELLO instead of JSON
	APIToken  string           // whoever sends it may do everything

	Open       bool     // every board is let in, unverified, and everybody may look: a class
	PublicView bool     // everybody may look
	CORS       []string // origins of other sites' pages that may ask
	Host       []string // names that the server goes by, beside its machine's
	NoQR       bool     // no QR code in the terminal

	NATS     string // external NATS, nats://HOST:PORT[,...]; "" is the embedded one
	Replicas int    // copies of the log on an external cluster

	CommitEvery time.Duration // how long a reading may wait for others before it is written; 0: not at all

	TrimGrace time.Duration // how long a node that begins on an external log may take; for tests

	CPUProfile string // file for a CPU profile; for those who work on vaiven

	turn      uint64 // of a run's folder, see turnName; 0: a folder that was named
	continued int    // how many runs --continue chose from
}

// flags declares config's flags on a command, with the command's defaults.
func (p *program) flags(f *pflag.FlagSet, c *config) {
	form := p.say("LINE=BOARD:STATE", "LÍNEA=PLACA:ESTADO")
	f.StringSliceVar(&c.Listen, "listen", c.Listen, p.say("address to listen on, HOST:PORT (several: repeat it)",
		"dirección donde escuchar, HOST:PUERTO (varias: repítela)"))
	p.tlsFlags(f, c)
	f.StringVar(&c.Data, "data", c.Data, p.say("folder for everything that is kept", "carpeta para todo lo que se guarda"))
	f.StringVar(&c.CSV, "csv", "", p.say("the CSV file (default: readings.csv in the data folder)",
		"el archivo CSV (por defecto, readings.csv en la carpeta de datos)"))
	f.StringSliceVar(&c.CSVColumns, "csv-columns", nil, p.say("measurements that get a column (default TEMP,HUM); others than those of an existing file start another",
		"medidas que tienen columna (por defecto, TEMP,HUM); si no son las del archivo que ya hay, se empieza otro"))
	f.StringVar(&c.CSVZone, "csv-zone", "", p.say("time zone of TIMEFLAG when the file is created, as America/Bogota (default: this machine's)",
		"zona horaria de TIMEFLAG cuando se crea el archivo, como America/Bogota (por defecto, la de esta máquina)"))
	f.StringVar(&c.CSVDigits, "csv-digits", "", p.say("TEMP and HUM as three figures, 024, rounded (3), or exact; another than that of an existing file starts another",
		"TEMP y HUM con tres cifras, 024, redondeadas (3), o exactas (exact); si no es como el archivo que ya hay, se empieza otro"))
	f.StringVar(&c.CSVDialect, "csv-dialect", "", p.say("a second file beside the exact one, for a spreadsheet: excel-es (semicolon, decimal comma)",
		"un segundo archivo junto al exacto, para una hoja de cálculo: excel-es (punto y coma, coma decimal)"))
	f.StringVar(&c.CSVRotate, "csv-rotate", "", p.say("begin another file with each month or day, or after so many rows (rows=1000000); IDdato goes on. off: one file for ever; from the next row on",
		"empieza otro archivo cada mes (month) o día (day), o tras tantas filas (rows=1000000); IDdato sigue. off: un solo archivo; desde la próxima fila"))
	c.KeepLog = 90 * vaiven.Day
	f.Var(age{&c.KeepLog}, "keep-log", p.say("how long the log keeps what the CSV and the history have, as 90d or 1y (0: for ever)",
		"cuánto tiempo guarda el registro lo que ya tienen el CSV y el historial, como 90d (días) o 1y (años) (0: siempre)"))
	f.Var(size{&c.KeepLogSize}, "keep-log-size", p.say("how much of the disk the log may take, as 20GB (0: a third of it); the oldest goes first",
		"cuánto disco puede ocupar el registro, como 20GB (0: la tercera parte); lo más viejo se va primero"))
	f.Var(age{&c.ForgetAfter}, "forget-after", p.say("forget a board of which nothing has come for so long, as 90d; its readings stay (0: never)",
		"olvida una placa de la que hace tanto que no llega nada, como 90d (días); sus lecturas se quedan (0: nunca)"))
	c.KeepHistory = 5 * vaiven.Year
	f.BoolVar(&c.NoHistory, "no-history", false, p.say("keep no history of the readings beside the log", "no guarda historial de las lecturas junto al registro"))
	f.Var(age{&c.KeepHistory}, "keep-history", p.say("how long the history of the readings is kept, as 5y or 90d (0: for ever)",
		"cuánto tiempo se guarda el historial de las lecturas, como 5y (años) o 90d (0: siempre)"))
	f.Var(size{&c.HistorySize}, "keep-history-size", p.say("how much of the disk the history may take, as 20GB (0: a fifth of it); the oldest goes first",
		"cuánto disco puede ocupar el historial, como 20GB (0: la quinta parte); lo más viejo se va primero"))
	f.StringVar(&c.RemoteWrite, "remote-write", "", p.say("send all readings on to a Prometheus-compatible store, as http://HOST:9090/api/v1/write (with a password in it better in the variable VAIVEN_REMOTE_WRITE)",
		"envía además todas las lecturas a un almacén compatible con Prometheus, como http://HOST:9090/api/v1/write (si lleva contraseña, mejor en la variable VAIVEN_REMOTE_WRITE)"))
	f.Uint64Var(&c.Readings, "readings", c.Readings, p.say("end a board's session after so many readings (0: no limit)",
		"termina la sesión de una placa después de tantas lecturas (0: sin límite)"))
	f.DurationVar(&c.For, "for", c.For, p.say("end a board's session so long after its first connection, as 3m (0: no limit)",
		"termina la sesión de una placa tanto tiempo después de su primera conexión, como 3m (0: sin límite)"))
	f.Float64Var(&c.Rate, "session-rate", 10, p.say("readings a second of a board that its session counts; what comes faster is stored (0: any number)",
		"lecturas por segundo de una placa que su sesión cuenta; lo que llega más rápido se guarda (0: sin límite)"))
	f.IntVar(&c.Simulate, "simulate", 0, p.say("also run so many simulated boards", "además, simula tantas placas"))
	f.DurationVar(&c.Interval, "interval", c.Interval, p.say("time between readings: of a simulated board, and that the summary expects", "tiempo entre lecturas: de una placa simulada, y el que espera el resumen"))
	f.StringVar(&c.Roster, "roster", "", p.say("CSV file id,name: who has which board", "archivo CSV id,nombre: de quién es cada placa"))
	f.StringVar(&c.UI, "ui", "plain", p.say("terminal: plain lines, or tui (full screen)", "terminal: líneas (plain) o pantalla completa (tui)"))
	f.BoolVar(&c.JSON, "json", false, p.say("one JSON object per event on stdout", "un objeto JSON por evento en la salida estándar"))
	f.Var(prefixes{&c.TrustedProxy}, "trusted-proxy", p.say("addresses of proxies whose X-Forwarded-For is believed, as 10.0.0.0/8",
		"direcciones de proxies a los que se cree X-Forwarded-For, como 10.0.0.0/8"))
	f.IntVar(&c.MaxMessage, "max-message", 64<<10, p.say("largest message, in bytes", "mensaje más grande, en bytes"))
	f.IntVar(&c.MaxDevices, "max-devices", 256, p.say("devices that one connection may speak for", "dispositivos por conexión"))
	f.IntVar(&c.MaxUnproven, "max-unproven", 8, p.say("of them without a token, unless one is approved as a concentrator", "de ellos sin token, salvo que uno esté aprobado como concentrador"))
	f.IntVar(&c.MaxPerAddress, "max-per-address", 1000, p.say("connections from one address", "conexiones desde una dirección"))
	f.IntVar(&c.MaxUnverified, "max-unverified", 2000, p.say("devices that are taken in without anybody's approval", "dispositivos que se admiten sin que nadie los apruebe"))
	c.MaxDay, c.MaxRate = 256<<20, 256<<10
	f.Var(size{&c.MaxDay}, "max-day", p.say("how much a board may send in a day, as 1GB; eight times as much from one address (0: any)", "cuánto puede enviar una placa en un día, como 1GB; desde una dirección, ocho veces más (0: sin límite)"))
	f.Var(size{&c.MaxRate}, "max-rate", p.say("bytes a second of one connection, as 1MB; what comes faster is read later (0: any)", "bytes por segundo de una conexión, como 1MB; lo que llega más rápido se lee más tarde (0: sin límite)"))
	f.StringSliceVar(&c.State, "state", nil, p.say("name of a state beside LED, as RELAY", "nombre de un estado además de LED, como RELAY"))
	f.Var(bindings{&c.Button, form}, "button", p.say("push button: line of this computer, board and state, as GPIO17=101:LED (several: repeat it)",
		"pulsador: línea de este equipo, placa y estado, como GPIO17=101:LED (varios: repítela)"))
	f.Var(bindings{&c.Indicator, form}, "indicator", p.say("LED of this computer that shows a board's state, as GPIO27=101:LED (several: repeat it)",
		"LED de este equipo que muestra el estado de una placa, como GPIO27=101:LED (varios: repítela)"))
	f.StringSliceVar(&c.LEDText, "led-text", nil, p.say("send these two words for on and off instead of JSON, as ON,OFF, to boards that say no HELLO",
		"envía estas dos palabras para encendido y apagado en vez de JSON, como ON,OFF, a placas que no dicen HELLO"))
	p.accessFlags(f, c)
	f.StringVar(&c.NATS, "nats", "", p.say("external NATS, as nats://HOST:4222 (default: the embedded one)",
		"NATS externo, como nats://HOST:4222 (por defecto, el incluido)"))
	f.IntVar(&c.Replicas, "replicas", 1, p.say("copies of the log on an external cluster", "copias del registro en un clúster externo"))
	f.DurationVar(&c.CommitEvery, "commit-every", c.CommitEvery, p.say("write readings to disk so often, together, and acknowledge them then (0: each at once)",
		"escribe las lecturas en disco cada tanto, juntas, y las confirma entonces (0: cada una al instante)"))
	f.DurationVar(&c.TrimGrace, "trim-grace", 0, p.say("how long a gateway that begins on an external log may take", "cuánto puede tardar en empezar un gateway con un registro externo"))
	_ = f.MarkHidden("trim-grace")
	f.StringVar(&c.CPUProfile, "cpuprofile", "", p.say("write a CPU profile of the run to this file", "escribe un perfil de CPU en este archivo"))
	_ = f.MarkHidden("cpuprofile")
	f.String("config", "", p.say("TOML file with any of these options", "archivo TOML con cualquiera de estas opciones"))
}

// fill completes the flags that the command line did not set from the
// environment and the TOML file.
func (p *program) fill(cmd *cobra.Command) error {
	k := koanf.New(".")
	flags := cmd.Flags()
	path, _ := flags.GetString("config")
	if path == "" {
		path = p.getenv(envPrefix + "CONFIG")
	}
	if path != "" {
		if err := p.loadFile(k, path, flags); err != nil {
			return err
		}
	}
	environ := env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: p.environ(flags),
		TransformFunc: func(name, v string) (string, any) {
			return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "_", "-"), v
		},
	})
	if err := k.Load(environ, nil); err != nil {
		return err
	}
	if !flags.Changed("lang") && k.Exists("lang") && p.getenv(envPrefix+"LANG") == "" {
		l, err := console.ChooseLang(k.String("lang"), p.getenv)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		p.lang = l
	}
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || !k.Exists(f.Name) || failed != nil {
			return
		}
		for i, v := range values(k, f.Name) {
			if s, ok := f.Value.(pflag.SliceValue); ok && i == 0 {
				_ = s.Replace(nil)
			}
			if err := flags.Set(f.Name, v); err != nil {
				failed = usageError{p.flagError(err)}
			}
			p.noteFilled(f.Name)
		}
	})
	return failed
}

func (p *program) noteFilled(flag string) {
	if p.filled == nil {
		p.filled = map[string]bool{}
	}
	p.filled[flag] = true
}

// values returns what the file or the environment says of a key, as the words
// that a command line would have.
func values(k *koanf.Koanf, name string) []string {
	if list, ok := k.Get(name).([]any); ok {
		out := make([]string, len(list))
		for i, v := range list {
			out[i] = fmt.Sprint(v)
		}
		return out
	}
	return []string{fmt.Sprint(k.Get(name))}
}

func (p *program) loadFile(k *koanf.Koanf, path string, flags *pflag.FlagSet) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	if err := k.Load(file.Provider(path), toml.Parser()); err != nil {
		return hinted(fmt.Errorf("%s: %w", path, err), p.say(
			`the file is TOML: lines like  listen = [":8080"]  and  csv-zone = "America/Bogota"`,
			`el archivo es TOML: líneas como  listen = [":8080"]  y  csv-zone = "America/Bogota"`))
	}
	for _, key := range k.Keys() {
		if flags.Lookup(key) == nil || key == "config" || key == "help" {
			return hinted(fmt.Errorf(p.say("%s: unknown option %q", "%s: opción desconocida %q"), path, key), p.say(
				"the keys are the names of the flags in `vaiven serve --help`, without the dashes in front",
				"las claves son los nombres de las opciones de `vaiven serve --help`, sin los guiones del principio"))
		}
	}
	return nil
}

// environ returns the variables that are flags of this command; others of the
// prefix belong to other commands.
func (p *program) environ(flags *pflag.FlagSet) func() []string {
	return func() []string {
		var out []string
		flags.VisitAll(func(f *pflag.Flag) {
			name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			if v := p.getenv(name); v != "" && f.Name != "config" && f.Name != "help" {
				out = append(out, name+"="+v)
			}
		})
		return out
	}
}

// maxCommitEvery is the longest that a board is kept waiting on purpose: well below
// what makes one connect anew.
const maxCommitEvery = 5 * time.Second

// check refuses what no later part could explain as well.
func (p *program) check(c *config) error {
	switch {
	case c.UI != "plain" && c.UI != "tui":
		return usageError{fmt.Errorf(p.say("--ui %q: want plain or tui", "--ui %q: debe ser plain o tui"), c.UI)}
	case c.Simulate < 0 || c.Simulate > 5000:
		return usageError{fmt.Errorf(p.say("--simulate %d: want 0 to 5000", "--simulate %d: debe ser de 0 a 5000"), c.Simulate)}
	case c.MaxMessage < 256 || c.MaxMessage > 64<<20:
		return usageError{fmt.Errorf(p.say("--max-message %d: want 256 to 67108864", "--max-message %d: debe ser de 256 a 67108864"), c.MaxMessage)}
	case !(c.Rate >= 0 && c.Rate <= 1e6):
		return usageError{fmt.Errorf(p.say("--session-rate %v: want 0 to 1000000", "--session-rate %v: debe ser de 0 a 1000000"), c.Rate)}
	case c.MaxDevices < 1 || c.MaxUnproven < 1 || c.MaxPerAddress < 1 || c.MaxUnverified < 1 || c.Replicas < 1:
		return usageError{errors.New(p.say("a limit must be at least 1", "un límite debe ser al menos 1"))}
	case c.CommitEvery < 0 || c.CommitEvery > maxCommitEvery:
		return usageError{fmt.Errorf(p.say("--commit-every %v: want 0 to %v", "--commit-every %v: debe ser de 0 a %v"), c.CommitEvery, maxCommitEvery)}
	case c.ForgetAfter != 0 && c.ForgetAfter < server.ShortestForget:
		return usageError{fmt.Errorf(p.say("--forget-after %s: want %s at least, or 0 for never", "--forget-after %s: debe ser al menos %s, o 0 para nunca"),
			vaiven.FormatAge(c.ForgetAfter), vaiven.FormatAge(server.ShortestForget))}
	case c.For < 0 || c.Interval < 0 || c.Patience < 0:
		return usageError{fmt.Errorf("%s", p.say("a duration is negative", "una duración es negativa"))}
	}
	if _, err := time.LoadLocation(c.CSVZone); err != nil && c.CSVZone != csvfile.Recorded {
		return hinted(usageError{fmt.Errorf(p.say("--csv-zone: no time zone is called %q", "--csv-zone: ninguna zona horaria se llama %q"), c.CSVZone)},
			p.say("zones have names as America/Bogota or Europe/Madrid", "las zonas tienen nombres como America/Bogota o Europe/Madrid"))
	}
	if c.CSVDigits != "" && c.digits() == 0 {
		return usageError{fmt.Errorf(p.say("--csv-digits %q: want 3 or exact", "--csv-digits %q: debe ser 3 o exact"), c.CSVDigits)}
	}
	if c.CSVDialect != "" && c.CSVDialect != csvfile.ExcelES {
		return usageError{fmt.Errorf(p.say("--csv-dialect %q: there is only excel-es", "--csv-dialect %q: solo hay excel-es"), c.CSVDialect)}
	}
	if err := p.checkAccess(c); err != nil {
		return err
	}
	if err := errors.Join(p.checkRotate(c), p.checkKeep(c)); err != nil {
		return err
	}
	if _, err := remotewrite.ParseURL(c.RemoteWrite); err != nil && c.RemoteWrite != "" {
		return hinted(usageError{errors.New(p.say("--remote-write is no address of a store", "--remote-write no es la dirección de un almacén"))},
			p.say("want it as http://HOST:9090/api/v1/write", "debe ser como http://HOST:9090/api/v1/write"))
	}
	for i, s := range c.CSVColumns {
		c.CSVColumns[i] = strings.ToUpper(s)
		if !vaiven.ValidName(c.CSVColumns[i]) {
			return usageError{fmt.Errorf(p.say("--csv-columns: %q is no name of a measurement", "--csv-columns: %q no puede ser el nombre de una medida"), s)}
		}
	}
	for i, s := range c.State {
		c.State[i] = strings.ToUpper(s)
		if !vaiven.ValidName(c.State[i]) {
			return usageError{fmt.Errorf(p.say("--state: %q is no name of a state", "--state: %q no puede ser el nombre de un estado"), s)}
		}
	}
	if err := errors.Join(p.checkAddresses("listen", c.Listen), p.checkTLS(c)); err != nil {
		return err
	}
	if err := p.checkPanel(c); err != nil {
		return err
	}
	if _, err := os.Stat(c.Roster); c.Roster != "" && err != nil {
		return fmt.Errorf("--roster: %w", err)
	}
	return nil
}

// digits is csvfile.Options.Digits.
func (c *config) digits() int {
	switch c.CSVDigits {
	case "3":
		return csvfile.ThreeFigures
	case "exact", "0":
		return csvfile.Exact
	}
	return 0
}

// envNoSync switches fsync off. It exists for the control of the power-cut
// test, which must lose readings to show that the test can see a loss.
const envNoSync = "VAIVEN_UNSAFE_NO_SYNC"

// serverOptions are the server that c describes. It tells a person what there is to
// tell in this program's terminal.
func (p *program) serverOptions(c *config) server.Options {
	o := server.Options{
		Listen: c.Listen, TLSListen: c.TLSListen, TLSIfFree: c.tlsIfFree, TLSDir: c.tlsDir, TLSCert: c.TLSCert, TLSKey: c.TLSKey,
		Domain: c.Domain, ACMEServer: c.ACMEServer, ACMERoot: c.ACMERoot,
		Data: c.Data, CSV: c.CSV, CSVColumns: c.CSVColumns, CSVDigits: c.digits(), CSVDialect: c.CSVDialect, CSVZone: c.CSVZone, CSVRotate: c.CSVRotate,
		NoHistory: c.NoHistory, KeepHistory: c.KeepHistory, HistorySize: c.HistorySize,
		KeepLog: c.KeepLog, KeepLogSize: c.KeepLogSize, TrimGrace: c.TrimGrace,
		ForgetAfter: c.ForgetAfter,
		RemoteWrite: c.RemoteWrite,
		Readings:    c.Readings, For: c.For, Rate: c.Rate, Interval: c.Interval,
		MaxMessage: c.MaxMessage, MaxDevices: c.MaxDevices, MaxUnproven: c.MaxUnproven, MaxPerAddress: c.MaxPerAddress, MaxConnections: maxConnections(),
		TrustedProxies: c.TrustedProxy,
		MaxUnverified:  c.MaxUnverified + c.Simulate, MaxDay: cmp.Or(c.MaxDay, -1), MaxRate: cmp.Or(c.MaxRate, -1),
		States: c.State, Buttons: c.Button, Indicators: c.Indicator,
		Class: c.Open, PublicView: c.PublicView, CORS: c.CORS, Hosts: c.Host, Waiting: p.announceWaiting,
		APIToken: c.APIToken, Version: versionText(),
		NATS: c.NATS, Replicas: c.Replicas, CommitEvery: c.CommitEvery, NoSync: p.getenv(envNoSync) == "1",
		Lang: p.lang, Notify: p.notice, Logger: p.logger(),
		Verified: func(line string) { fmt.Fprintf(p.stderr().W, "  ✓ %s\n", line) },
		Sketch: func(host, port string) []string {
			lines := console.SketchLines(host, port, "101")
			return lines[:]
		},
	}
	copy(o.LEDText[:], c.LEDText)
	return o
}
