package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/chferry/chferry"
)

// pidFile holds the process ID of who uses the folder, and that process's lock on it, which ends with the process.
const pidFile = "dev.pid"

// takeFolder makes the folder for one process alone. The logs begin anew.
func takeFolder(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	path := filepath.Join(dir, pidFile)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take the folder: %w", err)
	}
	unlock = func() { _ = file.Close() } // the lock goes with it
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		unlock()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("take the folder: %w", err)
		}
		pid, _ := os.ReadFile(path) // it may not be written yet
		return nil, chferry.Errorf(chferry.CodeClaimed,
			"the folder %s is in use by process %s, another chferry dev: end that one, "+
				"or name another folder with --dir", dir, strings.TrimSpace(string(pid)))
	}
	if err := prepareFolder(dir, file); err != nil {
		unlock()
		return nil, fmt.Errorf("take the folder: %w", err)
	}
	return unlock, nil
}

// prepareFolder writes who uses the folder, keeps git from its passwords, and removes the logs of the last time.
func prepareFolder(dir string, pid *os.File) error {
	if err := pid.Truncate(0); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(pid, os.Getpid()); err != nil {
		return err
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(ignore); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(ignore, []byte("*\n"), 0o600); err != nil {
			return err
		}
	}
	for _, log := range []string{"api.log", "worker.log"} {
		if err := os.Remove(filepath.Join(dir, log)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
