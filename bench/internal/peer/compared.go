package peer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"vaiven/bench/internal/board"
)

// python is Debian's own interpreter: its package python3-websockets belongs to
// no other.
const python = "/usr/bin/python3"

const install = "; scripts/deps bench installs what is missing"

// Raw is the echo server called kind of this program itself, started again
// with the subcommand echo.
func Raw(kind, title string) *Peer {
	return &Peer{
		Key:   kind,
		Title: title,
		Version: func(context.Context) (string, error) {
			return runtime.Version(), nil
		},
		Command: func(addr, _ string) (*exec.Cmd, error) {
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			return exec.Command(self, "echo", kind, addr), nil
		},
		Board: board.NewRaw,
	}
}

// Mosquitto is the MQTT broker of the Debian package: QoS 1, nobody
// subscribed, nothing stored.
func Mosquitto() *Peer {
	return &Peer{
		Key:   "mosquitto",
		Title: "Mosquitto, MQTT over TCP, QoS 1, no subscriber, nothing stored",
		Version: func(ctx context.Context) (string, error) {
			out, err := exec.CommandContext(ctx, mosquitto(), "-h").Output()
			line, _, _ := strings.Cut(string(out), "\n")
			if line == "" { // -h ends with 3
				return "", fmt.Errorf("mosquitto: %w%s", err, install)
			}
			return strings.TrimSpace(line), nil
		},
		Command: func(addr, dir string) (*exec.Cmd, error) {
			conf := dir + ".conf"
			err := os.WriteFile(conf, []byte(mosquittoConf(addr)), 0o644)
			return exec.Command(mosquitto(), "-c", conf), err
		},
		Board: board.NewMQTT,
	}
}

// mosquitto finds the program also where PATH has no sbin.
func mosquitto() string {
	if path, err := exec.LookPath("mosquitto"); err == nil {
		return path
	}
	return "/usr/sbin/mosquitto"
}

// mosquittoConf takes away what would only slow it down here: its log, its
// statistics, its limits of messages in flight. "user root" keeps it from
// changing to a user that may not exist; it has no effect for anybody else.
func mosquittoConf(addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	return "listener " + port + " " + host + `
allow_anonymous true
user root
persistence false
log_dest none
sys_interval 0
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 0
`
}

// Course is the server of the course, in Python: program is its servidor.py, and
// script, a few lines that start it without its limits and let it answer.
func Course(program, script string) *Peer {
	return &Peer{
		Key:   "course",
		Title: "the course's server: Python, websockets, json, csv flushed, no fsync",
		Version: func(ctx context.Context) (string, error) {
			out, err := exec.CommandContext(ctx, python, "-c",
				"import platform, websockets; print('Python', platform.python_version() + ', websockets', websockets.__version__)").Output()
			if err != nil {
				return "", fmt.Errorf("%s with websockets: %w%s", python, err, install)
			}
			return strings.TrimSpace(string(out)), nil
		},
		Command: func(addr, dir string) (*exec.Cmd, error) {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, err
			}
			_, port, _ := strings.Cut(addr, ":")
			return exec.Command(python, "-c", script, program, port, filepath.Join(dir, "readings.csv")), nil
		},
		Board: board.NewWebSocket,
		CSV:   "readings.csv",
	}
}

const verifyTime = 2 * time.Minute

// Token is shown by whoever asks vaiven to change something.
const Token = "a bench changes states"

// Vaiven is the program under test; args are added to its flags.
func Vaiven(program string, args []string) *Peer {
	return &Peer{
		Key:   "vaiven",
		Title: "vaiven: WebSocket, validated, fsync before each ack, CSV and registry on",
		Version: func(ctx context.Context) (string, error) {
			out, err := exec.CommandContext(ctx, program, "version").Output()
			if errors.Is(err, os.ErrNotExist) {
				return "", fmt.Errorf("%w; build it with make, or leave it out with -only", err)
			}
			return strings.TrimSpace(string(out)), err
		},
		Command: func(addr, dir string) (*exec.Cmd, error) {
			all := append([]string{"serve", "--open", "--listen", addr, "--data", dir, "--lang", "en", "--commit-every", "0",
				"--max-unverified", "1000000", "--max-day", "0", "--max-rate", "0"}, args...) // one machine stands for many
			cmd := exec.Command(program, all...)
			cmd.Env = append(os.Environ(), "VAIVEN_API_TOKEN="+Token)
			return cmd, nil
		},
		Board:   board.NewVaiven,
		CSV:     "readings.csv",
		WayBack: true,
		Verify: func(ctx context.Context, dir string) (string, error) {
			ctx, cancel := context.WithTimeout(ctx, verifyTime)
			defer cancel()
			out, err := exec.CommandContext(ctx, program, "verify", "--data", dir).CombinedOutput()
			said := strings.TrimSpace(string(out))
			if err != nil {
				return "", fmt.Errorf("vaiven verify --data %s: %w: %s", strconv.Quote(dir), err, said)
			}
			return said, nil
		},
	}
}
