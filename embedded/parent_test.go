package embedded_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/chferry/chferry/embedded"
)

// helperKind and helperDir tell this test binary, run again, to be a parent that starts a server
// and waits to be killed.
const (
	helperKind = "EMBEDDED_TEST_KIND"
	helperDir  = "EMBEDDED_TEST_DIR"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(helperKind); name != "" {
		beParent(kinds[name], os.Getenv(helperDir))
	}
	goleak.VerifyTestMain(m)
}

func beParent(k kind, dir string) {
	s, err := k.start(processContext, embedded.Options{Dir: dir, NoSync: true, WebUI: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started", s.Pid())
	select {}
}

func TestKilledParentLeavesNoServer(t *testing.T) {
	t.Parallel()
	for name := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := sharedTempDir(t)
			parent := exec.CommandContext(t.Context(), os.Args[0])
			parent.Env = append(os.Environ(), helperKind+"="+name, helperDir+"="+dir)
			output, err := parent.StdoutPipe()
			check(t, err)
			check(t, parent.Start())
			line, err := bufio.NewReader(output).ReadString('\n')
			check(t, err)
			var pid int
			if _, err := fmt.Sscanf(line, "started %d", &pid); err != nil || pid == 0 {
				t.Fatalf("the parent says %q", line)
			}
			if len(processesIn(t, dir)) == 0 {
				t.Fatal("no server runs in its folder")
			}

			check(t, parent.Process.Kill())
			_ = parent.Wait() // "signal: killed"
			wantGone(t, dir)
		})
	}
}
