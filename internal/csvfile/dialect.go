package csvfile

// Dialect returns the file's dialect, "" for the exact file.
func (f *File) Dialect() string { return f.side.Dialect }
