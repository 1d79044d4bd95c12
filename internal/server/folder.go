package server

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// MakeFolder makes a data folder, for its owner alone; one that is empty becomes so. open
// reports whether others on this machine may look into it, as into one of before: what is
// in it has the permissions that files have as a rule, since people copy some of them, and
// the folder's keep others out. A group may be let in, as a package does for its service.
func MakeFolder(dir string) (open bool, err error) {
	if err := os.MkdirAll(dir, privateFolder); err != nil {
		return false, err
	}
	if runtime.GOOS == "windows" { // whose permissions these are not
		return false, nil
	}
	info, err := os.Stat(dir)
	if err != nil || !openToOthers(info.Mode()) {
		return false, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) == 0 && os.Chmod(dir, privateFolder) == nil {
		return false, nil
	}
	return true, nil
}

// openToOthers reports whether more than an owner and a group may look.
func openToOthers(m fs.FileMode) bool { return m.Perm()&0o007 != 0 }

// openFolder makes the data folder, and tells a person that others may read it.
func (s *Server) openFolder() error {
	open, err := MakeFolder(s.o.Data)
	if err != nil {
		return s.explain.Folder(s.o.Data, err)
	}
	if open {
		s.o.Notify(fmt.Sprintf(s.o.Lang.Say("everybody on this machine may read %s", "cualquiera en este equipo puede leer %s"), s.o.Data),
			"chmod o-rwx "+s.o.Data)
	}
	return nil
}
