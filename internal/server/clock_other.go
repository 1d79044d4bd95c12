//go:build !linux

package server

// clockSynced cannot be asked here: desktops keep their clock.
func clockSynced() bool { return true }
