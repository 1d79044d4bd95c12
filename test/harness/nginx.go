//go:build linux

package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// nginxPlain is nginx with nothing but proxy_pass, and nginxHeaders what its own
// documentation adds for WebSocket, and a Host with its port; every file is in one folder.
const (
	nginxPlain   = ""
	nginxHeaders = `
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection "upgrade";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_read_timeout 75s;`
)

const nginxConfig = `daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;%[4]s
		}
	}
}
`

// Nginx runs Debian's nginx in front of addr and returns its address. Without headers it
// is nothing but proxy_pass, which hands on no WebSocket, and tells nobody who asked.
func Nginx(t *testing.T, addr string, headers bool) string {
	t.Helper()
	dir := t.TempDir()
	front := fmt.Sprintf("127.0.0.1:%d", Port(t))
	settings := nginxPlain
	if headers {
		settings = nginxHeaders
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConfig, dir, front, addr, settings), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/nginx", "-p", dir, "-c", conf)
	out := &Output{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // it is killed at the test's end
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		if t.Failed() {
			t.Logf("nginx: %s", out)
		}
	})
	Until(t, 4*time.Minute, "nginx listens", func() bool {
		c, err := net.Dial("tcp", front)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return front
}
