package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"vaiven"
	"vaiven/internal/console"
	"vaiven/internal/csvfile"
)

// exportFromOwner asks the server that runs in the folder.
func (p *program) exportFromOwner(cmd *cobra.Command, d *dataFolder, a *exportAsk, q url.Values) error {
	c, err := p.client(cmd, &a.r)
	if err != nil {
		return err
	}
	hint := p.ownerHint()
	s, err := c.Server(cmd.Context())
	if err != nil {
		return hinted(p.remoteError(&a.r, err), hint)
	}
	if side, err := csvfile.ReadSidecar(d.o.CSVPath()); err == nil && side.Log != s.Log {
		return hinted(fmt.Errorf(p.say("the server at %s is another one than that of %s", "el servidor en %s no es el de %s"), a.r.server, d.o.Data), hint)
	}
	return p.exportFrom(cmd, a, q)
}

// exportFrom asks a running server.
func (p *program) exportFrom(cmd *cobra.Command, a *exportAsk, q url.Values) error {
	c, err := p.client(cmd, &a.r)
	if err != nil {
		return err
	}
	bar := console.NewProgress(p.stderr(), p.lang, p.say("exporting, KiB", "exportando, KiB"), 0, nil)
	defer bar.Done()
	return p.writeExport(cmd.Context(), a.file, q, func(w io.Writer) (*vaiven.Exported, error) {
		defer bar.Done()
		done, err := c.Export(cmd.Context(), q, &counted{w: w, bar: bar})
		if cmd.Context().Err() != nil {
			return nil, cmd.Context().Err()
		}
		return done, p.remoteError(&a.r, err)
	})
}

// counted moves a bar along with what is written.
type counted struct {
	w   io.Writer
	bar *console.Progress
	n   uint64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += uint64(n)
	c.bar.Set(c.n >> 10)
	return n, err
}
