package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/chferry/chferry"
)

// bookmark keeps in a file how far a load of all rows got. It holds primary keys, so nobody else may read the file.
type bookmark struct {
	path string // empty: nothing is kept

	Key    chferry.ImportKey `json:"import_key"`
	Kind   chferry.Kind      `json:"operation"`
	Places map[string]string `json:"places"` // by database, behind which key the load goes on
	Done   map[string]bool   `json:"done"`   // by database
}

// openBookmark reads the file, which need not exist. It refuses one of another load.
func openBookmark(path string, key chferry.ImportKey, kind chferry.Kind) (*bookmark, error) {
	b := &bookmark{path: path, Key: key, Kind: kind, Places: map[string]string{}, Done: map[string]bool{}}
	if path == "" {
		return b, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, b.save()
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("--resume: %w", err)}
	}
	kept := bookmark{path: path}
	if json.Unmarshal(text, &kept) != nil || kept.Places == nil || kept.Done == nil {
		return nil, usageError{fmt.Errorf("--resume: %s is not a file of a load: name one that does not exist", path)}
	}
	if kept.Key != key || kept.Kind != kind {
		return nil, usageError{fmt.Errorf(
			"--resume: %s is of a load that registers %s of %s: name another file", path, kept.Kind, kept.Key)}
	}
	return &kept, nil
}

// reached notes that everything up to a place is registered.
func (b *bookmark) reached(database, place string) error {
	b.Places[database] = place
	return b.save()
}

func (b *bookmark) finished(database string) error {
	b.Done[database] = true
	return b.save()
}

// save replaces the file at once, so that it is whole whenever the machine stops.
func (b *bookmark) save() error {
	if b.path == "" {
		return nil
	}
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	next := b.path + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	if err := os.Rename(next, b.path); err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	return nil
}

// remove removes the file of a load that is done.
func (b *bookmark) remove() error {
	if b.path == "" {
		return nil
	}
	if err := os.Remove(b.path); err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	return nil
}
