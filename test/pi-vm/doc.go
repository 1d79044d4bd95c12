// Package pivm runs a Raspberry-Pi-like machine in QEMU for tests: Debian's
// arm64 kernel, a disk with ext4 that outlives the machine, one forwarded TCP
// port, a console that runs commands, and GPIO pins that are pressed and read
// electrically.
//
// It owns the machine's process and its files in .work; it knows nothing of
// what runs inside. A VM is used by one goroutine, except Cut, which any may
// call. A machine that gives no answer fails the test after a deadline.
//
// Cut is a power cut: what the guest had written but not made durable lives in
// the guest's page cache, and that is gone with the process; what it flushed
// has reached the image file, whose own cache is the host's and stays. So a
// reading that was acknowledged before its fsync can be lost here, as with a
// pulled plug, while kill -9 of a server on the host would keep it. What such a
// rig cannot show is a disk that lies about its own cache.
package pivm
