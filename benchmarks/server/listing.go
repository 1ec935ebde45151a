package main

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

const pageLength = 1000

var pages = sync.Pool{New: func() any { page := make([]byte, 0, 320<<10); return &page }}

// listed is one listing request. `after` is a key, or a common prefix that stands for all keys below it.
type listed struct {
	prefix, delimiter, after string
	limit                    int
	encodes                  bool
}

func listedBy(query url.Values) listed {
	asked := listed{
		prefix:    query.Get("prefix"),
		delimiter: query.Get("delimiter"),
		after:     query.Get("start-after"),
		limit:     pageLength,
		encodes:   query.Get("encoding-type") == "url",
	}
	if limit, err := strconv.Atoi(query.Get("max-keys")); err == nil && limit >= 0 && limit < pageLength {
		asked.limit = limit
	}
	if query.Get("list-type") != "2" {
		asked.after = query.Get("marker")
	} else if token := query.Get("continuation-token"); token != "" {
		key, _ := hex.DecodeString(token)
		asked.after = string(key)
	}
	return asked
}

// start returns the place of the first key that this page may show.
func (l listed) start(objects *index) cursor {
	if l.after == "" || l.after < l.prefix {
		return objects.seek(l.prefix)
	}
	if l.delimiter != "" && strings.HasSuffix(l.after, l.delimiter) && strings.HasPrefix(l.after, l.prefix) {
		if group := l.group(l.after); group == l.after {
			return objects.seek(behind(group))
		}
	}
	return objects.seek(l.after + "\x00")
}

// group returns the common prefix that a key is shown as, or "".
func (l listed) group(key string) string {
	if l.delimiter == "" {
		return ""
	}
	if at := strings.Index(key[len(l.prefix):], l.delimiter); at >= 0 {
		return key[:len(l.prefix)+at+len(l.delimiter)]
	}
	return ""
}

// behind returns the least key that does not start with a prefix and comes behind all that do.
func behind(prefix string) string {
	last := len(prefix) - 1
	for last >= 0 && prefix[last] == 0xff {
		last--
	}
	if last < 0 {
		return "\xff\xff\xff\xff\xff"
	}
	return prefix[:last] + string([]byte{prefix[last] + 1})
}

func (s *server) listObjects(w http.ResponseWriter, r *request) {
	asked := listedBy(r.query)
	buffer := pages.Get().(*[]byte)
	defer pages.Put(buffer)

	r.bucket.mutex.RLock()
	rows, shown, last, more := asked.page((*buffer)[:0], &r.bucket.objects)
	r.bucket.mutex.RUnlock()
	*buffer = rows

	head := xmlHead + "<ListBucketResult" + namespace + "><Name>" + r.bucketName + "</Name><Prefix>" +
		string(asked.text(nil, asked.prefix)) + "</Prefix><MaxKeys>" + strconv.Itoa(asked.limit) + "</MaxKeys><IsTruncated>" +
		strconv.FormatBool(more) + "</IsTruncated>"
	if asked.delimiter != "" {
		head += "<Delimiter>" + string(asked.text(nil, asked.delimiter)) + "</Delimiter>"
	}
	if asked.encodes {
		head += "<EncodingType>url</EncodingType>"
	}
	if r.query.Get("list-type") == "2" {
		head += "<KeyCount>" + strconv.Itoa(shown) + "</KeyCount>"
		if more {
			head += "<NextContinuationToken>" + hex.EncodeToString([]byte(last)) + "</NextContinuationToken>"
		}
	} else if more {
		head += "<NextMarker>" + string(asked.text(nil, last)) + "</NextMarker>"
	}
	const tail = "</ListBucketResult>"
	w.Header()["Content-Type"] = xmlType
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(rows)+len(tail)))
	w.Write([]byte(head))
	w.Write(rows)
	w.Write([]byte(tail))
}

// page appends the page's rows to out; it also returns how many they are, the last one's key or common prefix, and
// whether more follow. The bucket is locked for reading.
func (l listed) page(out []byte, objects *index) (rows []byte, shown int, last string, more bool) {
	times := timeText{}
	at := l.start(objects)
	for {
		o := at.object()
		if o == nil || !strings.HasPrefix(o.key, l.prefix) {
			return out, shown, last, false
		}
		if shown == l.limit {
			return out, shown, last, true
		}
		shown++
		if group := l.group(o.key); group != "" {
			out = append(out, "<CommonPrefixes><Prefix>"...)
			out = append(l.text(out, group), "</Prefix></CommonPrefixes>"...)
			last = group
			at = objects.seek(behind(group))
			continue
		}
		out = append(out, "<Contents><Key>"...)
		out = append(l.text(out, o.key), "</Key><LastModified>"...)
		out = append(times.append(out, o), `</LastModified><ETag>&quot;`...)
		out = append(appendETag(out, o), `&quot;</ETag><Size>`...)
		out = strconv.AppendInt(out, o.size, 10)
		out = append(out, "</Size><StorageClass>"+standard+"</StorageClass></Contents>"...)
		last = o.key
		at = at.next()
	}
}

const (
	standard  = "STANDARD"
	hexDigits = "0123456789abcdef"
)

func appendETag(out []byte, o *object) []byte {
	for _, b := range o.sum {
		out = append(out, hexDigits[b>>4], hexDigits[b&15])
	}
	if o.parts > 0 {
		out = strconv.AppendInt(append(out, '-'), int64(o.parts), 10)
	}
	return out
}

// timeText remembers the text of the last time, since neighbours often have the same.
type timeText struct {
	modified int64
	text     []byte
}

func (t *timeText) append(out []byte, o *object) []byte {
	if t.text == nil || t.modified != o.modified {
		t.modified, t.text = o.modified, o.time().AppendFormat(t.text[:0], timeFormat)
	}
	return append(out, t.text...)
}

// text appends a key: percent-encoded if the client asked for that, else as XML text.
func (l listed) text(out []byte, key string) []byte {
	for i := 0; i < len(key); i++ {
		if !isPlain(key[i]) {
			return l.encoded(append(out, key[:i]...), key[i:])
		}
	}
	return append(out, key...)
}

func (l listed) encoded(out []byte, key string) []byte {
	if !l.encodes {
		return append(out, escaped(key)...)
	}
	for i := 0; i < len(key); i++ {
		if b := key[i]; isPlain(b) {
			out = append(out, b)
		} else {
			out = append(out, '%', "0123456789ABCDEF"[b>>4], "0123456789ABCDEF"[b&15])
		}
	}
	return out
}

// isPlain tells the bytes that neither XML nor percent-encoding changes.
func isPlain(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '/' || b == '-' || b == '_' || b == '.'
}
