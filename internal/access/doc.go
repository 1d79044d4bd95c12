// Package access owns who may do what: which boards were let in, which tokens were
// given out, who is administrator, who waits. What it decides by is records of the log
// ([Book] is a view of it), so that every node of a cluster decides alike and a restart
// forgets nothing; what belongs to one process alone are the boards that wait, how often
// an address tried in vain, and the token of the commands on the same machine
// ([Control]).
//
// It does not own HTTP, cookies or the device protocol: the web room and the gateway ask
// it through small interfaces of theirs, and enforce what it says. A token's text is
// known to whoever was given it, once; what is kept is its SHA-256.
//
// All methods may be called from any goroutine; those with a context write to the log,
// and return once every view has applied that. Nothing else waits. Tables that
// strangers can fill are bounded, and said to be so where they stand.
package access
