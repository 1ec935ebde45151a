package main

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
)

type part struct {
	size     int64
	sum      [16]byte
	modified int64
	body     []byte // nil if it was too large to be kept
	crc      crc
}

// upload is guarded by its bucket's mutex.
type upload struct {
	key     string
	headers http.Header
	started int64
	parts   map[int]*part
}

type uploadNames struct{ last atomic.Int64 }

func (n *uploadNames) next() string { return fmt.Sprintf("upload-%08d", n.last.Add(1)) }

func (s *server) serveUpload(w http.ResponseWriter, r *request) {
	if r.Method == "POST" && r.query.Has("uploads") {
		s.count("CreateMultipartUpload")
		s.createUpload(w, r)
		return
	}
	switch {
	case r.Method == "PUT" && r.Header.Get("x-amz-copy-source") != "":
		s.count("UploadPartCopy")
	case r.Method == "PUT":
		s.count("UploadPart")
	case r.Method == "GET":
		s.count("ListParts")
	case r.Method == "POST":
		s.count("CompleteMultipartUpload")
	case r.Method == "DELETE":
		s.count("AbortMultipartUpload")
	}
	id := r.query.Get("uploadId")
	r.bucket.mutex.RLock()
	found := r.bucket.uploads[id]
	r.bucket.mutex.RUnlock()
	if found == nil || found.key != r.key {
		s.refuse(w, r.Request, noSuchUpload)
		return
	}
	switch r.Method {
	case "PUT":
		s.putPart(w, r, found)
	case "GET":
		s.listParts(w, r, id, found)
	case "POST":
		s.completeUpload(w, r, id, found)
	case "DELETE":
		r.bucket.mutex.Lock()
		delete(r.bucket.uploads, id)
		r.bucket.mutex.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		s.refuse(w, r.Request, &refusal{501, "NotImplemented", r.Method})
	}
}

func (s *server) createUpload(w http.ResponseWriter, r *request) {
	drain(r.Request)
	id := s.uploads.next()
	r.bucket.mutex.Lock()
	r.bucket.uploads[id] = &upload{r.key, keptHeaders(r.Header), now(), map[int]*part{}}
	r.bucket.mutex.Unlock()
	reply(w, "<InitiateMultipartUploadResult"+namespace+"><Bucket>"+r.bucketName+"</Bucket><Key>"+escaped(r.key)+
		"</Key><UploadId>"+id+"</UploadId></InitiateMultipartUploadResult>")
}

func (s *server) putPart(w http.ResponseWriter, r *request, to *upload) {
	number, err := strconv.Atoi(r.query.Get("partNumber"))
	if err != nil || number < 1 || number > 10000 {
		s.refuse(w, r.Request, &refusal{400, "InvalidArgument", "a part number is 1 to 10000"})
		return
	}
	isCopy := r.Header.Get("x-amz-copy-source") != ""
	made, refused := s.makePart(r, number, isCopy)
	if refused != nil {
		s.refuse(w, r.Request, refused)
		return
	}
	r.bucket.mutex.Lock()
	to.parts[number] = made
	r.bucket.mutex.Unlock()
	etag := fmt.Sprintf("%x", made.sum)
	if !isCopy {
		w.Header().Set("ETag", `"`+etag+`"`)
		if made.crc.isKnown {
			w.Header().Set(sumHeader, made.crc.text())
		}
		return
	}
	reply(w, "<CopyPartResult"+namespace+"><LastModified>"+made.time()+"</LastModified><ETag>&quot;"+etag+
		"&quot;</ETag></CopyPartResult>")
}

func (p *part) time() string { return (&object{modified: p.modified}).time().Format(timeFormat) }

func (s *server) makePart(r *request, number int, isCopy bool) (*part, *refusal) {
	if !isCopy {
		read, err := s.readBody(r.Request)
		if err != nil {
			return nil, &refusal{400, "IncompleteBody", err.Error()}
		}
		if !read.crc.holds(r.Header) {
			return nil, badDigest
		}
		return &part{read.size, read.md5, now(), read.body, read.crc}, nil
	}
	from, refused := s.source(r)
	if refused != nil {
		return nil, refused
	}
	first, last := int64(0), from.size-1
	if text := r.Header.Get("x-amz-copy-source-range"); text != "" {
		var ok bool
		if first, last, ok = byteRange(text, from.size); !ok {
			return nil, &refusal{400, "InvalidArgument", "the range is not valid for the source"}
		}
	}
	made := &part{size: last - first + 1, modified: now()}
	if body := from.body(); body != nil {
		made.body = body[first : last+1]
		made.sum = md5.Sum(made.body)
	} else {
		made.sum = md5.Sum([]byte(fmt.Sprintf("%s %d %d %d", from.etag(), number, first, last)))
	}
	return made, nil
}

