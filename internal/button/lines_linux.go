package button

import (
	"errors"
	"os"
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
	c, offset, err := find(b.Line)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	path := device(c.Name)
	f, err := os.Open(path)
	if err != nil {
		return nil, explain(err, c, b.Line, offset)
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
	return nil, explain(err, c, b.Line, offset)
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
	c, offset, err := find(b.Line)
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
		return nil, explain(err, c, b.Line, offset)
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
