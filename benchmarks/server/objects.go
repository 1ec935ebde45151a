package main

import (
	"bytes"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

var zeros = make([]byte, 256<<10)

func now() int64 { return time.Now().UnixMilli() }

// keptHeaders are the request's headers that become the object's.
func keptHeaders(h http.Header) http.Header {
	var kept http.Header
	keep := func(name, value string) {
		if kept == nil {
			kept = http.Header{}
		}
		kept[name] = []string{value}
	}
	for name, values := range h {
		switch {
		case strings.HasPrefix(name, "X-Amz-Meta-"):
			keep(name, values[0])
		case name == "Content-Encoding":
			if rest := withoutChunking(values[0]); rest != "" {
				keep(name, rest)
			}
		case name == "Content-Type" || name == "Cache-Control" || name == "Content-Disposition" ||
			name == "Content-Language" || name == "Expires":
			keep(name, values[0])
		}
	}
	return kept
}

func withoutChunking(encoding string) string {
	var rest []string
	for _, each := range strings.Split(encoding, ",") {
		if each = strings.TrimSpace(each); each != "aws-chunked" && each != "" {
			rest = append(rest, each)
		}
	}
	return strings.Join(rest, ",")
}

func (s *server) putObject(w http.ResponseWriter, r *request) {
	read, err := s.readBody(r.Request)
	if err != nil {
		s.refuse(w, r.Request, &refusal{400, "IncompleteBody", err.Error()})
		return
	}
	if !read.crc.holds(r.Header) {
		s.refuse(w, r.Request, badDigest)
		return
	}
	o := &object{
		key: r.key, size: read.size, modified: now(), sum: read.md5,
		content: &content{keptHeaders(r.Header), read.body, read.crc},
	}
	if refused := r.bucket.put(o, conditionsOf(r.Header)); refused != nil {
		s.refuse(w, r.Request, refused)
		return
	}
	w.Header().Set("ETag", `"`+o.etag()+`"`)
	if read.crc.isKnown {
		w.Header().Set(sumHeader, read.crc.text())
	}
}

// source returns the object that a copy reads, if the request's condition on it holds.
func (s *server) source(r *request) (*object, *refusal) {
	named, _, _ := strings.Cut(r.Header.Get("x-amz-copy-source"), "?versionId=")
	path, err := url.PathUnescape(strings.TrimPrefix(named, "/"))
	if err != nil {
		return nil, &refusal{400, "InvalidArgument", "the copy source is no key"}
	}
	bucketName, key, _ := strings.Cut(path, "/")
	b := s.store.bucket(bucketName)
	if b == nil {
		return nil, noSuchBucket
	}
	found := b.get(key)
	if found == nil {
		return nil, noSuchKey
	}
	if match := r.Header.Get("x-amz-copy-source-if-match"); match != "" && !matches(match, found) {
		return nil, preconditionFailed
	}
	return found, nil
}

func (s *server) copyObject(w http.ResponseWriter, r *request) {
	from, refused := s.source(r)
	if refused != nil {
		s.refuse(w, r.Request, refused)
		return
	}
	o := &object{key: r.key, size: from.size, modified: now(), sum: from.sum, content: from.content}
	if r.Header.Get("x-amz-metadata-directive") == "REPLACE" {
		o.content = &content{keptHeaders(r.Header), from.body(), from.crc()}
	}
	if refused := r.bucket.put(o, conditionsOf(r.Header)); refused != nil {
		s.refuse(w, r.Request, refused)
		return
	}
	out := make([]byte, 0, 320)
	out = append(out, "<CopyObjectResult"+namespace+"><LastModified>"...)
	out = o.time().AppendFormat(out, timeFormat)
	out = append(out, `</LastModified><ETag>&quot;`...)
	out = append(appendETag(out, o), `&quot;</ETag></CopyObjectResult>`...)
	reply(w, string(out))
}

func (s *server) getObject(w http.ResponseWriter, r *request) {
	o := r.bucket.get(r.key)
	if o == nil {
		s.refuse(w, r.Request, noSuchKey)
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && !matches(match, o) {
		s.refuse(w, r.Request, preconditionFailed)
		return
	}
	header := w.Header()
	for name, values := range o.headers() {
		header[name] = values
	}
	header.Set("ETag", `"`+o.etag()+`"`)
	header.Set("Last-Modified", o.time().Format(http.TimeFormat))
	header.Set("Accept-Ranges", "bytes")
	if none := r.Header.Get("If-None-Match"); none != "" && matches(none, o) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	first, last, status := int64(0), o.size-1, http.StatusOK
	if r.Header.Get("Range") == "" {
		o.crc().tell(r.Header, header)
	}
	if text := r.Header.Get("Range"); text != "" {
		var ok bool
		if first, last, ok = byteRange(text, o.size); !ok {
			s.refuse(w, r.Request, &refusal{416, "InvalidRange", "The requested range is not satisfiable"})
			return
		}
		status = http.StatusPartialContent
		header.Set("Content-Range", "bytes "+strconv.FormatInt(first, 10)+"-"+strconv.FormatInt(last, 10)+"/"+
			strconv.FormatInt(o.size, 10))
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "binary/octet-stream")
	}
	header.Set("Content-Length", strconv.FormatInt(last-first+1, 10))
	w.WriteHeader(status)
	if r.Method == "GET" {
		writeRange(w, o, first, last)
	}
}

func writeRange(w io.Writer, o *object, first, last int64) {
	if body := o.body(); body != nil {
		w.Write(body[first : last+1])
		return
	}
	for left := last - first + 1; left > 0; {
		piece := zeros
		if left < int64(len(piece)) {
			piece = piece[:left]
		}
		if _, err := w.Write(piece); err != nil {
			return
		}
		left -= int64(len(piece))
	}
}

// byteRange reads `bytes=first-last`, `bytes=first-` and `bytes=-length`; both ends are included.
func byteRange(text string, size int64) (first, last int64, ok bool) {
	from, to, found := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	if !found {
		return 0, 0, false
	}
	last = size - 1
	if from == "" {
		length, err := strconv.ParseInt(to, 10, 64)
		if length > size {
			length = size
		}
		return size - length, last, err == nil && length > 0
	}
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if end, err := strconv.ParseInt(to, 10, 64); err == nil && end < last {
		last = end
	}
	return first, last, first <= last
}

// deleteObjects reads the request with string searches: it is trusted to be well-formed.
func (s *server) deleteObjects(w http.ResponseWriter, r *request) {
	read, err := s.readAll(r.Request)
	if err != nil {
		s.refuse(w, r.Request, &refusal{400, "IncompleteBody", err.Error()})
		return
	}
	asked := bytes.Split(read, []byte("<Object>"))[1:]
	if len(asked) == 0 || len(asked) > pageLength {
		s.refuse(w, r.Request, &refusal{400, "MalformedXML", "A request deletes 1 to 1000 keys."})
		return
	}
	quiet := bytes.Contains(read, []byte("<Quiet>true</Quiet>"))
	out := make([]byte, 0, 64*len(asked))
	out = append(out, "<DeleteResult"+namespace+">"...)
	for _, each := range asked {
		rawKey := between(each, "<Key>", "</Key>")
		if refused := r.bucket.remove(unescaped(rawKey), unescaped(between(each, "<ETag>", "</ETag>"))); refused != nil {
			s.count("refused key")
			out = append(out, "<Error><Key>"...)
			out = append(append(out, rawKey...), "</Key><Code>"+refused.code+"</Code><Message>"+refused.message+"</Message></Error>"...)
		} else if !quiet {
			out = append(out, "<Deleted><Key>"...)
			out = append(append(out, rawKey...), "</Key></Deleted>"...)
		}
	}
	reply(w, string(append(out, "</DeleteResult>"...)))
}

func between(text []byte, opening, closing string) []byte {
	_, rest, _ := bytes.Cut(text, []byte(opening))
	found, _, _ := bytes.Cut(rest, []byte(closing))
	return found
}

func unescaped(raw []byte) string {
	if bytes.IndexByte(raw, '&') < 0 {
		return string(raw)
	}
	return html.UnescapeString(string(raw))
}
