package api

// Routes are all routes, for the test that holds openapi.json against them.
func Routes(opts Options) (list [][2]string) {
	for _, r := range (&server{Options: opts}).routes() {
		list = append(list, [2]string{r.method, r.path})
	}
	return list
}
