// Package leaks fails the tests of a package that leave goroutines behind.
package leaks

import (
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end behind the last test. goleak gives them
// half a second, within which a busy machine may not have let one run that was told to end.
const patience = time.Minute

// VerifyMain is a TestMain: it runs the tests, and fails when goroutines that they started
// do not end.
func VerifyMain(m goleak.TestingM) { goleak.VerifyTestMain(patient{m}) }

// patient is an M whose Run returns when the goroutines have ended, or will not.
type patient struct{ goleak.TestingM }

func (p patient) Run() int {
	code := p.TestingM.Run()
	for end := time.Now().Add(patience); code == 0 && goleak.Find() != nil && time.Now().Before(end); {
		continue // Find has waited
	}
	return code
}
