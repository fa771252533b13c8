package clickhouse

import (
	"errors"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
)

// exceptions say what can be done about the server's exceptions. Others are [chferry.CodeUnknown],
// which is retried: an exception that stays only costs the time of the retries, one that passes
// must not stop a sync.
var exceptions = map[proto.Error]chferry.Code{
	proto.ErrTimeoutExceeded:                   chferry.CodeUnavailable,
	proto.ErrTooSlow:                           chferry.CodeUnavailable,
	proto.ErrDNSError:                          chferry.CodeUnavailable,
	proto.ErrQuotaExceeded:                     chferry.CodeUnavailable,
	proto.ErrTooManySimultaneousQueries:        chferry.CodeUnavailable,
	proto.ErrNoFreeConnection:                  chferry.CodeUnavailable,
	proto.ErrSocketTimeout:                     chferry.CodeUnavailable,
	proto.ErrNetworkError:                      chferry.CodeUnavailable,
	proto.ErrNoZookeeper:                       chferry.CodeUnavailable,
	proto.ErrAborted:                           chferry.CodeUnavailable,
	proto.ErrMemoryLimitExceeded:               chferry.CodeUnavailable,
	proto.ErrTableIsReadOnly:                   chferry.CodeUnavailable,
	proto.ErrNotEnoughSpace:                    chferry.CodeUnavailable,
	proto.ErrUnexpectedZookeeperError:          chferry.CodeUnavailable,
	proto.ErrTooManyParts:                      chferry.CodeUnavailable,
	proto.ErrNoActiveReplicas:                  chferry.CodeUnavailable,
	proto.ErrNoAvailableReplica:                chferry.CodeUnavailable,
	proto.ErrAllConnectionTriesFailed:          chferry.CodeUnavailable,
	proto.ErrTooFewLiveReplicas:                chferry.CodeUnavailable,
	proto.ErrUnsatisfiedQuorumForPreviousWrite: chferry.CodeUnavailable,
	proto.ErrUnknownStatusOfInsert:             chferry.CodeUnavailable,
	proto.ErrReceivedErrorTooManyRequests:      chferry.CodeUnavailable,
	proto.ErrQueryWasCancelled:                 chferry.CodeUnavailable,
	proto.ErrSystemError:                       chferry.CodeUnavailable,
	proto.ErrDeadlockAvoided:                   chferry.CodeUnavailable,
	proto.ErrS3Error:                           chferry.CodeUnavailable,
	proto.ErrTableIsBeingRestarted:             chferry.CodeUnavailable,
	proto.ErrServerOverloaded:                  chferry.CodeUnavailable,
	proto.ErrKeeperException:                   chferry.CodeUnavailable,
	proto.ErrCannotReadFromSocket:              chferry.CodeUnavailable,
	proto.ErrCannotWriteToSocket:               chferry.CodeUnavailable,
	proto.ErrCannotAllocateMemory:              chferry.CodeUnavailable,
	proto.ErrCannotFsync:                       chferry.CodeUnavailable,
	proto.ErrCannotOpenFile:                    chferry.CodeUnavailable,
	proto.ErrCannotReadFromFileDescriptor:      chferry.CodeUnavailable,
	proto.ErrCannotWriteToFileDescriptor:       chferry.CodeUnavailable,
	proto.ErrCannotWriteToFile:                 chferry.CodeUnavailable,
	proto.ErrShardHasNoConnections:             chferry.CodeUnavailable,
	proto.ErrNoRemoteShardAvailable:            chferry.CodeUnavailable,
	proto.ErrReplicaIsNotInQuorum:              chferry.CodeUnavailable,
	proto.ErrAllReplicasAreStale:               chferry.CodeUnavailable,
	proto.ErrAllReplicasLost:                   chferry.CodeUnavailable,
	proto.ErrReplicaStatusChanged:              chferry.CodeUnavailable,
	proto.ErrNotALeader:                        chferry.CodeUnavailable,
	proto.ErrRaftError:                         chferry.CodeUnavailable,
	proto.ErrDatabaseReplicationFailed:         chferry.CodeUnavailable,
	proto.ErrUnfinished:                        chferry.CodeUnavailable,
	proto.ErrLimitExceeded:                     chferry.CodeUnavailable,
	proto.ErrPthreadError:                      chferry.CodeUnavailable,
	proto.ErrCannotScheduleTask:                chferry.CodeUnavailable,
	proto.ErrThreadWasCanceled:                 chferry.CodeUnavailable,
	proto.ErrQueryWasCancelledByClient:         chferry.CodeUnavailable,
	proto.ErrPartIsTemporarilyLocked:           chferry.CodeUnavailable,
	proto.ErrPartIsLocked:                      chferry.CodeUnavailable,
	proto.ErrTooManyMutations:                  chferry.CodeUnavailable,
	proto.ErrDistributedTooManyPendingBytes:    chferry.CodeUnavailable,
	proto.ErrUserSessionLimitExceeded:          chferry.CodeUnavailable,
	proto.ErrAsyncLoadCanceled:                 chferry.CodeUnavailable,
	proto.ErrAsyncLoadWaitFailed:               chferry.CodeUnavailable,
	proto.ErrNotInitialized:                    chferry.CodeUnavailable,
	proto.ErrAzureBlobStorageError:             chferry.CodeUnavailable,
	proto.ErrHdfsError:                         chferry.CodeUnavailable,
	proto.ErrAwsError:                          chferry.CodeUnavailable,
	proto.ErrGoogleCloudError:                  chferry.CodeUnavailable,

	proto.ErrUnknownUser:          chferry.CodeAccessDenied,
	proto.ErrWrongPassword:        chferry.CodeAccessDenied,
	proto.ErrRequiredPassword:     chferry.CodeAccessDenied,
	proto.ErrIPAddressNotAllowed:  chferry.CodeAccessDenied,
	proto.ErrReadonly:             chferry.CodeAccessDenied,
	proto.ErrDatabaseAccessDenied: chferry.CodeAccessDenied,
	proto.ErrAccessDenied:         chferry.CodeAccessDenied,
	proto.ErrAuthenticationFailed: chferry.CodeAccessDenied,
	proto.ErrAccessEntityNotFound: chferry.CodeAccessDenied,
	proto.ErrUnknownRole:          chferry.CodeAccessDenied,
	proto.ErrSetNonGrantedRole:    chferry.CodeAccessDenied,
	proto.ErrUserExpired:          chferry.CodeAccessDenied,

	proto.ErrThereIsNoColumn:                  chferry.CodeSchemaMismatch,
	proto.ErrNotFoundColumnInBlock:            chferry.CodeSchemaMismatch,
	proto.ErrNoSuchColumnInTable:              chferry.CodeSchemaMismatch,
	proto.ErrIllegalColumn:                    chferry.CodeSchemaMismatch,
	proto.ErrUnknownIdentifier:                chferry.CodeSchemaMismatch,
	proto.ErrUnknownType:                      chferry.CodeSchemaMismatch,
	proto.ErrTypeMismatch:                     chferry.CodeSchemaMismatch,
	proto.ErrUnknownTable:                     chferry.CodeSchemaMismatch,
	proto.ErrCannotConvertType:                chferry.CodeSchemaMismatch,
	proto.ErrCannotInsertNullInOrdinaryColumn: chferry.CodeSchemaMismatch,
	proto.ErrIncorrectNumberOfColumns:         chferry.CodeSchemaMismatch,
	proto.ErrNumberOfColumnsDoesntMatch:       chferry.CodeSchemaMismatch,
	proto.ErrDuplicateColumn:                  chferry.CodeSchemaMismatch,
	proto.ErrIncompatibleColumns:              chferry.CodeSchemaMismatch,
	proto.ErrAmbiguousColumnName:              chferry.CodeSchemaMismatch,
	proto.ErrTableIsDropped:                   chferry.CodeSchemaMismatch,
	proto.ErrTableUUIDMismatch:                chferry.CodeSchemaMismatch,
	proto.ErrNotImplemented:                   chferry.CodeSchemaMismatch,

	proto.ErrViolatedConstraint:              chferry.CodeRefused,
	proto.ErrFunctionThrowIfValueIsNonZero:   chferry.CodeRefused,
	proto.ErrArgumentOutOfBound:              chferry.CodeRefused,
	proto.ErrDecimalOverflow:                 chferry.CodeRefused,
	proto.ErrIllegalDivision:                 chferry.CodeRefused,
	proto.ErrIncorrectData:                   chferry.CodeRefused,
	proto.ErrValueIsOutOfRangeOfDataType:     chferry.CodeRefused,
	proto.ErrTooLargeStringSize:              chferry.CodeRefused,
	proto.ErrTooLargeArraySize:               chferry.CodeRefused,
	proto.ErrCannotParseText:                 chferry.CodeRefused,
	proto.ErrCannotParseNumber:               chferry.CodeRefused,
	proto.ErrCannotParseDate:                 chferry.CodeRefused,
	proto.ErrCannotParseDatetime:             chferry.CodeRefused,
	proto.ErrCannotParseUUID:                 chferry.CodeRefused,
	proto.ErrCannotParseInputAssertionFailed: chferry.CodeRefused,

	proto.ErrUnknownFunction:               chferry.CodeConfiguration,
	proto.ErrUnknownDatabase:               chferry.CodeConfiguration,
	proto.ErrUnknownSetting:                chferry.CodeConfiguration,
	proto.ErrSyntaxError:                   chferry.CodeConfiguration,
	proto.ErrUnknownStorage:                chferry.CodeConfiguration,
	proto.ErrThereIsNoProfile:              chferry.CodeConfiguration,
	proto.ErrClientHasConnectedToWrongPort: chferry.CodeConfiguration,
	proto.ErrSupportIsDisabled:             chferry.CodeConfiguration,
	proto.ErrQueryIsProhibited:             chferry.CodeConfiguration,
	proto.ErrQueryNotAllowed:               chferry.CodeConfiguration,
	proto.ErrSettingConstraintViolation:    chferry.CodeConfiguration,
	proto.ErrInvalidSettingValue:           chferry.CodeConfiguration,
	proto.ErrReadonlySetting:               chferry.CodeConfiguration,
	proto.ErrTooManyRows:                   chferry.CodeConfiguration,
	proto.ErrTooManyBytes:                  chferry.CodeConfiguration,
	proto.ErrTooManyRowsOrBytes:            chferry.CodeConfiguration,
	proto.ErrTooManyPartitions:             chferry.CodeConfiguration,
	proto.ErrTooManyTables:                 chferry.CodeConfiguration,
	proto.ErrTooManyDatabases:              chferry.CodeConfiguration,
	proto.ErrLicenseExpired:                chferry.CodeConfiguration,

	proto.ErrTableSizeExceedsMaxDropSizeLimit: chferry.CodeConfiguration,
}

