package transports

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// places are where Mosquitto is when PATH does not say so.
var places = []string{
	"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto",
	`C:\Program Files\mosquitto\mosquitto.exe`,
}

// findMosquitto returns the broker's program, "" when it is not installed.
func findMosquitto(asked string) (string, error) {
	if asked != "" {
		path, err := exec.LookPath(asked)
		if err != nil {
			return "", fmt.Errorf("--mosquitto: %w", err)
		}
		return path, nil
	}
	for _, p := range append([]string{"mosquitto"}, places...) {
		if path, err := exec.LookPath(p); err == nil {
			return path, nil
		}
	}
	return "", nil
}

// installing is how Mosquitto gets onto this system.
func installing(goos string) string {
	switch goos {
	case "linux":
		return "sudo apt install mosquitto"
	case "darwin":
		return "brew install mosquitto"
	}
	return "https://mosquitto.org/download"
}

// brokerCommand writes Mosquitto's configuration into dir. Nothing is stored,
// and nothing is said. Packets leave at once, as vaiven's do; "user root" keeps
// it from changing to a user that may not exist, and means nothing to anybody
// else.
func brokerCommand(program, addr, dir string) (*exec.Cmd, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "mosquitto.conf")
	text := "listener " + port + " " + host + "\nallow_anonymous true\npersistence false\nsys_interval 0\nset_tcp_nodelay true\nlog_type error\nlog_dest stderr\n"
	if runtime.GOOS != "windows" {
		text += "user root\n"
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return exec.Command(program, "-c", conf), nil
}
