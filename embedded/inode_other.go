//go:build !linux

package embedded

import "io/fs"

// inode tells nothing: only on Linux is there a file with a checksum.
func inode(fs.FileInfo) string { return "" }