// advice says what to do about an exception; where it has nothing better, about its code.
var advice = map[proto.Error]string{
	proto.ErrUnknownDatabase: "create the database or mend clickhouse.url",
	proto.ErrUnknownTable:    "create the table with apply",
	proto.ErrSizesOfArraysDoesntMatch: "arrays of one Nested differ in length: give them names without a dot in " +
		"columns.rename, in a new table",
	proto.ErrUnknownFunction: "over http(s):// the server must be newer: use clickhouse://",
	proto.ErrUnknownSetting:  "take the setting out of clickhouse.url",
	proto.ErrTableIsDropped:  "create the table with apply",
	proto.ErrSyntaxError:     "the server does not know what chferry asks of it: it must be 18.16 or newer",
	proto.ErrNotImplemented:  "the table can't be written to, as a view: name another in destination.table",
	proto.ErrReadonly:        "the user may only read: set readonly to 0 in its profile",

	proto.ErrClientHasConnectedToWrongPort: "mend the port in clickhouse.url: native 9000, HTTP 8123",

	proto.ErrTooManyRows:        "raise the limit in the profile of the user, or lower batch_size",
	proto.ErrTooManyBytes:       "raise the limit in the profile of the user, or lower batch_size",
	proto.ErrTooManyRowsOrBytes: "raise the limit in the profile of the user, or lower batch_size",

	proto.ErrTableSizeExceedsMaxDropSizeLimit: "the server drops no table of that size: raise " +
		"max_table_size_to_drop in its configuration, or create flags/force_drop_table in its folder",

	proto.ErrTooManyParts: "the table has too many parts, as merges are behind: it passes when they " +
		"catch up; sync less often, or partition by less",
	proto.ErrTooManySimultaneousQueries: "the server has too much to do: " +
		"raise its max_concurrent_queries, or run fewer syncs",
	proto.ErrMemoryLimitExceeded: "the server lacks memory: lower batch_size, or raise max_memory_usage",
	proto.ErrNotEnoughSpace:      "its disk is full",
	proto.ErrTableIsReadOnly:     "the replica is read-only until it reaches its keeper",
	proto.ErrQuotaExceeded:       "the quota of the user is used up: wait, or raise it",
}

