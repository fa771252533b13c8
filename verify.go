package chferry

import "math"

// VerifyOptions say what a verify compares, and what becomes of the differences that it finds.
type VerifyOptions struct {
	// Where is a condition in the SQL of the source; empty: all rows. It belongs neither in logs nor in errors nor in
	// histories. With a condition, rows that only the destination has are not looked for.
	Where    string
	Repair   bool    // registers operations on the rows that differ
	Sample   float64 // share of the ranges that are compared, greater than 0 and at most 1; 0: all
	Parallel int     // readers; 0: [DefaultParallel]
}

// Validate returns [CodeInvalid] for options that can't be used.
func (o VerifyOptions) Validate() error {
	if o.Sample < 0 || o.Sample > 1 || math.IsNaN(o.Sample) {
		return Errorf(CodeInvalid, "sample, the share of the table to compare, must be greater than 0 and at most 1, "+
			"such as 0.05, not %v: leave it out to compare all of it", o.Sample)
	}
	return BackfillOptions{Where: o.Where, Parallel: o.Parallel}.Validate()
}

// VerifyScope says what a verify leaves out.
type VerifyScope struct {
	// NotCompared names the columns of the source that are not synced, and so are not compared.
	NotCompared []string `json:"not_compared,omitempty"`
	// OneWay tells that rows which only the destination has are not looked for.
	OneWay bool `json:"one_way,omitempty"`
}
