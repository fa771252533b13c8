package clickhouse

import (
	"bytes"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/chferry/chferry/rowset"
)

// fill puts canonical values into the driver's columns and takes them out of the block, of which
// the driver has a copy then. It works around the driver's Append, which takes boxed Go values and
// converts each: Decode, which the driver has for answers of the server, takes bytes in the form of
// the wire. Only LowCardinality columns go through Append, where the driver makes the dictionary.
func fill(targets []chcolumn.Interface, columns []column, block *rowset.Block) error {
	var wire []byte // of one column after another
	var source bytes.Reader
	reader := proto.NewReader(&source)
	rows := block.Rows()
	for i, target := range targets {
		var err error
		if values := &block.Vectors[i]; columns[i].dictionary {
			_, err = target.Append(columns[i].driverTexts(values))
		} else {
			wire = columns[i].appendNative(wire[:0], values)
			source.Reset(wire)
			err = target.Decode(reader, rows)
		}
		if err != nil {
			return fmt.Errorf("build column %q: %w", target.Name(), err)
		}
		block.Vectors[i] = rowset.Vector{}
	}
	return nil
}
