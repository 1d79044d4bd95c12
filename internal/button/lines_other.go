//go:build !linux

package button

import "time"

// systemLines are those of a system without GPIO lines.
func systemLines() lines { return noLines{} }

type noLines struct{}

func (noLines) Input(Binding, time.Duration) (input, error) { return nil, &problem{kind: otherOS} }
func (noLines) Output(Binding, bool) (output, error)        { return nil, &problem{kind: otherOS} }
