package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// cached returns the path of a file in the user's cache folder, which is made once. Processes that need it at the same
// time wait for one of them to make it. What make writes to is a path of its own, so that a make that is killed leaves
// nothing that looks finished; the folder beside it is make's to use, and is removed.
func cached(ctx context.Context, name string, make func(ctx context.Context, fresh, folder string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	path := filepath.Join(cache, "chferry", name)
	if exists(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return "", fmt.Errorf("wait for another process to make %s: %w", path, err)
	}
	defer unlock()
	if exists(path) {
		return path, nil // another process made it while we waited
	}
	folder := path + ".new"
	if err := os.RemoveAll(folder); err != nil { // of a process that was killed
		return "", err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	fresh := filepath.Join(folder, name)
	if err := make(ctx, fresh, folder); err != nil {
		return "", err
	}
	return path, os.Rename(fresh, path)
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
