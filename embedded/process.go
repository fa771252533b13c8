package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// pipeDelay is how long a dead server's children may hold its output open before it is closed on them.
const pipeDelay = 2 * time.Second

// process is one run of a server's program.
type process struct {
	cmd  *exec.Cmd
	log  *logTail
	done chan struct{} // closed when the process has been waited for
}

// startProcess runs the command from the folder dir. The end of what the command prints is kept,
// and all of it is copied to log; a command that has writers of its own prints to those.
func startProcess(cmd *exec.Cmd, dir string, log io.Writer, onParentDeath syscall.Signal) (*process, error) {
	p := &process{cmd: cmd, log: &logTail{copy: log}, done: make(chan struct{})}
	cmd.Dir = dir
	if cmd.Env == nil {
		// Nothing of our environment changes what a server does; HOME keeps it from a user's own settings.
		cmd.Env = []string{"HOME=" + dir, "LC_ALL=C", "TZ=UTC"}
	}
	if cmd.Stdout == nil {
		cmd.Stdout = p.log
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.log
	}
	cmd.WaitDelay = pipeDelay
	// A process group of its own keeps the terminal's Ctrl-C away: the parent decides in which order servers end.
	attributes := sysProcAttr(cmd)
	attributes.Setpgid = true
	setDeathSignal(attributes, onParentDeath)

	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run starts the command and waits for its end on one thread, because Linux sends the death signal when the thread
// that started the child ends, and Go ends idle threads as it likes.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended does not matter: the probe or the log tells of a failure
	}
}

// stop asks the process to end, and kills it after stopTimeout or when the context ends. It returns when it is gone.
func (p *process) stop(ctx context.Context, signal syscall.Signal) {
	if p == nil || p.ended() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := p.cmd.Process.Signal(signal); err == nil {
		select {
		case <-p.done:
			return
		case <-ctx.Done():
		}
	}
	_ = p.kill() // fails only if the process ended meanwhile
}

// kill ends the process at once, and returns when it is gone.
func (p *process) kill() error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// whileAlive gives a context that ends with the process.
func (p *process) whileAlive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-p.done:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (p *process) pid() int {
	if p == nil || p.ended() {
		return 0
	}
	return p.cmd.Process.Pid
}

func sysProcAttr(cmd *exec.Cmd) *syscall.SysProcAttr {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	return cmd.SysProcAttr
}
