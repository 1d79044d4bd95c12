package csvfile

// Dialect returns the file's dialect, "" for the exact file.
func (f *File) Dialect() string { return f.side.Dialect }

// Spelling is how a dialect is written: what the file begins with, what is between
// fields, the dot of decimals, and a line's end. It is for files that are to open as
// ours do.
func Spelling(name string) (mark string, separator, decimal byte, end string) {
	d := dialects[name]
	return d.mark, d.sep, d.dot, d.end
}
