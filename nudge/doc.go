// Package nudge lets a registration start the sync of its operations, so that rows need not wait
// for the schedule's next tick.
//
// Registering has nothing to do with it: a registration leaves its import key in a set, and a
// goroutine nudges what is in the set, each key at once, but at most once in its interval. A burst
// of registrations so has a nudge at its beginning and one behind its end.
//
// A nudge is a wish. One that does not reach Temporal is tried again, ever more rarely, but dies with the process; the
// schedule's tick syncs whatever no nudge did.
package nudge
