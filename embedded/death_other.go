//go:build !linux

package embedded

import "syscall"

// setDeathSignal does nothing: only Linux tells children of their parent's death. Stop is the way elsewhere.
func setDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}
