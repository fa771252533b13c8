package chferry

import "regexp"

// ImportKey names one stream of changes: one source table into one ClickHouse table.
// It is a letter followed by at most 127 letters, digits, dots, underscores or hyphens.
type ImportKey string

var importKeyPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,127}$`)

// Validate returns an error with [CodeInvalid] unless k has the form of an import key.
func (k ImportKey) Validate() error {
	if !importKeyPattern.MatchString(string(k)) {
		return Errorf(CodeInvalid, "import key %q must be a letter followed by at most 127 of A-Z a-z 0-9 _ . -",
			string(k))
	}
	return nil
}
