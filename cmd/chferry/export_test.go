package main

// Main lets the test binary be chferry, so that tests run it as a process of its own.
func Main() { main() }

// How programs open their storage.
var (
	OpenStorage       = openStorage
	OpenWorkerStorage = openWorkerStorage
)
