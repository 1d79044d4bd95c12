// Package course runs the sketches of the course as a class does: the lab and the
// workshop, against vaiven and against the course's own server in Python. What
// the CSV holds is compared with what the board printed.
//
// The tests need Debian's g++, libssl-dev and python3-websockets.
package course
