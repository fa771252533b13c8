package embedded

import "io"

// Options are what may be chosen about a server. The zero value is useful: a temporary folder, a free port, data
// written safely.
type Options struct {
	// Dir is the folder for the server's data, its own alone; it is created when missing, and Stop leaves it, so that
	// a later start finds the data again. Empty: a temporary folder, which Stop removes.
	Dir string
	// Port is the port to listen on. 0: a free one, which stays the same over Restart.
	Port int
	// Log gets what the server prints, as it comes, from one goroutine per start. nil: only the last lines are
	// kept, for the error of a start that failed.
	Log io.Writer
	// NoSync trades safety in a power loss for speed: nothing is forced to disk. A killed server still loses nothing
	// that it acknowledged.
	NoSync bool
	// WebUI asks Temporal for its web interface, at Server.WebURL. The other servers have none.
	WebUI bool
	// WebPort is the port of the web interface. 0: a free one, which stays the same over Restart.
	WebPort int
	// Args are added at the end of the server's command line, where they win over ours.
	Args []string
}
