package starter

import (
	"context"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

const (
	// longestPoll is how long a worker may hold one poll: the server answers after a minute, and
	// the worker polls again.
	longestPoll = 70 * time.Second
	// promptly is how long a task may wait for a worker that polls: the server is asked, and
	// several partitions look for a poller.
	promptly = 2 * time.Second
)

// Pollers returns how many workers poll the task queue for workflow tasks. A worker whose activity
// slots are all taken still does. A worker that has ended counts for up to 70 seconds more, unless
// a task has been waiting since: then nobody took the task.
func (s *Starter) Pollers(ctx context.Context) (workers int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	d, err := s.client.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: s.namespace, TaskQueue: &taskqueue.TaskQueue{Name: s.taskQueue, Kind: enums.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: enums.TASK_QUEUE_TYPE_WORKFLOW, ReportStats: true,
	})
	if err != nil {
		return 0, s.translate(err)
	}
	return polling(d, time.Now()), nil
}

// polling returns how many pollers of a task queue are alive at a time.
func polling(d *workflowservice.DescribeTaskQueueResponse, now time.Time) (n int) {
	since := now.Add(-longestPoll)
	waiting := d.GetStats().GetApproximateBacklogAge().AsDuration()
	if d.GetStats().GetApproximateBacklogCount() > 0 && waiting > promptly {
		since = later(since, now.Add(-waiting))
	}
	for _, p := range d.GetPollers() {
		if p.GetLastAccessTime().AsTime().After(since) {
			n++
		}
	}
	return n
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
