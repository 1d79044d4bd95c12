package button

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/warthog618/go-gpiocdev"
	"github.com/warthog618/go-gpiocdev/uapi"
)

// consumer is what others see as the user of our lines.
const consumer = "vaiven"

// systemLines are the kernel's.
func systemLines() lines { return kernelLines{} }

// kernelLines are lines of the kernel's character devices.
type kernelLines struct {
	old bool // use the first version of the interface, for tests
}

// Input requests a button's line. The kernel debounces where it can (since Linux
// 5.10); where not, edges come as they are. Bias is asked for where the chip
// knows it: a line without may have a resistor.
func (k kernelLines) Input(b Binding, debounce time.Duration) (input, error) {
	c, offset, err := openChip(b.Line)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	path := chipPath(c.Name)
	f, err := os.Open(path)
	if err != nil {
		return nil, lineProblem(err, c, b.Line, offset)
	}
	defer f.Close()
	var tries []func() (int32, error)
	low := b.activeLow(true)
	if !k.old {
		flags := uapi.LineFlagV2Input | uapi.LineFlagV2EdgeRising | uapi.LineFlagV2EdgeFalling | bias2(b, low)
		tries = append(tries,
			func() (int32, error) { return request2(f.Fd(), offset, flags, debounce) },
			func() (int32, error) { return request2(f.Fd(), offset, flags, 0) })
	}
	flags := uapi.HandleRequestInput | bias1(b, low)
	tries = append(tries,
		func() (int32, error) { return request1(f.Fd(), offset, flags) },
		func() (int32, error) { return request1(f.Fd(), offset, flags&^biasMask1) })
	for i, try := range tries {
		var fd int32
		if fd, err = try(); err == nil {
			second := !k.old && i < 2
			return newKernelInput(fd, second, second && i == 0)
		}
		if !unsupported(err) {
			break
		}
	}
	return nil, lineProblem(err, c, b.Line, offset)
}

// unsupported reports whether a request failed because this kernel or chip does
// not know a part of it.
func unsupported(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTTY) ||
		errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.Errno(524)) // 524: ENOTSUPP, the kernel's own
}

// bias2 are the level and the resistor of a button, which pulls the line to what
// is not pressed.
func bias2(b Binding, low bool) uapi.LineFlagV2 {
	switch {
	case low && b.NoPull:
		return uapi.LineFlagV2ActiveLow
	case low:
		return uapi.LineFlagV2ActiveLow | uapi.LineFlagV2BiasPullUp
	case b.NoPull:
		return 0
	}
	return uapi.LineFlagV2BiasPullDown
}

// biasMask1 are the flags that kernels before 5.5 refuse.
const biasMask1 = uapi.HandleRequestPullUp | uapi.HandleRequestPullDown

func bias1(b Binding, low bool) uapi.HandleFlag {
	switch {
	case low && b.NoPull:
		return uapi.HandleRequestActiveLow
	case low:
		return uapi.HandleRequestActiveLow | uapi.HandleRequestPullUp
	case b.NoPull:
		return 0
	}
	return uapi.HandleRequestPullDown
}

// request2 asks for edges by the second version of the interface.
func request2(chip uintptr, offset int, flags uapi.LineFlagV2, debounce time.Duration) (int32, error) {
	r := uapi.LineRequest{Lines: 1, Config: uapi.LineConfig{Flags: flags}}
	r.Offsets[0] = uint32(offset)
	copy(r.Consumer[:len(r.Consumer)-1], consumer)
	if debounce > 0 {
		r.Config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.DebouncePeriod(debounce).Encode(), Mask: 1})
	}
	err := uapi.GetLine(chip, &r)
	return r.Fd, err
}

// request1 asks for edges by the first one, which knows no debouncing.
func request1(chip uintptr, offset int, flags uapi.HandleFlag) (int32, error) {
	r := uapi.EventRequest{Offset: uint32(offset), HandleFlags: flags, EventFlags: uapi.EventRequestBothEdges}
	copy(r.Consumer[:len(r.Consumer)-1], consumer)
	err := uapi.GetLineEvent(chip, &r)
	return r.Fd, err
}

