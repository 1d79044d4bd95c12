//go:build !unix

package ws

import "errors"

// canPark: this system has no such call, every connection takes the portable
// loop, and the functions below are never reached.
const canPark = false

func sysRead(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

func sysWrite(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
