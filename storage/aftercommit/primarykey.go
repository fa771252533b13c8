package aftercommit

import (
	"database/sql/driver"
	"slices"
	"strconv"

	"github.com/chferry/chferry"
)

// primaryKey makes a primary key of a value, or of a list of values. Errors hold none of them.
func primaryKey(value any) (chferry.PrimaryKey, error) {
	switch value := value.(type) {
	case chferry.PrimaryKey:
		return slices.Clone(value), nil
	case []any:
		pk := make(chferry.PrimaryKey, len(value))
		for i, part := range value {
			var err error
			if pk[i], err = text(part); err != nil {
				return nil, err
			}
		}
		return pk, nil
	default:
		part, err := text(value)
		return chferry.PrimaryKey{part}, err
	}
}

// text is a value of a primary key as the source writes it. It goes the way on which database/sql
// gives a value to a driver, so that what names the row in a statement names it here.
func text(value any) (string, error) {
	converted, err := driver.DefaultParameterConverter.ConvertValue(value)
	switch converted := converted.(type) {
	case string:
		return converted, nil
	case int64:
		return strconv.FormatInt(converted, 10), nil
	case bool:
		return strconv.FormatBool(converted), nil
	default:
		return "", chferry.WrapError(chferry.CodeInvalid, err,
			"a %T is no value of a primary key: give it as text, as the source writes it", value)
	}
}