// Output requests an indicator's line, at once with what it has to show.
func (kernelLines) Output(b Binding, lit bool) (output, error) {
	c, offset, err := openChip(b.Line)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	options := []gpiocdev.LineReqOption{gpiocdev.WithConsumer(consumer), gpiocdev.AsOutput(bit(lit))}
	if b.activeLow(false) {
		options = append(options, gpiocdev.AsActiveLow)
	}
	l, err := c.RequestLine(offset, options...)
	if err != nil {
		return nil, lineProblem(err, c, b.Line, offset)
	}
	return kernelOutput{l}, nil
}

// kernelOutput is an indicator's line.
type kernelOutput struct{ line *gpiocdev.Line }

func (o kernelOutput) Set(lit bool) error { return lineGone(o.line.SetValue(bit(lit))) }

func (o kernelOutput) Check() error {
	_, err := o.line.Value()
	return lineGone(err)
}

func (o kernelOutput) Close() error { return o.line.Close() }

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

// kernelInput is a button's line. It is read here and not by the library's
// watcher, which would spin when the chip goes away: the file is in Go's poller,
// so a Wait costs nothing until an edge comes, and ends when it is closed.
type kernelInput struct {
	f         *os.File
	raw       syscall.RawConn
	second    bool // version of the interface
	debounced bool
}

func newKernelInput(fd int32, second, debounced bool) (input, error) {
	if err := syscall.SetNonblock(int(fd), true); err != nil { // only a file that does not block gets into the poller
		_ = syscall.Close(int(fd))
		return nil, err
	}
	l := &kernelInput{f: os.NewFile(uintptr(fd), "gpio line"), second: second, debounced: debounced}
	var err error
	if l.raw, err = l.f.SyscallConn(); err != nil {
		_ = l.f.Close()
		return nil, err
	}
	return l, nil
}

