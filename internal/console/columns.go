package console

import "vaiven"

// Bounds of what columns remembers.
const (
	maxIDWidth    = 20
	maxNameWidth  = 20
	maxNumWidth   = 10
	maxValueNames = 64
)

// columns keeps lines aligned on a terminal: every column is as wide as the
// widest cell seen so far. Without align it adds no space at all.
type columns struct {
	align     bool
	idWidth   int
	nameWidth int
	numbers   map[string]int // per measurement
}

func newColumns(align bool, roster Roster) *columns {
	c := &columns{align: align}
	if !align {
		return c
	}
	c.idWidth = 3
	c.numbers = map[string]int{"TEMP": 4, "HUM": 2}
	for _, name := range roster {
		c.title(name)
	}
	return c
}

// title makes room for a device's name.
func (c *columns) title(name string) {
	if c.align {
		c.nameWidth = max(c.nameWidth, min(width(name), maxNameWidth))
	}
}

// device returns the spaces to put behind the id.
func (c *columns) device(id string) int {
	if !c.align {
		return 0
	}
	c.idWidth = max(c.idWidth, min(len(id), maxIDWidth))
	return c.idWidth - len(id)
}

// number returns the spaces to put before a number of n characters.
func (c *columns) number(name string, n int) int {
	w, known := c.numbers[name]
	if !c.align || !known && len(c.numbers) >= maxValueNames {
		return 0
	}
	if n > w || !known {
		w = min(n, maxNumWidth)
		c.numbers[name] = w
	}
	return w - n
}

func (c *columns) appendValues(b []byte, color paint, values []vaiven.Value) []byte {
	var num [32]byte
	for i, v := range values {
		if i > 0 {
			b = append(b, "  "...)
		}
		b = color.append(b, sgrDim, v.Name)
		b = append(b, ' ')
		n := vaiven.AppendNumber(num[:0], v.Num)
		b = append(b, spaces(c.number(v.Name, len(n)))...)
		b = append(b, n...)
		if u := unit(v.Name); u != "" {
			b = append(b, ' ')
			b = color.append(b, sgrDim, u)
		}
	}
	return b
}
