package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Keep writes DATE.md and DATE.json into dir, over those of the same day, and
// returns the path of the first.
func (r *Results) Keep(dir string) (string, error) {
	return keep(dir, r.Date, r, r.Markdown)
}

// keep writes a report for people and for programs.
func keep(dir, name string, v any, markdown func(io.Writer) error) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	base := filepath.Join(dir, name)
	if err := os.WriteFile(base+".json", append(data, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	f, err := os.Create(base + ".md")
	if err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	if err := errors.Join(markdown(f), f.Close()); err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	return base + ".md", nil
}
