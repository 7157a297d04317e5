// The Go backend: parses with net/http, and writes each request as one line to the journal.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
)

func main() {
	address, path := os.Args[1], os.Args[2]
	journal, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	var lock sync.Mutex
	handler := func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		fmt.Fprintf(journal, "200\t%s\t%s\t%s\n", r.Method, r.RequestURI, r.Host)
		lock.Unlock()
		io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Target", r.URL.EscapedPath())
		io.WriteString(w, "ok\n")
	}
	log.Fatal(http.ListenAndServe(address, http.HandlerFunc(handler)))
}
