package chdb

import "runtime"

// Statement is SQL with what belongs to it.
type Statement struct {
	SQL    string
	Format string            // of the answer or, for [Session.Insert], of the data
	Params map[string]string // values of the placeholders {name:Type}
}

// arguments are a statement as the library takes it. They must be kept alive until it has.
type arguments struct {
	sql, format                []byte
	names, values              []*byte
	nameLengths, valuesLengths []uintptr
}

func (s Statement) arguments() *arguments {
	a := &arguments{sql: []byte(s.SQL), format: []byte(s.Format)}
	for name, value := range s.Params {
		a.names = append(a.names, &append([]byte(name), 0)[0])
		a.values = append(a.values, &append([]byte(value), 0)[0])
		a.nameLengths = append(a.nameLengths, uintptr(len(name)))
		a.valuesLengths = append(a.valuesLengths, uintptr(len(value)))
	}
	return a
}

type call func(conn, sql pointer, sqlLen uintptr, format pointer, formatLen uintptr, names, nameLens, values,
	valueLens pointer, n uintptr) pointer

func (a *arguments) pass(function call, conn pointer) pointer {
	var names, nameLengths, values, valuesLengths pointer
	if len(a.names) > 0 {
		names, nameLengths = pointer(&a.names[0]), pointer(&a.nameLengths[0])
		values, valuesLengths = pointer(&a.values[0]), pointer(&a.valuesLengths[0])
	}
	result := function(conn, start(a.sql), uintptr(len(a.sql)), start(a.format), uintptr(len(a.format)),
		names, nameLengths, values, valuesLengths, uintptr(len(a.names)))
	runtime.KeepAlive(a)
	return result
}
