package ws_test

import "os"

func child() (int, bool) { return 0, false }

func exit(code int) { os.Exit(code) }
