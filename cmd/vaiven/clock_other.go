//go:build !linux

package main

// clockSynced cannot be asked here: desktops keep their clock.
func clockSynced() bool { return true }
