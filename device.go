package vaiven

import "strings"

// Device is the identity of a board, in the one spelling used everywhere: a
// number of up to three digits is written with three ("007"), any other id is
// kept as it was sent. A Device made by ParseDevice is always valid; the zero
// value means that no device is known.
type Device string

// MaxDevice is the longest device id, in bytes.
const MaxDevice = 64

// ParseDevice reads an id as a board writes it: one to three digits, or 1 to
// 64 of A-Z a-z 0-9 . _ - that begin and end with a letter or digit and hold
// no "..". The error is an *Error with CodeMissingDevice or CodeBadDevice.
func ParseDevice(s string) (Device, error) {
	if s == "" {
		return "", &Error{Code: CodeMissingDevice, Key: KeyDevice, At: -1}
	}
	if len(s) <= 3 && digits(s) {
		return Device("000"[len(s):] + s), nil
	}
	if !validDevice(s) {
		return "", &Error{Code: CodeBadDevice, Key: KeyDevice, Got: Shorten(s), At: -1}
	}
	return Device(s), nil
}

func validDevice(s string) bool {
	if len(s) > MaxDevice || !alnum(s[0]) || !alnum(s[len(s)-1]) || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func alnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// Boot names one power-up of a device: 8 to 16 hexadecimal digits in lower
// case, chosen at random by the board. The zero value means that the board
// gave none.
type Boot string

// ParseBoot reads 8 to 16 hexadecimal digits, in either case. The error is an
// *Error with CodeBadBoot.
func ParseBoot(s string) (Boot, error) {
	if len(s) < 8 || len(s) > 16 {
		return "", &Error{Code: CodeBadBoot, Key: KeyBoot, Got: Shorten(s), At: -1}
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return "", &Error{Code: CodeBadBoot, Key: KeyBoot, Got: Shorten(s), At: -1}
		}
	}
	return Boot(strings.ToLower(s)), nil
}
