package sqlite

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// fileIdentity returns what tells the file at path from every other one: its inode and the time at
// which that was made, which stay while the file is written to, moved, or mounted elsewhere. A copy
// or a restored backup has others. Where the file system does not know that time, the device takes
// its place.
func fileIdentity(path string) (string, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_TYPE|unix.STATX_BTIME, &st); err != nil {
		return "", &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return "", errNoFile
	}
	if st.Mask&unix.STATX_BTIME == 0 {
		return fmt.Sprintf("%d@%d:%d", st.Ino, st.Dev_major, st.Dev_minor), nil
	}
	return fmt.Sprintf("%d@%d.%09d", st.Ino, st.Btime.Sec, st.Btime.Nsec), nil
}
