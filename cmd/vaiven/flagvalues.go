package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/button"
)

// age is a flag of a duration with days, weeks and years.
type age struct{ d *time.Duration }

func (v age) String() string {
	if v.d == nil {
		return ""
	}
	return vaiven.FormatAge(*v.d)
}

func (v age) Type() string { return "age" }

func (v age) Set(s string) (err error) {
	*v.d, err = vaiven.ParseAge(s)
	return err
}

// size is a flag of a number of bytes.
type size struct{ n *int64 }

func (v size) String() string {
	if v.n == nil {
		return ""
	}
	return strconv.FormatInt(*v.n, 10)
}

func (v size) Type() string { return "size" }

func (v size) Set(s string) (err error) {
	*v.n, err = vaiven.ParseSize(s)
	return err
}

// prefixes is a flag of CIDR prefixes; a single address is a prefix of itself.
type prefixes struct{ p *[]netip.Prefix }

func (v prefixes) String() string {
	if v.p == nil {
		return ""
	}
	var s []string
	for _, x := range *v.p {
		s = append(s, x.String())
	}
	return strings.Join(s, ",")
}

func (v prefixes) Type() string { return "CIDR" }

func (v prefixes) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		pre, err := netip.ParsePrefix(part)
		if err != nil {
			addr, aerr := netip.ParseAddr(part)
			if aerr != nil {
				return fmt.Errorf("%q: want an address or a prefix as 10.0.0.0/8", part)
			}
			pre = netip.PrefixFrom(addr, addr.BitLen())
		}
		*v.p = append(*v.p, pre.Masked())
	}
	return nil
}

// bindings is a flag of buttons or indicators, as GPIO17=101:LED.
type bindings struct {
	b    *[]button.Binding
	form string // how one is written, for the help
}

func (v bindings) String() string {
	if v.b == nil || len(*v.b) == 0 {
		return ""
	}
	s := ""
	for i, b := range *v.b {
		if i > 0 {
			s += " "
		}
		s += b.String()
	}
	return s
}

func (v bindings) Type() string { return v.form }

func (v bindings) Set(s string) error {
	for word := range strings.FieldsSeq(s) { // an environment variable holds several
		b, err := button.ParseBinding(word)
		if err != nil {
			return err
		}
		*v.b = append(*v.b, b)
	}
	return nil
}
