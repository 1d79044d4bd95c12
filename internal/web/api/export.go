package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vaiven"
)

// Headers of an export. The first comes before the file, the others are trailers
// behind it.
const (
	HeaderLogBegins = "Vaiven-Log-Begins" // RFC 3339; only when the part asked for begins before the log
	HeaderRows      = "Vaiven-Rows"
	HeaderWithout   = "Vaiven-Rows-Without-Columns"
	HeaderLeftOut   = "Vaiven-Columns-Left-Out" // names with commas
)

// Export writes the file that is asked for to w; the parameters are those of
// GET /export (format, devices, from, to, last, columns, dialect). After an error what
// was written is not whole. The result is nil when a proxy has left out what says it.
func (c *Client) Export(ctx context.Context, q url.Values, w io.Writer) (*vaiven.Exported, error) {
	resp, err := c.send(ctx, call{method: http.MethodGet, path: "export", query: q})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, problemOf(resp)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	done := exported(resp)
	if done != nil {
		printable(done)
	}
	return done, nil
}

// exported reads what the headers say.
func exported(resp *http.Response) *vaiven.Exported {
	out := &vaiven.Exported{}
	var err error
	if out.Rows, err = strconv.ParseUint(resp.Trailer.Get(HeaderRows), 10, 64); err != nil {
		return nil
	}
	out.Without, _ = strconv.ParseUint(resp.Trailer.Get(HeaderWithout), 10, 64)
	if names := resp.Trailer.Get(HeaderLeftOut); names != "" {
		out.LeftOut = strings.Split(names, ",")
	}
	if t, err := time.Parse(time.RFC3339Nano, resp.Header.Get(HeaderLogBegins)); err == nil {
		out.Begins = t.UnixMilli()
	}
	return out
}
