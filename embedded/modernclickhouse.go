package embedded

import (
	"context"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// versionTimeout is how long a program may take to tell its version.
const versionTimeout = 10 * time.Second

// StartModernClickHouse starts a ClickHouse of version 23.2 or newer, which has deletes in
// ReplacingMergeTree and today's types: `clickhouse` on PATH if it is that new, else what
// [StartChdb] starts. Clients find it at Server.URL, which names the protocol: clickhouse:// or
// http://. The context bounds the start, and the download and the build that the first one may
// need; [PrepareModernClickHouse] does these beforehand.
func StartModernClickHouse(ctx context.Context, opts Options) (*Server, error) {
	if binary, found := findModernClickHouse(ctx); found {
		return start(ctx, "clickhouse", binary, modernClickHouse{}, opts)
	}
	return StartChdb(ctx, opts)
}

// PrepareModernClickHouse does what the first [StartModernClickHouse] on a machine would do: it downloads and builds
// what is missing into the user's cache folder, and says so on log (nil: nowhere). While it downloads, progress (nil:
// none) is called some times a second with the bytes so far and in all.
func PrepareModernClickHouse(ctx context.Context, log io.Writer, progress func(done, total int64)) error {
	if _, found := findModernClickHouse(ctx); found {
		return nil
	}
	if _, err := ChdbLibrary(ctx, log, progress); err != nil {
		return err
	}
	_, err := ChdbServer(ctx, log)
	return err
}

// modernClickHouse is the one program that a newer ClickHouse consists of.
type modernClickHouse struct{ clickHouseServer }

func (m modernClickHouse) command(ctx context.Context, s *Server) *exec.Cmd {
	return exec.CommandContext(ctx, s.Binary, "server", "--config-file="+m.config(s))
}

var clickHouseVersion = regexp.MustCompile(`version (\d{1,4})\.(\d{1,4})`)

func findModernClickHouse(ctx context.Context) (string, bool) {
	binary, found := findProgram("clickhouse")
	if !found {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, binary, "server", "--version").Output()
	if err != nil {
		return "", false
	}
	numbers := clickHouseVersion.FindSubmatch(output)
	if numbers == nil {
		return "", false
	}
	// At most four digits each, so that they are numbers.
	major, _ := strconv.Atoi(string(numbers[1]))
	minor, _ := strconv.Atoi(string(numbers[2]))
	return binary, major > 23 || major == 23 && minor >= 2
}
