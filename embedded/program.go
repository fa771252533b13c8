package embedded

import (
	"context"
	"io"
	"os/exec"
	"syscall"
)

// Program is a program that works with the servers. Like them it ends when the process that started it dies.
type Program struct{ process *process }

// StartProgram starts a command in a folder. log gets what the command prints; nil: only the last lines are kept. The
// command's Env is taken as it is, and so are its Stdout and Stderr if they are set.
func StartProgram(cmd *exec.Cmd, dir string, log io.Writer) (*Program, error) {
	p, err := startProcess(cmd, dir, log, syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	return &Program{p}, nil
}

// Stop asks the program to end, kills it when that takes more than ten seconds or the context ends,
// and returns when it is gone.
func (p *Program) Stop(ctx context.Context) { p.process.stop(ctx, syscall.SIGTERM) }

// Kill ends the program at once with SIGKILL and returns when it is gone.
func (p *Program) Kill() error { return p.process.kill() }

// Pid is the program's process ID, 0 when it has ended.
func (p *Program) Pid() int { return p.process.pid() }

// Done is closed when the program has ended.
func (p *Program) Done() <-chan struct{} { return p.process.done }

// ExitCode is the exit status of a program that has ended; -1: a signal ended it.
func (p *Program) ExitCode() int { return p.process.cmd.ProcessState.ExitCode() }

// LastLines are the last lines that the program printed, in one line.
func (p *Program) LastLines() string { return p.process.log.lastLines() }
