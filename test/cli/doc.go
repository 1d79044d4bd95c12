// Package cli runs the real program from scripts (testdata/script), as a person
// types: its help, its refusals and what they advise, and its exit codes: 0 it
// worked, 1 it did not, 2 the command line was not understood.
package cli
