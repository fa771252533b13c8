package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// findProgram looks for a program on PATH and then in further folders, in their order.
func findProgram(program string, dirs ...string) (string, bool) {
	if path, err := exec.LookPath(program); err == nil {
		if path, err = filepath.Abs(path); err == nil {
			return path, true
		}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// postgresDirs are the folders of Debian's PostgreSQL programs, the newest version first.
func postgresDirs() []string {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil // only a malformed pattern
	}
	version := func(dir string) int {
		number, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err != nil {
			return 0
		}
		return number
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	return dirs
}

// MissingError says that a server's program is not on this machine.
type MissingError struct {
	Name    string // the server, as in Server.Name
	Program string // what was looked for
	Remedy  string // what to install
}

// Error names the program and what to install.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: no %s on this machine: %s", e.Name, e.Program, e.Remedy)
}
