package worker

import (
	"fmt"
	"os"

	"go.temporal.io/sdk/worker"
)

// identity is the name of this worker in histories: "v1.2.3 4200@host". A batch writes it twelve
// times, so it is short. Empty stands for the SDK's own.
func identity(version string) string {
	if version == "" {
		return ""
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s %d@%s", version, os.Getpid(), host)
}

// deployment puts the build into histories. Nothing is routed by it: any worker may go on with any
// run, which the replayed histories of the tests allow. So the deployment needs no name, which each
// task would write down with the build once more.
func deployment(version string) worker.DeploymentOptions {
	if version == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{Version: worker.WorkerDeploymentVersion{BuildID: version}}
}
