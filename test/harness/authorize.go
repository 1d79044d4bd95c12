//go:build linux

package harness

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// folders are where each server keeps its data, by its address.
var folders sync.Map

// Token is what the server at addr left for the commands on its machine when it started,
// "" when it has not, or is none that NewServer made.
func Token(addr string) string {
	dir, ok := folders.Load(addr)
	if !ok {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(dir.(string), "cli-token"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Authorize has a request show that token to the server that it goes to.
func Authorize(r *http.Request) {
	if token := Token(r.URL.Host); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

// Get is http.Get with that token.
func Get(url string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	Authorize(r)
	return http.DefaultClient.Do(r)
}

// Send asks with a body of JSON, and with that token.
func Send(ctx context.Context, method, url, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	Authorize(r)
	return http.DefaultClient.Do(r)
}
