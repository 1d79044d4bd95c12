//go:build linux

package pivm

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// guestPort is the port inside the machine that VM.Addr leads to.
const guestPort = 8080

// Deadlines of one step. Software emulation on a loaded machine is slow: they
// say that something hangs, not how fast it should be.
const (
	bootTimeout    = 5 * time.Minute
	commandTimeout = 5 * time.Minute
)

// Options say what a machine boots with.
type Options struct {
	Disk  string            // an image made by NewDisk; mounted on /disk
	Files map[string]string // path in the machine: executable file on the host
	Port  int               // port on 127.0.0.1 that leads to port 8080 inside
	GPIO  map[int]string    // names of lines of the GPIO chip; VM.Pins are wired if there are any
}

// VM is a running machine.
type VM struct {
	Addr string // 127.0.0.1:PORT, which leads to port 8080 inside
	Pins *Pins  // of the GPIO chip, nil without Options.GPIO

	t       testing.TB
	dir     string
	qemu    *exec.Cmd
	console net.Conn
	lines   *bufio.Reader
	cut     sync.Once
	gone    chan struct{} // closed when the process is over
}

// Prepare downloads and builds what every machine boots from. The first call on
// a computer needs Debian's archive.
func Prepare(t testing.TB) {
	t.Helper()
	out, err := exec.Command(filepath.Join(here(), "prepare")).CombinedOutput()
	if err != nil {
		t.Fatalf("test/pi-vm/prepare: %v\n%s", err, out)
	}
}

// NewDisk makes an empty ext4 image of the given size in MiB and returns its path.
func NewDisk(t testing.TB, mib int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(int64(mib)<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs(), "-F", "-q", path).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
	return path
}

// Boot starts a machine and waits until it takes commands. The test's end cuts it.
func Boot(t testing.TB, o Options) *VM {
	t.Helper()
	v := &VM{
		Addr: "127.0.0.1:" + strconv.Itoa(o.Port),
		t:    t, dir: t.TempDir(), gone: make(chan struct{}),
	}
	initrd := v.initramfs(o.Files)
	v.start(o, initrd)
	t.Cleanup(v.Cut)
	v.console = v.dial("console")
	v.lines = bufio.NewReader(v.console)
	if len(o.GPIO) > 0 {
		v.wire()
	}
	for {
		line := v.read(time.Now().Add(bootTimeout))
		if strings.HasPrefix(line, "BOOTED without disk") {
			t.Fatal("the machine could not mount its disk")
		}
		if strings.HasSuffix(line, "BOOTED") {
			return v
		}
	}
}

// initramfs appends files to the prepared archive: the kernel unpacks one after
// the other.
func (v *VM) initramfs(files map[string]string) string {
	root := filepath.Join(v.dir, "files")
	for guest, host := range files {
		to := filepath.Join(root, guest)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			v.t.Fatal(err)
		}
		data, err := os.ReadFile(host)
		if err != nil {
			v.t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o755); err != nil {
			v.t.Fatal(err)
		}
	}
	path := filepath.Join(v.dir, "initramfs")
	script := `cat "$1" > "$3" && cd "$2" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet >> "$3"`
	base := filepath.Join(here(), ".work", "base.cpio")
	if out, err := exec.Command("sh", "-ec", script, "sh", base, root, path).CombinedOutput(); err != nil {
		v.t.Fatalf("initramfs: %v\n%s", err, out)
	}
	return path
}

// start runs QEMU. The disk is raw and cached by the host (cache=writeback): the
// guest sees a disk with a volatile cache, sends flushes, and QEMU keeps nothing
// of it in its own memory.
func (v *VM) start(o Options, initrd string) {
	args := append(hardware(), "-accel", "tcg,thread=multi", "-no-user-config", "-no-reboot",
		"-kernel", filepath.Join(here(), ".work", "Image"), "-initrd", initrd,
		"-append", "console=ttyAMA0 quiet panic=-1",
		"-serial", "file:"+filepath.Join(v.dir, "console.log"),
		// A port and not a console: QEMU drops what a console writes faster than it is
		// read, and makes a port wait.
		"-device", "virtio-serial-device", "-device", "virtserialport,chardev=c,nr=1",
		"-chardev", "socket,id=c,server=on,wait=off,path="+v.socket("console"),
		"-drive", "if=none,id=d,format=raw,cache=writeback,file="+o.Disk, "-device", "virtio-blk-device,drive=d",
		"-netdev", fmt.Sprintf("user,id=n,restrict=on,hostfwd=tcp:%s-10.0.2.15:%d", v.Addr, guestPort),
		"-device", "virtio-net-device,netdev=n")
	if len(o.GPIO) > 0 {
		args = append(args, "-dtb", v.deviceTree(o.GPIO), "-qtest-log", "none",
			"-qtest", "unix:"+v.socket("qtest")+",server=on,wait=off", "-qmp", "unix:"+v.socket("qmp")+",server=on,wait=off")
	}
	v.qemu = exec.Command("qemu-system-aarch64", args...)
	v.qemu.Stderr = os.Stderr
	v.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := v.qemu.Start(); err != nil {
		v.t.Fatalf("%v (make test installs Debian's qemu-system-arm)", err)
	}
	go func() {
		defer close(v.gone)
		_ = v.qemu.Wait() // a cut machine ends with an error: expected
	}()
}

