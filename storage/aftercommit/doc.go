// Package aftercommit registers what a transaction changed, once it is committed and not before. An application that
// changes rows in one place and registers them in another forgets one of the two some day; here they stand together:
//
//	err := aftercommit.Pgx(ctx, pool, store, func(tx pgx.Tx, changes *aftercommit.Changes) error {
//		if _, err := tx.Exec(ctx, "UPDATE users SET name = $1 WHERE id = $2", name, id); err != nil {
//			return err
//		}
//		changes.Update("users", id)
//		return nil
//	})
//
// [SQL] is the same for database/sql. [Changes.Commit] and [Changes.CommitSQL] end a transaction
// that the application began by itself, and with any other library [Changes.Validate] stands before
// the commit and [Changes.Register] behind it. The package imports the standard library and
// chferry's words, no driver.
//
// # What is promised
//
//   - A transaction that is rolled back, by an error, a panic or its commit, registers nothing.
//   - What could never be registered, such as a primary key without a value, fails the transaction
//     instead of being lost after it.
//   - Once the transaction is committed, the end of ctx stops nothing: the operations are
//     registered, or tried again for [Changes.Timeout] while the storage does not answer. If that
//     does not help, the error is a [NotRegisteredError], which has them.
//   - If nobody knows whether the commit succeeded, because its answer was lost, the operations are
//     registered all the same, and the error is a [NotRegisteredError] with all of them. A commit
//     that takes effect later, when a synchronous standby is back for example, may do so after a
//     sync has read the rows: register the operations again then. If the transaction is not
//     committed after all, that is harmless: a sync reads the rows as they are.
//
// # What is not
//
// A process that dies between the commit and the registration has registered nothing, and nobody
// knows it. These rows are not synced until something registers them again: their next change, or
// somebody after the crash. Registering twice does no harm, so register more than was lost; with a
// column that says when a row was changed:
//
//	psql -At -c "SELECT id FROM users WHERE updated_at > now() - interval '1 hour'" | chferry register users update -
//
// and without one, every row:
//
//	chferry register users update --all
//
// Deleted rows have no key in the table any more, but ClickHouse still shows them: the keys of the view find them.
//
//	clickhouse client -q "SELECT id FROM users_current FORMAT TSVRaw" | chferry register users update -
//
// What may not be lost even then belongs into a table of the application's own, written in the same
// transaction: its keys are registered from there and deleted afterwards.
package aftercommit
