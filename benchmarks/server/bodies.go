package main

import (
	"bufio"
	"crypto/md5"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// readBytes is a request's body: its bytes only if they are few enough to be kept.
type readBytes struct {
	size int64
	md5  [16]byte
	crc  crc // computed if the request states one
	body []byte
}

// Larger than io.Copy's, which takes a system call for each 32 KiB.
var copyBuffers = sync.Pool{New: func() any { buffer := make([]byte, 256<<10); return &buffer }}

func (s *server) readBody(r *http.Request) (readBytes, error) {
	sum := md5.New()
	kept := &head{limit: s.keepAtMost}
	sinks := []io.Writer{sum, kept}
	passing := &passingSum{}
	if isStated(r.Header) {
		sinks = append(sinks, passing)
	}
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	size, err := io.CopyBuffer(io.MultiWriter(sinks...), payload(r), *buffer)
	read := readBytes{size: size, crc: crc{passing.sum, isStated(r.Header)}}
	sum.Sum(read.md5[:0])
	if size <= s.keepAtMost {
		read.body = append([]byte{}, kept.bytes...)
	}
	return read, err
}

func (s *server) readAll(r *http.Request) ([]byte, error) { return io.ReadAll(payload(r)) }

// head keeps what is written to it up to a limit.
type head struct {
	limit int64
	bytes []byte
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.limit - int64(len(h.bytes)); room > 0 {
		if int64(len(p)) < room {
			room = int64(len(p))
		}
		h.bytes = append(h.bytes, p[:room]...)
	}
	return len(p), nil
}

// payload returns the object's own bytes, without the frames of an aws-chunked body.
func payload(r *http.Request) io.Reader {
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") ||
		strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return &unframed{frames: bufio.NewReader(r.Body)}
	}
	return r.Body
}

var errFrame = errors.New("the aws-chunked body is broken")

// unframed reads aws-chunked bodies: `hex-size[;chunk-signature=...]\r\n`, that many bytes, `\r\n`, ... a frame of
// size 0, and trailers, which are read and dropped.
type unframed struct {
	frames *bufio.Reader
	left   int64
	inside bool // the last frame's closing line end is still to be read
	ended  bool
}

func (u *unframed) Read(p []byte) (int, error) {
	for u.left == 0 {
		if u.ended {
			return 0, io.EOF
		}
		if err := u.open(); err != nil {
			return 0, err
		}
	}
	if int64(len(p)) > u.left {
		p = p[:u.left]
	}
	n, err := u.frames.Read(p)
	u.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (u *unframed) open() error {
	if u.inside {
		if line, err := u.frames.ReadString('\n'); err != nil || strings.TrimSpace(line) != "" {
			return errFrame
		}
	}
	line, err := u.frames.ReadString('\n')
	if err != nil {
		return errFrame
	}
	length, _, _ := strings.Cut(strings.TrimSpace(line), ";")
	if u.left, err = strconv.ParseInt(length, 16, 64); err != nil {
		return errFrame
	}
	u.inside = true
	if u.left == 0 {
		u.ended = true
		io.Copy(io.Discard, u.frames)
	}
	return nil
}
