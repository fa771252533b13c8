package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPause is how long a process waits before it asks again for a lock that another one holds.
const lockPause = 200 * time.Millisecond

// file is a file of the cache folder.
type file struct {
	name string
	// sum is the SHA-256 that the file must have, in hex; empty: any.
	sum string
}

// cached returns the path of a file in the user's cache folder, which is made once. Processes that need it at the same
// time wait for one of them to make it. What make writes to is a path of its own, so that a make that is killed leaves
// nothing that looks finished; the folder beside it is make's to use, and is removed. A file that no longer has its
// checksum is made anew.
func cached(ctx context.Context, f file, make func(ctx context.Context, fresh, folder string) error) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, f.name)
	if f.known(path) {
		return path, nil
	}
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return "", fmt.Errorf("wait for another process to make %s: %w", path, err)
	}
	defer unlock()
	if f.known(path) {
		return path, nil // another process made it while we waited
	}
	if right, err := f.check(ctx, path); right || err != nil {
		return path, err
	}
	folder := path + ".new"
	if err := os.RemoveAll(folder); err != nil { // of a process that was killed
		return "", err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	fresh := filepath.Join(folder, f.name)
	if err := make(ctx, fresh, folder); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", err
	}
	return path, f.record(path)
}

// cacheDir returns the cache folder of chferry. Programs in it are run, so nobody else may write to it.
func cacheDir() (string, error) {
	parent, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	dir := filepath.Join(parent, "chferry")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the cache folder: %w", err)
	}
	if owner := owner(info); owner != os.Geteuid() && owner != 0 {
		return "", fmt.Errorf("the cache folder %s belongs to the user with ID %d, who could change the programs in "+
			"it: remove the folder, or name another cache in XDG_CACHE_HOME", dir, owner)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return dir, nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", fmt.Errorf("close the cache folder to other users: %w", err)
	}
	return dir, nil
}

// owner is the ID of the user who owns a file.
func owner(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return os.Geteuid()
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// lockFile takes an exclusive lock, which ends with the process at the latest.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, err
		}
		if !sleep(ctx, lockPause) {
			_ = file.Close()
			return nil, ctx.Err()
		}
	}
}
