// Package kill holds the kill test: boards that want no reading lost, sending
// at full speed, while their server is killed with kill -9 at random moments
// and started again on the same port and folder. Nothing that was acknowledged
// may be missing, nothing may be there twice, and `vaiven verify` must say ok
// after every cycle.
package kill
