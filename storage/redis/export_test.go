package redis

// For tests of the entry format.
var (
	Encode = encode
	Decode = decode
	Count  = count
)

// ClaimHash names the script that claims a batch.
var ClaimHash = claimScript.Hash()

// NeverLate are the scripts whose late copies do something: registering twice does no harm, and
// extending a lease keeps a claimant or reader that is one still.
var NeverLate = []string{registerScript.Hash(), extendScript.Hash(), extendRangeScript.Hash()}

// Translate makes an error of Redis's a chferry.Error.
func (s *Storage) Translate(err error) error { return s.translate(err, "register operations") }
