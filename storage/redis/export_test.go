package redis

// For tests of the entry format.
var (
	Encode = encode
	Decode = decode
	Count  = count
)

// Translate makes an error of Redis's a chferry.Error.
func (s *Storage) Translate(err error) error { return s.translate(err, "register operations") }
