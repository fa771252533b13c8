package embedded

import "syscall"

// setDeathSignal has the kernel signal the child when its parent dies, also by SIGKILL.
func setDeathSignal(attributes *syscall.SysProcAttr, signal syscall.Signal) {
	attributes.Pdeathsig = signal
}
