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

	"github.com/warthog618/go-gpiocdev"
)

// find opens the chip that has the line. Boards differ in which chip is behind
// their header, and a newer kernel may number the chips anew: so names are
// looked for on all of them. The error is a *problem.
func find(line string) (*gpiocdev.Chip, int, error) {
	all, denied := chips()
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
			if header(c) && offset < c.Lines() {
				return take(i, offset)
			}
		}
	}
	return nil, 0, notFound(line, "", all, denied)
}

// header reports whether a chip is the one behind a Raspberry Pi's header, whose
// lines older kernels call by their function (GPIO2 is SDA1).
func header(c *gpiocdev.Chip) bool {
	return strings.HasPrefix(c.Label, "pinctrl-bcm2") || c.Label == "pinctrl-rp1"
}

// notFound explains why no line was found. chip is the one that was named.
func notFound(line, chip string, all []*gpiocdev.Chip, denied []string) error {
	switch {
	case len(denied) > 0 && (chip == "" || slices.Contains(denied, chip)):
		return &problem{kind: noAccess, chip: device(denied[0]), group: group(device(denied[0]))}
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

// chips opens every chip, in the order of their numbers, and names those that
// may not be opened. Links to chips are left out: they would show each twice.
func chips() (all []*gpiocdev.Chip, denied []string) {
	for _, name := range gpiocdev.Chips() {
		if fi, err := os.Lstat(device(name)); err != nil || fi.Mode()&os.ModeCharDevice == 0 {
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

func device(chip string) string { return filepath.Join("/dev", chip) }

// group is the name of the group that may open a chip, "" when only root may.
func group(path string) string {
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

// explain turns the kernel's refusal of a line into a problem.
func explain(err error, c *gpiocdev.Chip, line string, offset int) error {
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
