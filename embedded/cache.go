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
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("wait for another process to make %s: %w", path, ctx.Err())
	case err != nil:
		return "", &CacheError{cache, err}
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
		return "", &CacheError{cache, err}
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", &CacheError{cache, err}
	}
	defer func() { _ = os.RemoveAll(folder) }()
	fresh := filepath.Join(folder, f.name)
	if err := make(ctx, fresh, folder); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", &CacheError{cache, err}
	}
	return path, f.record(path)
}

// cacheDir returns the cache folder of chferry. Programs in it are run, so nobody else may write to it.
func cacheDir() (string, error) {
	parent, err := os.UserCacheDir()
	if err != nil {
		return "", &CacheError{"", err}
	}
	dir := filepath.Join(parent, "chferry")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", &CacheError{dir, err}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", &CacheError{dir, err}
	}
	if owner := owner(info); owner != os.Geteuid() && owner != 0 {
		return "", &CacheError{
			dir, fmt.Errorf("the user with ID %d owns it and could change the programs in it", owner),
		}
	}
	if info.Mode().Perm()&0o077 == 0 {
		return dir, nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", &CacheError{dir, fmt.Errorf("close it to other users: %w", err)}
	}
	return dir, nil
}

// CacheError says that the folder in which servers' programs are kept can't be had.
type CacheError struct {
	Folder string // empty if the environment names none
	Err    error
}

// Error names the folder and the variable that names another one.
func (e *CacheError) Error() string {
	if e.Folder == "" {
		return "there is no folder to keep servers' programs in: name one in XDG_CACHE_HOME, by its full path"
	}
	var of *fs.PathError
	why := e.Err
	if errors.As(why, &of) { // which says the path again
		why = of.Err
	}
	return fmt.Sprintf("the folder %s, in which servers' programs are kept, can't be used: %v: name another one in "+
		"XDG_CACHE_HOME", e.Folder, why)
}

// Unwrap returns the cause.
func (e *CacheError) Unwrap() error { return e.Err }

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
