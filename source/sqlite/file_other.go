//go:build !linux

package sqlite

import (
	"fmt"
	"os"
	"syscall"
)

// fileIdentity returns what tells the file at path from every other one: its inode and its device.
func fileIdentity(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return "", errNoFile
	}
	return fmt.Sprintf("%d@%d", st.Ino, st.Dev), nil
}
