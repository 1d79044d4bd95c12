package ws

import "testing"

// TestKeyOfTheRFCsExample: RFC 6455, section 4.1, item 7 has a key whose unused
// last bits are set; it decodes to 16 bytes, and clients have it hard-coded.
func TestKeyOfTheRFCsExample(t *testing.T) {
	for key, want := range map[string]bool{
		"AQIDBAUGBwgJCgsMDQ4PEC==": true,
		"AQIDBAUGBwgJCgsMDQ4PEA==": true,
		"AQIDBAUGBwgJCgsMDQ4P":     false,
		"AQIDBAUGBwgJCgsMDQ4PEBE=": false,
		"AQIDBAUGBwgJCgsMDQ4PEC=":  false,
	} {
		if validKey(key) != want {
			t.Errorf("%s: %t", key, !want)
		}
	}
}