// hardware are the options that decide which hardware there is.
func hardware() []string {
	return []string{"-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none"}
}

// socket is where QEMU listens; a socket's path is limited to 107 bytes, which a
// test's folder may exceed.
func (v *VM) socket(name string) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("pivm-%d-%s-%s.sock", os.Getpid(), filepath.Base(v.dir), name))
}

func (v *VM) read(deadline time.Time) string {
	v.t.Helper()
	_ = v.console.SetReadDeadline(deadline)
	line, err := v.lines.ReadString('\n')
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(v.dir, "console.log"))
		v.t.Fatalf("the machine gave no answer: %v\n%s", err, log)
	}
	return strings.TrimRight(line, "\r\n")
}

// Try runs a line of shell inside and returns what it printed and its exit code.
func (v *VM) Try(line string) (out string, code int) {
	v.t.Helper()
	deadline := time.Now().Add(commandTimeout)
	_ = v.console.SetWriteDeadline(deadline)
	if _, err := fmt.Fprintln(v.console, line); err != nil {
		v.t.Fatalf("the machine takes no command: %v", err)
	}
	var b strings.Builder
	for {
		s := v.read(deadline)
		if rest, ok := strings.CutPrefix(s, "= "); ok {
			code, err := strconv.Atoi(rest)
			if err != nil {
				v.t.Fatalf("the machine answered %q", s)
			}
			return b.String(), code
		}
		b.WriteString(strings.TrimPrefix(s, "| ") + "\n")
	}
}

// Run is Try for a command that must succeed.
func (v *VM) Run(line string) string {
	v.t.Helper()
	out, code := v.Try(line)
	if code != 0 {
		v.t.Fatalf("in the machine: %s\nexit %d\n%s", line, code, out)
	}
	return out
}

// transfers is how often ReadFile tries.
const transfers = 3

// ReadFile returns what a file inside holds. It comes with its SHA-256, taken
// inside: a transfer that went wrong is tried again, and is in the end told apart
// from a file that is wrong.
func (v *VM) ReadFile(path string) []byte {
	v.t.Helper()
	var data []byte
	var want string
	for range transfers {
		want, _, _ = strings.Cut(v.Run("sha256sum "+path), " ")
		text := v.Run("base64 " + path)
		var err error
		data, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); err == nil && got == want {
			return data
		}
		v.t.Logf("%s did not come whole out of the machine: %d bytes (%v)", path, len(data), err)
	}
	v.t.Fatalf("the way out of the machine is broken, not the file: %s, whose SHA-256 is %s inside", path, want)
	return nil
}

// Cut pulls the plug: SIGKILL to QEMU. Safe twice; it waits.
func (v *VM) Cut() {
	v.cut.Do(func() {
		_ = v.qemu.Process.Kill() // fails only when it is over already
		<-v.gone
		if v.console != nil {
			_ = v.console.Close()
		}
	})
}

// here is this package's folder: suites stand in test/NAME beside it, and tests
// run in their package's folder.
func here() string {
	dir, err := filepath.Abs(filepath.Join("..", "pi-vm"))
	if err != nil {
		panic(err) // there is no current folder: nothing could run
	}
	return dir
}

// mkfs finds mkfs.ext4 for users whose PATH has no sbin.
func mkfs() string {
	if p, err := exec.LookPath("mkfs.ext4"); err == nil {
		return p
	}
	return "/usr/sbin/mkfs.ext4"
}
