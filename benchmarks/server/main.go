// An S3 endpoint in memory, made to be faster than the clients that are measured against it.
//
// It answers path-style requests, checks no signature and of checksums only CRC64NVME, where a request states it, and
// keeps the bytes of small objects only.
// Conditions on put, copy, part copy, complete and delete are checked and acted on in one step. What it is asked
// beyond S3 (filling, wiping, comparing, counting, latency, storms) is in admin.go.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

type server struct {
	store      store
	counters   counters
	traffic    *traffic
	delays     delays
	uploads    uploadNames
	keepAtMost int64
}

func newServer(keepAtMost int64) *server {
	return &server{
		store:      store{buckets: map[string]*bucket{}},
		counters:   counters{counts: map[string]*counter{}},
		traffic:    newTraffic(),
		keepAtMost: keepAtMost,
	}
}

func main() {
	address := flag.String("addr", "127.0.0.1:0", "where to listen; port 0 takes a free one")
	keepAtMost := flag.Int64("keep-bytes", 64<<10, "objects up to this size keep their bytes, larger ones read as zeros")
	attached := flag.Bool("until-stdin-closes", false, "end when standard input does, so that no server is left behind")
	flag.Parse()

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	if *attached {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	serving := &http.Server{Handler: newServer(*keepAtMost), IdleTimeout: 5 * time.Minute}
	fmt.Fprintln(os.Stderr, serving.Serve(listener))
	os.Exit(1)
}
