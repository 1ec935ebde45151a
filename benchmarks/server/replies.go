package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"sort"
	"strconv"
)

const (
	region     = "us-east-1"
	xmlHead    = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	namespace  = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	timeFormat = "2006-01-02T15:04:05.000Z"
)

var (
	requestID = []string{"BENCHMARK0000001"}
	xmlType   = []string{"application/xml"}
)

func reply(w http.ResponseWriter, document string) {
	w.Header()["Content-Type"] = xmlType
	io.WriteString(w, xmlHead+document)
}

// refuse answers an S3 error; a body that the client still sends is read first, so that its connection lives on.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, why *refusal) {
	s.count("refused " + strconv.Itoa(why.status))
	drain(r)
	w.Header()["Content-Type"] = xmlType
	w.WriteHeader(why.status)
	if r.Method != "HEAD" {
		io.WriteString(w, xmlHead+"<Error><Code>"+why.code+"</Code><Message>"+escaped(why.message)+
			"</Message><RequestId>"+requestID[0]+"</RequestId></Error>")
	}
}

func drain(r *http.Request) { io.Copy(io.Discard, r.Body) }

func escaped(text string) string {
	var out bytes.Buffer
	xml.EscapeText(&out, []byte(text))
	return out.String()
}

func (s *server) listBuckets(w http.ResponseWriter) {
	s.store.mutex.RLock()
	names := make([]string, 0, len(s.store.buckets))
	for name := range s.store.buckets {
		names = append(names, name)
	}
	s.store.mutex.RUnlock()
	sort.Strings(names)
	document := "<ListAllMyBucketsResult" + namespace + "><Owner><ID>benchmark</ID></Owner><Buckets>"
	for _, name := range names {
		document += "<Bucket><Name>" + name + "</Name><CreationDate>2024-01-01T00:00:00.000Z</CreationDate></Bucket>"
	}
	reply(w, document+"</Buckets></ListAllMyBucketsResult>")
}
