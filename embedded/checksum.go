package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// To hash half a gigabyte at each start takes seconds. So what the file was like when its checksum
// was found right is kept in a file beside it: size, times and inode. Whatever changes the content
// changes these, and the file is hashed again.

// known tells whether the file is there and is the one whose checksum was right.
func (f file) known(path string) bool {
	if f.sum == "" {
		return exists(path)
	}
	kept, err := os.ReadFile(path + ".checked")
	return err == nil && string(kept) == f.stamp(path)
}

// check tells whether the file is there with the right checksum.
func (f file) check(ctx context.Context, path string) (bool, error) {
	if f.sum == "" {
		return exists(path), nil
	}
	library, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = library.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, &interruptible{ctx, library}); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.sum {
		return false, nil
	}
	return true, f.record(path)
}

// record keeps what the file, whose checksum is right, is like now.
func (f file) record(path string) error {
	if f.sum == "" {
		return nil
	}
	// Written aside, so that nobody reads half of it. The lock is ours.
	fresh := path + ".checked.new"
	if err := os.WriteFile(fresh, []byte(f.stamp(path)), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path+".checked")
}

// stamp describes the state of a file; nothing is equal to that of a file that is not there.
func (f file) stamp(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "missing: " + path
	}
	return fmt.Sprintf("sha256 %s, %d bytes, modified %d, %s\n",
		f.sum, info.Size(), info.ModTime().UnixNano(), inode(info))
}
