package certs

import (
	"crypto/tls"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// files is a certificate that was given, in two files that somebody else renews.
type files struct {
	cert, key string
	notify    func(Notice)
	now       func() time.Time

	shown atomic.Pointer[tls.Certificate]

	mu    sync.Mutex // one check at a time
	read  [2]stamp   // of what is shown
	wrong [2]stamp   // of what was refused at the last check
	told  [2]stamp   // of what was told
}

// stamp tells whether a file is the one of before.
type stamp struct {
	changed time.Time
	size    int64 // -1: it is not there
}

func openFiles(cert, key string, notify func(Notice), now func() time.Time) (*files, error) {
	f := &files{cert: cert, key: key, notify: notify, now: now}
	stamps, err := f.stamps()
	if err != nil {
		return nil, err
	}
	return f, f.load(stamps)
}

// stamps are taken before the files are read: of a file that changes meanwhile, the
// next check reads the rest.
func (f *files) stamps() (s [2]stamp, err error) {
	for i, path := range []string{f.cert, f.key} {
		info, failed := os.Stat(path)
		if failed != nil {
			s[i].size, err = -1, errors.Join(err, failed)
			continue
		}
		s[i] = stamp{info.ModTime(), info.Size()}
	}
	return s, err
}

// load reads the files, and says what is wrong with what is shown all the same.
func (f *files) load(s [2]stamp) error {
	cert, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.shown.Store(&cert)
	f.read = s
	if now := atLeast(f.now()); now.After(cert.Leaf.NotAfter) {
		f.notify(Notice{Kind: Expired, Path: f.cert, When: cert.Leaf.NotAfter})
	}
	if info, err := os.Stat(f.key); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		f.notify(Notice{Kind: KeyOpen, Path: f.key})
	}
	return nil
}

// check reads the files again when they have changed. Those that do not belong together
// are told when they are the same at the next check: somebody may be between the two.
func (f *files) check() {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.stamps()
	if err == nil && s == f.read {
		f.wrong, f.told = [2]stamp{}, [2]stamp{}
		return
	}
	if err == nil {
		err = f.load(s)
	}
	switch {
	case err == nil:
		f.notify(Notice{Kind: Reloaded, Path: f.cert, When: f.shown.Load().Leaf.NotAfter})
		f.wrong, f.told = [2]stamp{}, [2]stamp{}
	case s == f.wrong && s != f.told:
		f.told = s
		f.notify(Notice{Kind: NotReloaded, Path: f.cert, Err: err})
	default:
		f.wrong = s
	}
}

// errNoCertificate ends a handshake for which there is no certificate.
var errNoCertificate = errors.New("no certificate for that name")
