// Package faults damages the files of a stopped or killed server, one bit or
// one tail at a time, and starts it again. The damage must be healed, or be
// reported: no reading of the CSV may change or vanish, no IDdato may be used
// twice, and nothing may happen in silence.
package faults
