package chferry

// What a setting is unless configured otherwise. The defaults of limits are in limits.go.
const (
	DefaultTaskQueue   = "chferry" // of workers
	DefaultIDPrefix    = "chferry" // the first part of the IDs of schedules and workflows
	DefaultRedisPrefix = "chferry" // the first part of every Redis key
	DefaultBatchSize   = 100_000   // operations a batch
)