var adviceByCode = map[chferry.Code]string{
	chferry.CodeUnavailable:    "it may pass; see the server's log",
	chferry.CodeAccessDenied:   "mend user and password in clickhouse.url, or grant the user the right",
	chferry.CodeSchemaMismatch: "run check to see what does not fit",
	chferry.CodeConfiguration:  "the server does not allow it: see its log and the settings of the user",
	chferry.CodeRefused: "a constraint, a materialized view or the partition key does not take what a row " +
		"holds: mend the row or the table, then run chferry failed retry",
	chferry.CodeUnknown: "it is not known whether it passes: if it stays, the server's log says more",
}

func refused(doing string, err error, number proto.Error) error {
	code, ok := exceptions[number]
	if !ok {
		code = chferry.CodeUnknown
	}
	hint := advice[number]
	if hint == "" {
		hint = adviceByCode[code]
	}
	name := ""
	if number.IsAError() {
		name = " " + number.String()
	}
	return chferry.WrapError(code, err, "%s: ClickHouse refused with code %d%s: %s", doing, int(number), name, hint)
}

// isTooManyPartitions reports whether a block has too many partitions, for which the server has the
// number of tables with too many parts.
func isTooManyPartitions(e *ch.Exception) bool {
	return proto.Error(e.Code) == proto.ErrTooManyParts &&
		strings.Contains(e.Message, "Too many partitions for single INSERT block")
}

// isMissing tells whether err says that the table, or its database, does not exist.
func isMissing(err error) bool {
	var exception *ch.Exception
	if !errors.As(err, &exception) {
		return false
	}
	number := proto.Error(exception.Code)
	return number == proto.ErrUnknownTable || number == proto.ErrUnknownDatabase
}

// isDuplicate tells whether err says that a column exists already. 18.16 has no number for that alone.
func isDuplicate(err error) bool {
	var exception *ch.Exception
	return errors.As(err, &exception) && strings.Contains(exception.Message, "column with this name already exists")
}
