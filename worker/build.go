package worker

import (
	"fmt"
	"os"

	"go.temporal.io/sdk/worker"
)

// identity is the name of this worker in histories: "chferry v1.2.3 4200@host". Empty stands for the SDK's own.
func identity(version string) string {
	if version == "" {
		return ""
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("chferry %s %d@%s", version, os.Getpid(), host)
}

// deployment puts the build into histories. Nothing is routed by it: any worker may go on with any run, which the replayed
// histories of the tests allow.
func deployment(version string) worker.DeploymentOptions {
	if version == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{Version: worker.WorkerDeploymentVersion{DeploymentName: "chferry", BuildID: version}}
}
