package button

import (
	"strconv"
	"strings"
)

// maxLineName is how long the kernel's names of lines may be, in bytes.
const maxLineName = 31

// parseLineName brings a line's name, without spaces, into the one spelling that messages use:
// GPIO17, gpiochip0/17, or a name of the board's own as it was written.
func parseLineName(input, name string) (string, error) {
	if name == "" {
		return "", bad(input, "the line is missing: write "+example, "falta la línea: escribe "+example)
	}
	lower := strings.ToLower(name)
	for _, prefix := range []string{"gpio", "bcm", "line", "gpio_", "gpio-", ""} {
		if n, ok := strings.CutPrefix(lower, prefix); ok && digits(n) {
			return "GPIO" + number(n), nil
		}
	}
	if chip, n, ok := strings.Cut(lower, "/"); ok && chipName(chip) && digits(n) {
		return chip + "/" + number(n), nil
	}
	if n, ok := strings.CutPrefix(lower, "pin"); ok && digits(n) {
		return "", headerPin(input, n)
	}
	if chipName(lower) {
		return "", bad(input, "which line of "+lower+"? write "+lower+"/17=101:LED", "¿qué línea de "+lower+"? escribe "+lower+"/17=101:LED")
	}
	if len(name) > maxLineName || strings.ContainsFunc(name, notInName) {
		return "", bad(input, quote(name)+" is no line's name: write GPIO17, or gpiochip0/17",
			quote(name)+" no es nombre de una línea: escribe GPIO17, o gpiochip0/17")
	}
	return name, nil
}

// headerPin explains the other way of counting: pins of the 40-pin header have
// numbers of their own, which are not those of the lines.
func headerPin(input, n string) error {
	pin, _ := strconv.Atoi(number(n)) // what does not fit is no pin of the header either
	if line, ok := headerLines[pin]; ok {
		gpio := "GPIO" + strconv.Itoa(line)
		return bad(input, "pin "+n+" of the header is "+gpio+": write "+gpio+"=101:LED", "el pin "+n+" del conector es "+gpio+": escribe "+gpio+"=101:LED")
	}
	return bad(input, "pin "+n+" of the header is no GPIO line: use another, such as pin 11, which is GPIO17",
		"el pin "+n+" del conector no es una línea GPIO: usa otro, como el pin 11, que es GPIO17")
}

// headerLines are the GPIO lines of the Raspberry Pi's 40-pin header by pin (all
// models since the B+).
var headerLines = map[int]int{
	3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
	23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}

// chipLine splits gpiochip0/17.
func chipLine(line string) (chip string, offset int, ok bool) {
	chip, n, ok := strings.Cut(line, "/")
	if !ok || !chipName(chip) {
		return "", 0, false
	}
	offset, err := strconv.Atoi(n)
	return chip, offset, err == nil
}

// headerLine is the number of GPIO17, which is its place on the chip behind the
// header also where the kernel gives that line another name.
func headerLine(line string) (int, bool) {
	n, ok := strings.CutPrefix(line, "GPIO")
	if !ok || !digits(n) {
		return 0, false
	}
	i, err := strconv.Atoi(n)
	return i, err == nil
}

func chipName(s string) bool {
	n, ok := strings.CutPrefix(strings.ToLower(s), "gpiochip")
	return ok && digits(n)
}

// digits reports whether s is a number that a line may have.
func digits(s string) bool {
	return s != "" && len(s) <= 4 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// number drops leading zeros.
func number(s string) string {
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return s
}

func notInName(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("_-./+", r)
}
