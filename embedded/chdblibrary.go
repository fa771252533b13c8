package embedded

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

const (
	// ChdbVersion is the version of libchdb that is downloaded.
	ChdbVersion = "26.7.3-stable.1"

	chdbPackage  = "@chdb/lib-linux-x64-gnu@" + ChdbVersion
	chdbMember   = "package/libchdb.so"
	chdbChecksum = "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5" // SHA-256 of the library
	chdbDownload = 177_817_999                                                        // bytes

	progressPause = 200 * time.Millisecond
)

// ChdbLibrary finds libchdb in the user's cache folder, else it downloads it there with npm, 178 MB
// that become 566, and says so on log (nil: nowhere). While it downloads, progress (nil: none) is
// called some times a second with the bytes so far and in all. A library that is not as it was when
// its checksum was last found right is hashed again, and downloaded again if it is another.
// Processes that need it at the same time wait for one of them. When it can't be had, the error is
// a *MissingError.
func ChdbLibrary(ctx context.Context, log io.Writer, progress func(done, total int64)) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", &MissingError{chdbName, "libchdb for " + runtime.GOOS + " on " + runtime.GOARCH, chdbRemedy}
	}
	library := file{"libchdb-" + ChdbVersion + ".so", chdbChecksum}
	path, err := cached(ctx, library, func(ctx context.Context, fresh, folder string) error {
		npm, found := findProgram("npm")
		if !found {
			return &MissingError{chdbName, "npm to download ClickHouse as a library", "install npm, or " + chdbRemedy}
		}
		if log != nil {
			_, _ = fmt.Fprintf(log, "downloading ClickHouse as a library (libchdb %s, 178 MB) into %s, once\n",
				ChdbVersion, filepath.Dir(folder))
		}
		defer watch(folder, progress)()
		tarball, err := npmPack(ctx, npm, folder)
		if err != nil {
			return err
		}
		return unpack(ctx, tarball, fresh)
	})
	if err != nil {
		return "", fmt.Errorf("libchdb: %w", err)
	}
	return path, nil
}

// npmPack downloads the package into the folder and returns the path of the tarball. With a cache of its own, which
// shows how far it is, npm keeps nothing.
func npmPack(ctx context.Context, npm, folder string) (string, error) {
	cmd := exec.CommandContext(ctx, npm, "pack", chdbPackage, "--pack-destination", folder,
		"--cache", filepath.Join(folder, "npm"), "--ignore-scripts", "--loglevel", "error", "--no-update-notifier")
	cmd.Dir = folder
	cmd.WaitDelay = pipeDelay
	output := &logTail{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("npm can't download %s: %s; %w", chdbPackage, output.lastLines(),
			&MissingError{chdbName, "ClickHouse of this time", "try again with a network, or " + chdbRemedy})
	}
	tarballs, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(tarballs) != 1 {
		return "", errors.New("npm says that it downloaded, and left no tarball")
	}
	return tarballs[0], nil
}

// unpack writes the library from the tarball to a file, if it is the one that is expected.
func unpack(ctx context.Context, tarball, path string) error {
	packed, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer func() { _ = packed.Close() }()
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		return fmt.Errorf("unpack the tarball: %w", err)
	}
	files := tar.NewReader(unzipped)
	for {
		file, err := files.Next()
		if err != nil {
			return fmt.Errorf("look for %s in the tarball: %w", chdbMember, err)
		}
		if file.Name == chdbMember {
			return write(ctx, path, files)
		}
	}
}

// write writes the library to a file, checks its checksum, and sees to it that it is on the disk
// before it gets its name.
func write(ctx context.Context, path string, library io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, sum), &interruptible{ctx, library}); err != nil {
		return fmt.Errorf("unpack the library: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != chdbChecksum {
		return fmt.Errorf("the library that came has SHA-256 %s instead of %s, so it is not used", got, chdbChecksum)
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

// interruptible stops reading when the context ends.
type interruptible struct {
	ctx    context.Context //nolint:containedctx // it is that of one call, in a reader's clothes
	source io.Reader
}

func (i *interruptible) Read(into []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.source.Read(into)
}

// watch reports how much has come into a folder, until the returned function is called.
func watch(folder string, progress func(done, total int64)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticker := time.NewTicker(progressPause)
		defer ticker.Stop()
		for {
			progress(min(size(folder), chdbDownload), chdbDownload)
			select {
			case <-ticker.C:
			case <-ended:
				progress(chdbDownload, chdbDownload)
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-gone
	}
}

// size is how many bytes the files in a folder have that is being written to.
func size(folder string) (total int64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // a file that goes away in the meantime counts nothing
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
