package activities

// The names of the steps, by which workflows call them. Histories hold them: they never change.
const (
	PreSyncName        = "PreSync"
	GetOperationsName  = "GetOperations"
	InsertBatchName    = "InsertBatch"
	PostSyncName       = "PostSync"
	PostSyncFailedName = "PostSyncFailed"

	PlanBackfillName  = "PlanBackfill"
	CopyRangesName    = "CopyRanges"
	PlanVerifyName    = "PlanVerify"
	CompareRangesName = "CompareRanges"
	EndVerifyName     = "EndVerify"
	RangesDoneName    = "RangesDone"
	EndBackfillName   = "EndBackfill"
)
