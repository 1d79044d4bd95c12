package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vaiven/internal/atomicfile"
	"vaiven/internal/csvfile"
	"vaiven/internal/remotewrite"
	"vaiven/internal/server"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

// asidePrefix begins the names of the folders into which doctor --repair moves a log.
const asidePrefix = "aside-"

// checkNotOwn refuses a file to be written where a server's own files lie: a log that
// was trimmed does not have their rows any more. o says what is known of the server
// at hand, and may be empty: a data folder around the file, and a CSV beside it, are
// found by what they look like, whoever's they are.
func (p *program) checkNotOwn(file string, o server.Options) error {
	if file == "-" {
		return nil
	}
	path := realPath(file)
	for _, path := range []string{path, strings.TrimSuffix(path, atomicfile.TempSuffix), path + atomicfile.TempSuffix} {
		if folder := ownerOf(path, o); folder != "" {
			return hinted(usageError{fmt.Errorf(p.say("%s is kept for the server's own files (in %s): nothing else is written there", "%s está reservado para los archivos del servidor (en %s): ahí no se escribe otra cosa"), file, folder)},
				p.say("choose another name, or better another folder", "elige otro nombre, o mejor otra carpeta"))
		}
	}
	return nil
}

// realPath is where a file that is put at this path comes to lie: a link of that name
// is replaced, the links of its folder are followed.
func realPath(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// ownerOf is the folder whose server owns what is at the path, or could be; "": none.
func ownerOf(path string, o server.Options) string {
	beside := filepath.Dir(path)
	if o.Data != "" && (o.NATS != "" || isDataFolder(o.Data)) && ownsPath(o.Data, path) {
		return o.Data
	}
	if o.CSV != "" && (csvOwns(o.CSVPath(), path) || csvOwns(o.SheetPath(), path)) {
		return filepath.Dir(o.CSV)
	}
	sidecars, _ := filepath.Glob(filepath.Join(globQuote(beside), "*"+csvfile.SidecarSuffix)) // the pattern is right
	for _, side := range sidecars {
		if csvOwns(strings.TrimSuffix(side, csvfile.SidecarSuffix), path) {
			return beside
		}
	}
	for dir, up := path, beside; up != dir; dir, up = up, filepath.Dir(up) {
		if isDataFolder(up) && ownsPath(up, path) || isLog(up) {
			return up
		}
	}
	return ""
}

// globQuote is a path as a pattern that only itself matches.
func globQuote(path string) string {
	if filepath.Separator == '\\' {
		return path // there is no quoting, and no * or ? in a name
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// isDataFolder reports whether a server keeps its data here: a log, or beside a log
// that is elsewhere a checkpoint and a history.
func isDataFolder(dir string) bool {
	log := server.LogDir(dir)
	return exists(filepath.Join(log, stream.WitnessName)) || exists(filepath.Join(log, "jetstream")) ||
		exists(filepath.Join(dir, views.CheckpointName)) && exists(server.HistoryDir(dir))
}

// isLog reports whether a folder of any name is a log, to which a link leads.
func isLog(dir string) bool {
	return exists(filepath.Join(dir, stream.WitnessName)) && exists(filepath.Join(dir, "jetstream"))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// ownsPath reports whether a data folder has a file of its own at the path.
func ownsPath(data, path string) bool {
	o := server.Options{Data: data}
	for _, dir := range []string{server.LogDir(data), server.HistoryDir(data)} {
		if full, err := filepath.EvalSymlinks(dir); err == nil && isBelow(realPath(full), path) {
			return true
		}
	}
	if csvOwns(o.CSVPath(), path) || csvOwns(o.SheetPath(), path) {
		return true
	}
	root := filepath.Dir(realPath(filepath.Join(data, "x")))
	rel, err := filepath.Rel(root, path)
	if err != nil || !isBelow(root, path) {
		return false
	}
	names := strings.Split(rel, string(filepath.Separator))
	begin := strings.ToLower(names[0]) // where names of other letters may be the same file
	if len(names) > 1 {
		return slices.Contains([]string{filepath.Base(server.LogDir(data)), filepath.Base(server.HistoryDir(data)), filepath.Base(server.TLSDir(data))}, begin) || strings.HasPrefix(begin, asidePrefix)
	}
	return slices.Contains([]string{views.CheckpointName, remotewrite.FileName, turnName, server.SummaryName, filepath.Base(server.TokenPath(data))}, begin)
}

// isBelow reports whether a path is a folder's, or in it.
func isBelow(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// csvOwns reports whether a file is a CSV of a server, or one of those beside it:
// sidecar, lock, those that ended, those that were set aside, and the spreadsheet's.
// Theirs are all names of that kind, or who loses the sidecar would lose them.
func csvOwns(csv, path string) bool {
	if at, err := os.Stat(path); err == nil {
		for _, own := range csvfile.Files(csv) {
			if info, err := os.Stat(own); err == nil && os.SameFile(info, at) {
				return true
			}
		}
	}
	csv = realPath(csv)
	if filepath.Dir(csv) != filepath.Dir(path) {
		return false
	}
	own, name := strings.ToLower(filepath.Base(csv)), strings.ToLower(filepath.Base(path))
	if own == name || strings.HasPrefix(name, own+".vaiven.") {
		return true
	}
	ext := filepath.Ext(own)
	stem := strings.TrimSuffix(own, ext)
	return filepath.Ext(name) == ext && (strings.HasPrefix(name, stem+"-") || strings.HasPrefix(name, stem+"."))
}