func (s *server) listParts(w http.ResponseWriter, r *request, id string, from *upload) {
	after, _ := strconv.Atoi(r.query.Get("part-number-marker"))
	limit := pageLength
	if asked, err := strconv.Atoi(r.query.Get("max-parts")); err == nil && asked < limit {
		limit = asked
	}
	r.bucket.mutex.RLock()
	var rows strings.Builder
	shown, more := 0, false
	for _, number := range from.numbers() {
		if number <= after {
			continue
		}
		if shown == limit {
			more = true
			break
		}
		p := from.parts[number]
		fmt.Fprintf(&rows, "<Part><PartNumber>%d</PartNumber><LastModified>%s</LastModified><ETag>&quot;%x&quot;</ETag><Size>%d</Size></Part>",
			number, p.time(), p.sum, p.size)
		shown, after = shown+1, number
	}
	r.bucket.mutex.RUnlock()
	reply(w, fmt.Sprintf("<ListPartsResult%s><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId>"+
		"<NextPartNumberMarker>%d</NextPartNumberMarker><MaxParts>%d</MaxParts><IsTruncated>%v</IsTruncated>%s</ListPartsResult>",
		namespace, r.bucketName, escaped(r.key), id, after, limit, more, rows.String()))
}

func (u *upload) numbers() []int {
	numbers := make([]int, 0, len(u.parts))
	for number := range u.parts {
		numbers = append(numbers, number)
	}
	sort.Ints(numbers)
	return numbers
}

type completion struct {
	Part []struct {
		PartNumber int
		ETag       string
	}
}

func (s *server) completeUpload(w http.ResponseWriter, r *request, id string, from *upload) {
	raw, err := s.readAll(r.Request)
	var asked completion
	if err != nil || xml.Unmarshal(raw, &asked) != nil || len(asked.Part) == 0 {
		s.refuse(w, r.Request, &refusal{400, "MalformedXML", "The list of parts cannot be read."})
		return
	}
	r.bucket.mutex.Lock()
	o, refused := from.complete(asked)
	if refused == nil && !o.crc().holds(r.Header) {
		refused = badDigest
	}
	if refused == nil {
		refused = conditionsOf(r.Header).check(r.bucket.objects.get(r.key))
	}
	if refused == nil {
		r.bucket.objects.put(o)
		delete(r.bucket.uploads, id)
	}
	r.bucket.mutex.Unlock()
	if refused != nil {
		s.refuse(w, r.Request, refused)
		return
	}
	reply(w, "<CompleteMultipartUploadResult"+namespace+"><Location>/"+r.bucketName+"</Location><Bucket>"+r.bucketName+
		"</Bucket><Key>"+escaped(r.key)+"</Key><ETag>&quot;"+o.etag()+"&quot;</ETag>"+statedWhole(o.crc())+"</CompleteMultipartUploadResult>")
}

func statedWhole(whole crc) string {
	if !whole.isKnown {
		return ""
	}
	return "<ChecksumCRC64NVME>" + whole.text() + "</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
}

// complete returns the object that the named parts make. The bucket is locked.
func (u *upload) complete(asked completion) (*object, *refusal) {
	o := &object{key: u.key, modified: now(), parts: int32(len(asked.Part))}
	sums := md5.New()
	last, body, isWhole, whole := 0, []byte{}, true, crc{0, true}
	for _, each := range asked.Part {
		if each.PartNumber <= last {
			return nil, &refusal{400, "InvalidPartOrder", "The list of parts was not in ascending order."}
		}
		last = each.PartNumber
		p := u.parts[each.PartNumber]
		if p == nil || strings.Trim(each.ETag, `"`) != fmt.Sprintf("%x", p.sum) {
			return nil, &refusal{400, "InvalidPart", "One or more of the specified parts could not be found."}
		}
		o.size += p.size
		sums.Write(p.sum[:])
		whole = whole.and(p.crc, p.size)
		isWhole = isWhole && p.body != nil
		body = append(body, p.body...)
	}
	sums.Sum(o.sum[:0])
	o.content = &content{headers: u.headers, crc: whole}
	if isWhole {
		o.content.body = body
	}
	return o, nil
}

// listUploads answers all uploads below the prefix in one page.
func (s *server) listUploads(w http.ResponseWriter, r *request) {
	prefix := r.query.Get("prefix")
	var rows []string
	r.bucket.mutex.RLock()
	for id, u := range r.bucket.uploads {
		if strings.HasPrefix(u.key, prefix) {
			rows = append(rows, "<Upload><Key>"+escaped(u.key)+"</Key><UploadId>"+id+"</UploadId><Initiated>"+
				(&object{modified: u.started}).time().Format(timeFormat)+"</Initiated></Upload>")
		}
	}
	r.bucket.mutex.RUnlock()
	sort.Strings(rows)
	reply(w, "<ListMultipartUploadsResult"+namespace+"><Bucket>"+r.bucketName+"</Bucket><IsTruncated>false</IsTruncated>"+
		strings.Join(rows, "")+"</ListMultipartUploadsResult>")
}
