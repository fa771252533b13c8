package main_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// devStack is a chferry dev that runs.
type devStack struct {
	*process
	t      *testing.T
	folder string
	out    *logBuffer
	read   int // how much of out was awaited
}

// startDev starts chferry dev in a folder and waits until it is up.
func startDev(t *testing.T, folder string, args ...string) *devStack {
	t.Helper()
	p, out, _ := embeddedCommand(t, append([]string{"dev", "--dir", folder}, args...)...)
	d := &devStack{process: p, t: t, folder: folder, out: out}
	d.await("is applied as soon as the file is saved")
	return d
}

// await waits until chferry dev says something that it has not said before.
func (d *devStack) await(want string) {
	d.t.Helper()
	deadline := time.After(time.Minute)
	for {
		text := d.out.String()
		if at := strings.Index(text[d.read:], want); at >= 0 {
			d.read += at + len(want)
			return
		}
		select {
		case <-d.done:
			d.t.Fatalf("it ended with status %d\n%s%s", d.ProcessState.ExitCode(), d.out, d.log)
		case <-deadline:
			d.t.Fatalf("it does not say %q\n%s%s", want, text[d.read:], d.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// address returns where something is.
func (d *devStack) address(word string) string {
	d.t.Helper()
	found := regexp.MustCompile(`(?m)^  `+word+` {2,}(\S+)`).FindAllStringSubmatch(d.out.String(), -1)
	if len(found) != 1 {
		d.t.Fatalf("%s is said %d times, want once:\n%s", word, len(found), d.out)
	}
	return found[0][1]
}

// chferry runs a command with the folder's configuration, which must succeed.
func (d *devStack) chferry(args ...string) string {
	d.t.Helper()
	return (&stack{t: d.t, dir: d.folder}).must(args...)
}

func (d *devStack) sql(text string) {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), d.address("source"))
	if err == nil {
		_, err = conn.Exec(d.t.Context(), text)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	_ = conn.Close(d.t.Context())
}

// insert returns the statement that is told to be typed next.
func (d *devStack) insert() string {
	d.t.Helper()
	found := regexp.MustCompile(`(?s)echo "(INSERT .*?)" \|`).FindStringSubmatch(d.out.String())
	if found == nil {
		d.t.Fatalf("it tells no statement:\n%s", d.out)
	}
	return found[1]
}

// synced syncs a row and wants it in ClickHouse.
func (d *devStack) synced(key, insert string) {
	d.t.Helper()
	d.sql(insert)
	d.chferry("register", key, "insert", "1")
	d.chferry("sync", key, "--wait")
	response, err := http.Post(d.address("clickhouse"), "text/plain",
		strings.NewReader("SELECT id FROM "+key+"_current"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var got string
	if _, err := fmt.Fscan(response.Body, &got); err != nil || got != "1" {
		d.t.Errorf("%s: got %q, %v", key, got, err)
	}
}

// write changes the configuration.
func (d *devStack) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.folder, "chferry.yaml"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// TestDev: what is wrong with the configuration takes nothing away, a change comes into force, and
// where everything is stays the same.
func TestDev(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	reachable(t, folder)
	d := startDev(t, folder)
	words := []string{"temporal ui", "temporal", "redis", "clickhouse", "source", "api"}
	where := map[string]string{}
	for _, word := range words {
		where[word] = d.address(word)
	}
	status, out, errOut := (&stack{t: t, dir: folder}).run("dev", "--dir", folder)
	if want := fmt.Sprintf("in use by process %d", d.Process.Pid); status != 1 || !strings.Contains(errOut, want) {
		t.Errorf("a second one: status %d, want 1 and %q\n%s%s", status, want, out, errOut)
	}
	good := (&stack{t: t, dir: folder}).config()
	if !strings.Contains(good, where["temporal ui"]) {
		t.Errorf("the configuration does not say where Temporal's UI is:\n%s", good)
	}

	more := strings.Replace(good, "imports:\n",
		"imports:\n  - {key: bookings, table: bookings, destination: {table: bookings}, schedule: {every: 1h}}\n"+
			"  - {key: people, table: users, destination: {table: people}, schedule: {every: 1h}}\n", 1)
	d.write(more)
	d.await("has no table bookings")
	d.await("API and worker run with the new configuration")
	d.synced("people", d.insert())
	d.sql("CREATE TABLE bookings (id int PRIMARY KEY)")
	d.await("nothing is wrong any more")
	d.synced("bookings", "INSERT INTO bookings VALUES (1)")

	d.write(strings.Replace(more, "schedule:", "shedule:", 1))
	d.await("chferry.yaml:")
	d.await("unknown key shedule")
	d.await("go on with the configuration that they have")
	d.write(strings.Replace(more, where["temporal"], freeAddress(t), 1))
	d.await("does not answer")
	d.await("go on with the configuration that they had")
	// A worker that ends right after it started says why.
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.write(strings.Replace(more, "imports:\n", "metrics: {listen: "+taken.Addr().String()+"}\nimports:\n", 1))
	d.await("it ended because of this: can't listen on " + taken.Addr().String())
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	d.write(more)
	d.await("API and worker run with the new configuration")
	d.chferry("sync", "bookings", "--wait")
	d.stop(syscall.SIGINT)
	if code := d.ProcessState.ExitCode(); code != 0 {
		t.Errorf("status %d\n%s%s", code, d.out, d.log)
	}
	if strings.Contains(d.out.String(), "restart worker and API") {
		t.Errorf("it asks for what it does itself:\n%s", d.out)
	}
	if left := processesOf(t, folder); len(left) > 0 {
		t.Errorf("left: %v", left)
	}

	d = startDev(t, folder, "--no-worker")
	for _, word := range words {
		if got := d.address(word); got != where[word] {
			t.Errorf("%s is at %s, was at %s", word, got, where[word])
		}
	}
	d.sql(d.insert()) // the row is there already
	if left := strings.Join(processesOf(t, folder), "\n"); strings.Contains(left, " worker ") {
		t.Errorf("a worker runs:\n%s", left)
	}
	redis, err := url.Parse(where["redis"])
	if err != nil {
		t.Fatal(err)
	}
	for word, program := range map[string][]string{
		"redis":    {"redis-server", redis.Host},
		"temporal": {" start-dev ", folder},
	} {
		kill(t, program...)
		d.await("ended, and runs again")
		if !regexp.MustCompile(`(?m)^  ` + word + ` +ended, and runs again$`).MatchString(d.out.String()) {
			t.Errorf("it does not say that %s ended:\n%s", word, d.out)
		}
	}
	d.chferry("check")
	killedDev(t, d)
}

// kill kills the process whose command line holds all words.
func kill(t *testing.T, words ...string) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range commands {
		text, err := os.ReadFile(path)
		line := strings.ReplaceAll(string(text), "\x00", " ")
		if err != nil || slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatalf("kill %q: %v", line, err)
		}
		return
	}
	t.Fatalf("no process has %q", words)
}

// killedDev kills chferry dev and wants all that it started to end.
func killedDev(t *testing.T, d *devStack) {
	t.Helper()
	if len(processesOf(t, d.folder)) < 5 {
		t.Errorf("these run: %v", processesOf(t, d.folder))
	}
	d.stop(syscall.SIGKILL)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := processesOf(t, d.folder)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left after kill -9: %s", strings.Join(left, "\n"))
		}
	}
}
