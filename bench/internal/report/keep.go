package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Keep writes DATE.md and DATE.json into dir, over those of the same day, and
// returns the path of the first.
func (r *Results) Keep(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	base := filepath.Join(dir, r.Date)
	if err := os.WriteFile(base+".json", append(data, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	f, err := os.Create(base + ".md")
	if err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	if err := errors.Join(r.Markdown(f), f.Close()); err != nil {
		return "", fmt.Errorf("keep results: %w", err)
	}
	return base + ".md", nil
}
