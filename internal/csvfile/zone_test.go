package csvfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLocalZoneIsFoundByName(t *testing.T) {
	link := func(t *testing.T, target string) string {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		zi := filepath.Join(root, "usr/share/zoneinfo", target)
		if err := os.MkdirAll(filepath.Dir(zi), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(zi, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(zi, filepath.Join(root, "etc/localtime")); err != nil {
			t.Fatal(err)
		}
		return root
	}
	plain := func(t *testing.T, file, content string) string {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{"localtime", file} {
			if err := os.WriteFile(filepath.Join(root, "etc", f), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return root
	}
	tz := func(s string) func(string) (string, bool) {
		return func(string) (string, bool) { return s, true }
	}
	none := func(string) (string, bool) { return "", false }
	for name, c := range map[string]struct {
		env  func(string) (string, bool)
		root string
		want string
	}{
		"TZ":                       {tz("America/Bogota"), "", "America/Bogota"},
		"TZ with a colon":          {tz(":Europe/Madrid"), "", "Europe/Madrid"},
		"TZ as a path":             {tz("/usr/share/zoneinfo/Asia/Tokyo"), "", "Asia/Tokyo"},
		"TZ empty":                 {tz(""), "", "UTC"},
		"TZ as a rule":             {tz("<-05>5"), "", Recorded},
		"the link":                 {none, link(t, "America/Lima"), "America/Lima"},
		"the link to posix":        {none, link(t, "posix/America/Lima"), "America/Lima"},
		"the name in a file":       {none, plain(t, "timezone", "Europe/Paris\n"), "Europe/Paris"},
		"neither":                  {none, plain(t, "x", ""), Recorded},
		"nothing, which means UTC": {none, t.TempDir(), "UTC"},
	} {
		if got := localZone(c.env, c.root); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := LocalZone(); got == "" || got == "Local" {
		t.Errorf("here: %q", got)
	}
}
