package embedded_test

import (
	"context"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// processContext is for a helper process, which has no test to take a context from.
var processContext = context.Background()

// processesIn lists the processes that run in a folder or below it: a server and all its children.
func processesIn(t *testing.T, dir string) (pids []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	check(t, err)
	for _, link := range links {
		cwd, err := os.Readlink(link)
		cwd = strings.TrimSuffix(cwd, " (deleted)")
		if err == nil && (cwd == dir || strings.HasPrefix(cwd, dir+"/")) {
			pids = append(pids, strings.Split(link, "/")[2])
		}
	}
	return pids
}

// wantGone waits for the last process of a folder to end: PostgreSQL's children outlive their killed parent a little.
func wantGone(t *testing.T, dir string) {
	t.Helper()
	eventually(t, "no process runs in "+dir, func() bool { return len(processesIn(t, dir)) == 0 })
}

// listening lists the addresses on which the processes of a folder listen.
func listening(t *testing.T, dir string) (addresses []string) {
	t.Helper()
	var sockets []string
	for _, pid := range processesIn(t, dir) {
		links, err := filepath.Glob("/proc/" + pid + "/fd/*")
		check(t, err)
		for _, link := range links {
			if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, "socket:[") {
				sockets = append(sockets, strings.Trim(target, "socket:[]"))
			}
		}
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		check(t, err)
		for _, line := range strings.Split(string(text), "\n") {
			const listen = "0A"
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == listen && slices.Contains(sockets, fields[9]) {
				addresses = append(addresses, address(t, fields[1]))
			}
		}
	}
	if len(addresses) == 0 {
		t.Error("found no address on which it listens")
	}
	return addresses
}

// address reads the kernel's "0100007F:1F90", whose four-byte words are in this machine's order.
func address(t *testing.T, text string) string {
	t.Helper()
	host, _, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(host)
	check(t, err)
	for word := range slices.Chunk(ip, 4) {
		slices.Reverse(word)
	}
	return net.IP(ip).String()
}
