package httpserver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-faster/city"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// The head of a frame, of which ClickHouse's compressed data are made: a checksum of all that follows it, the method,
// and in four bytes each the size with method and sizes, and the size of the data without compression.
const (
	checksumSize = 16
	methodAt     = checksumSize
	sizeAt       = methodAt + 1
	dataSizeAt   = sizeAt + 4
	headSize     = dataSizeAt + 4

	methodNone = 0x02
	methodLZ4  = 0x82
	methodZSTD = 0x90

	// maxFrame is ClickHouse's limit. The client sends a block as one frame, and its own reader stops at an eighth.
	maxFrame = 1 << 30
)

var errFrame = errors.New("a compressed frame is damaged")

// frames reads the data in a stream of frames.
type frames struct {
	source io.Reader
	frame  []byte // the last one
	data   []byte // in it
	left   []byte // of data
	zstd   *zstd.Decoder
}

func newFrames(source io.Reader) *frames {
	return &frames{source: source, frame: make([]byte, headSize)}
}

// Read reads the data of one frame after another.
func (f *frames) Read(into []byte) (int, error) {
	for len(f.left) == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(into, f.left)
	f.left = f.left[n:]
	return n, nil
}

func (f *frames) next() error {
	if _, err := io.ReadFull(f.source, f.frame[:headSize]); err != nil {
		return err // io.EOF between frames alone
	}
	size := int(binary.LittleEndian.Uint32(f.frame[sizeAt:])) - (headSize - checksumSize)
	dataSize := int(binary.LittleEndian.Uint32(f.frame[dataSizeAt:]))
	if size < 0 || size > maxFrame || dataSize > maxFrame {
		return errFrame
	}
	// It grows as the bytes come: a damaged head must not cost a gigabyte.
	frame := bytes.NewBuffer(f.frame[:headSize])
	if n, err := io.CopyN(frame, f.source, int64(size)); err != nil {
		return fmt.Errorf("%w: %d bytes are missing", io.ErrUnexpectedEOF, int64(size)-n)
	}
	f.frame = frame.Bytes()
	sum := city.CH128(f.frame[checksumSize:])
	if binary.LittleEndian.Uint64(f.frame) != sum.Low || binary.LittleEndian.Uint64(f.frame[8:]) != sum.High {
		return errFrame
	}
	return f.unpack(dataSize)
}

func (f *frames) unpack(size int) error {
	packed := f.frame[headSize:]
	if cap(f.data) < size {
		f.data = make([]byte, size)
	}
	f.data = f.data[:size]
	n, err := 0, error(nil)
	switch f.frame[methodAt] {
	case methodNone:
		n = copy(f.data, packed)
	case methodLZ4:
		n, err = lz4.UncompressBlock(packed, f.data)
	case methodZSTD:
		n, err = f.unpackZSTD(packed)
	default:
		return fmt.Errorf("%w: it has method %#x", errFrame, f.frame[methodAt])
	}
	if err != nil || n != size {
		return errFrame
	}
	f.left = f.data
	return nil
}

func (f *frames) unpackZSTD(packed []byte) (int, error) {
	if f.zstd == nil {
		var err error
		if f.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(maxFrame)); err != nil {
			return 0, err
		}
	}
	data, err := f.zstd.DecodeAll(packed, f.data[:0])
	if len(data) > len(f.data) {
		return 0, errFrame
	}
	return len(data), err
}
