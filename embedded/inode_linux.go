package embedded

import (
	"fmt"
	"io/fs"
	"syscall"
)

// inode tells a file from any other, and when it was last changed in any way, which no program can set.
func inode(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("inode %d, changed %d.%09d", stat.Ino, stat.Ctim.Sec, stat.Ctim.Nsec)
}