// Wait waits for an edge.
func (l *kernelInput) Wait(d time.Duration) (e edge, at time.Duration, err error) {
	if err := l.f.SetReadDeadline(time.Now().Add(d)); err != nil {
		return none, 0, err
	}
	var failed error
	err = l.raw.Read(func(fd uintptr) bool {
		e, at, failed = l.readEdge(fd)
		return !errors.Is(failed, syscall.EAGAIN)
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(failed, syscall.EINTR):
		return none, 0, nil
	case err != nil:
		return none, 0, err
	}
	return e, at, lineGone(failed)
}

func (l *kernelInput) readEdge(fd uintptr) (edge, time.Duration, error) {
	if l.second {
		e, err := uapi.ReadLineEvent(fd)
		if err != nil {
			return none, 0, err
		}
		return edgeOf(e.ID == uapi.LineEventRisingEdge), time.Duration(e.Timestamp), nil
	}
	e, err := uapi.ReadEvent(fd)
	if err != nil {
		return none, 0, err
	}
	return edgeOf(e.ID == uapi.EventRequestRisingEdge), time.Duration(e.Timestamp), nil
}

// edgeOf: rising is from inactive to active, whatever the voltage.
func edgeOf(rising bool) edge {
	if rising {
		return down
	}
	return up
}

// Pressed reads the line.
func (l *kernelInput) Pressed() (on bool, err error) {
	ctl := l.raw.Control(func(fd uintptr) {
		if l.second {
			v := uapi.LineValues{Mask: 1}
			err = uapi.GetLineValuesV2(fd, &v)
			on = v.Get(0) != 0
			return
		}
		var v uapi.HandleData
		err = uapi.GetLineValues(fd, &v)
		on = v[0] != 0
	})
	return on, errors.Join(ctl, lineGone(err))
}

// Debounced reports whether the kernel does it.
func (l *kernelInput) Debounced() bool { return l.debounced }

// Close gives the line back. Safe twice.
func (l *kernelInput) Close() error {
	if err := l.f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// lineGone names the error of a line whose chip is no more there.
func lineGone(err error) error {
	if errors.Is(err, syscall.ENODEV) {
		return errGone
	}
	return err
}

// openChip opens the chip that has the line. Boards differ in which chip is
// behind their header, and a newer kernel may number the chips anew: so names
// are looked for on all of them. The error is a *problem.
func openChip(line string) (*gpiocdev.Chip, int, error) {
	all, denied := openChips()
	defer func() {
		for _, c := range all {
			_ = c.Close() // what is returned has been taken out
		}
	}()
	take := func(i, offset int) (*gpiocdev.Chip, int, error) {
		c := all[i]
		all = slices.Delete(all, i, i+1)
		return c, offset, nil
	}
	if name, offset, ok := chipLine(line); ok {
		for i, c := range all {
			if c.Name != name {
				continue
			}
			if offset >= c.Lines() {
				return nil, 0, &problem{kind: tooHigh, line: line, chip: name, lines: c.Lines()}
			}
			return take(i, offset)
		}
		return nil, 0, notFound(line, name, all, denied)
	}
	for i, c := range all {
		for offset := range c.Lines() {
			if info, err := c.LineInfo(offset); err == nil && info.Name != "" && strings.EqualFold(info.Name, line) {
				return take(i, offset)
			}
		}
	}
	if offset, ok := headerLine(line); ok {
		for i, c := range all {
			if isHeaderChip(c) && offset < c.Lines() {
				return take(i, offset)
			}
		}
	}
	return nil, 0, notFound(line, "", all, denied)
}

// isHeaderChip reports whether a chip is the one behind a Raspberry Pi's
// header, whose lines older kernels call by their function (GPIO2 is SDA1).
func isHeaderChip(c *gpiocdev.Chip) bool {
	return strings.HasPrefix(c.Label, "pinctrl-bcm2") || c.Label == "pinctrl-rp1"
}

// notFound explains why no line was found. chip is the one that was named.
func notFound(line, chip string, all []*gpiocdev.Chip, denied []string) error {
	switch {
	case len(denied) > 0 && (chip == "" || slices.Contains(denied, chip)):
		return &problem{kind: noAccess, chip: chipPath(denied[0]), group: accessGroup(chipPath(denied[0]))}
	case len(all) == 0:
		return &problem{kind: noChip}
	case chip != "":
		p := &problem{kind: noSuchChip, line: line, chip: chip}
		for _, c := range all {
			p.names = append(p.names, c.Name)
		}
		return p
	}
	var names []string
	for _, c := range all {
		for offset := range c.Lines() {
			if info, err := c.LineInfo(offset); err == nil && info.Name != "" {
				names = append(names, info.Name)
			}
		}
	}
	return &problem{kind: unknown, line: line, names: near(line, names)}
}

// openChips opens every chip, in the order of their numbers, and names those
// that may not be opened. Links to chips are left out: they would show each
// twice.
func openChips() (all []*gpiocdev.Chip, denied []string) {
	for _, name := range gpiocdev.Chips() {
		if fi, err := os.Lstat(chipPath(name)); err != nil || fi.Mode()&os.ModeCharDevice == 0 {
			continue
		}
		c, err := gpiocdev.NewChip(name)
		switch {
		case err == nil:
			all = append(all, c)
		case errors.Is(err, os.ErrPermission):
			denied = append(denied, name)
		}
	}
	return all, denied
}

func chipPath(chip string) string { return filepath.Join("/dev", chip) }

// accessGroup is the name of the group that may open a chip, "" when only root
// may.
func accessGroup(path string) string {
	fi, err := os.Stat(path)
	if err != nil {
		return ""
	}
	s, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || s.Gid == 0 || fi.Mode().Perm()&0o060 == 0 {
		return ""
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(s.Gid)))
	if err != nil {
		return ""
	}
	return g.Name
}

// lineProblem turns the kernel's refusal of a line into a problem.
func lineProblem(err error, c *gpiocdev.Chip, line string, offset int) error {
	p := &problem{kind: failed, line: line, err: err}
	switch {
	case errors.Is(err, syscall.EBUSY):
		p.kind = inUse
		if info, err := c.LineInfo(offset); err == nil {
			p.by = info.Consumer
		}
	case errors.Is(err, syscall.ENXIO):
		p.kind = noEvents
	case errors.Is(err, syscall.ENODEV), errors.Is(err, os.ErrNotExist):
		p.kind = gone
	}
	return p
}
