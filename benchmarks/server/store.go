package main

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// object is never changed once it is stored, so it can be read without a lock and be shared by buckets.
type object struct {
	key      string
	size     int64
	modified int64    // milliseconds since 1970
	sum      [16]byte // the ETag's hex digits
	parts    int32    // of an object that was uploaded in parts, else 0
	content  *content // nil for seeded objects: no headers, and zeros to read
}

type content struct {
	headers http.Header
	body    []byte // nil if it was too large to be kept: zeros are read in its place
	crc     crc
}

func (o *object) etag() string {
	if o.parts > 0 {
		return hex.EncodeToString(o.sum[:]) + "-" + strconv.Itoa(int(o.parts))
	}
	return hex.EncodeToString(o.sum[:])
}

func (o *object) time() time.Time { return time.UnixMilli(o.modified).UTC() }

func (o *object) headers() http.Header {
	if o.content == nil {
		return nil
	}
	return o.content.headers
}

func (o *object) body() []byte {
	if o.content == nil {
		return nil
	}
	return o.content.body
}

func (o *object) crc() crc {
	if o.content == nil {
		return crc{}
	}
	return o.content.crc
}

type bucket struct {
	mutex   sync.RWMutex
	objects index
	uploads map[string]*upload
}

func (b *bucket) get(key string) *object {
	b.mutex.RLock()
	defer b.mutex.RUnlock()
	return b.objects.get(key)
}

// store holds the buckets.
type store struct {
	mutex   sync.RWMutex
	buckets map[string]*bucket
}

func (s *store) bucket(name string) *bucket {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return s.buckets[name]
}

// make returns the bucket of that name, new if there is none, and whether it is new.
func (s *store) make(name string) (*bucket, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if b := s.buckets[name]; b != nil {
		return b, false
	}
	b := &bucket{uploads: map[string]*upload{}}
	s.buckets[name] = b
	return b, true
}

func (s *store) drop(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.buckets, name)
}

// refusal is an S3 error.
type refusal struct {
	status  int
	code    string
	message string
}

var (
	preconditionFailed = &refusal{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
	noSuchKey          = &refusal{404, "NoSuchKey", "The specified key does not exist."}
	noSuchBucket       = &refusal{404, "NoSuchBucket", "The specified bucket does not exist"}
	noSuchUpload       = &refusal{404, "NoSuchUpload", "The specified upload does not exist."}
)

// conditions are what a request says of the object that it is about to replace or delete.
type conditions struct {
	match, noneMatch string
}

func conditionsOf(h http.Header) conditions {
	return conditions{h.Get("If-Match"), h.Get("If-None-Match")}
}

func matches(condition string, o *object) bool {
	return condition == "*" || strings.Trim(condition, `"`) == o.etag()
}

// check returns why a write is refused, given what is there now (nil for nothing), or nil.
func (c conditions) check(current *object) *refusal {
	switch {
	case c.match != "" && current == nil:
		return noSuchKey
	case c.match != "" && !matches(c.match, current):
		return preconditionFailed
	case c.noneMatch != "" && current != nil && matches(c.noneMatch, current):
		return preconditionFailed
	}
	return nil
}

// put stores an object if the conditions hold: check and write are one step.
func (b *bucket) put(o *object, c conditions) *refusal {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if c != (conditions{}) {
		if refused := c.check(b.objects.get(o.key)); refused != nil {
			return refused
		}
	}
	b.objects.put(o)
	return nil
}

// remove deletes an object if the condition holds: check and delete are one step. A key that is not there is no error.
func (b *bucket) remove(key, match string) *refusal {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if current := b.objects.get(key); match != "" && current != nil && !matches(match, current) {
		return preconditionFailed
	}
	b.objects.remove(key)
	return nil
}
