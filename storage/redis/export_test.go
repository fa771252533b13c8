package redis

// For tests of the entry format.
var (
	Encode = encode
	Decode = decode
	Count  = count
)
