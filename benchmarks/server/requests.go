package main

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// delays are added to every request, and to every list request on top of that; in nanoseconds.
type delays struct {
	request, list atomic.Int64
}

func wait(nanoseconds int64) {
	if nanoseconds > 0 {
		time.Sleep(time.Duration(nanoseconds))
	}
}

// request is what the handlers of one operation need.
type request struct {
	*http.Request
	query      url.Values
	bucketName string
	bucket     *bucket
	key        string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_") {
		s.administer(w, r)
		return
	}
	isRefused := s.traffic.note(time.Now())
	wait(s.delays.request.Load())
	w.Header()["X-Amz-Request-Id"] = requestID
	if isRefused {
		s.count("Throttled")
		s.refuse(w, r, slowDown)
		return
	}
	asked := &request{Request: r}
	if r.URL.RawQuery != "" {
		asked.query = r.URL.Query()
	}
	asked.bucketName, asked.key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if asked.bucketName == "" {
		s.count("ListBuckets")
		s.listBuckets(w)
		return
	}
	asked.bucket = s.store.bucket(asked.bucketName)
	switch {
	case asked.key == "" && r.Method == "PUT" && r.URL.RawQuery == "":
		s.count("CreateBucket")
		s.createBucket(w, asked)
	case asked.bucket == nil:
		s.count("NoSuchBucket")
		s.refuse(w, r, noSuchBucket)
	case asked.key == "":
		s.serveBucket(w, asked)
	case asked.query.Has("uploadId") || asked.query.Has("uploads"):
		s.serveUpload(w, asked)
	default:
		s.serveObject(w, asked)
	}
}

func (s *server) count(operation string) { s.counters.count(operation) }

func (s *server) serveBucket(w http.ResponseWriter, r *request) {
	switch {
	case r.Method == "HEAD":
		s.count("HeadBucket")
		w.Header().Set("x-amz-bucket-region", region)
	case r.Method == "POST" && r.query.Has("delete"):
		s.count("DeleteObjects")
		s.deleteObjects(w, r)
	case r.Method == "DELETE" && r.URL.RawQuery == "":
		s.count("DeleteBucket")
		s.store.drop(r.bucketName)
		w.WriteHeader(http.StatusNoContent)
	case r.Method != "GET":
		s.count("NotImplemented")
		s.refuse(w, r.Request, &refusal{501, "NotImplemented", r.Method + " ?" + r.URL.RawQuery})
	case r.query.Has("location"):
		s.count("GetBucketLocation")
		reply(w, `<LocationConstraint`+namespace+`></LocationConstraint>`)
	case r.query.Has("versioning"):
		s.count("GetBucketVersioning")
		reply(w, `<VersioningConfiguration`+namespace+`></VersioningConfiguration>`)
	case r.query.Has("encryption"):
		s.count("GetBucketEncryption")
		s.refuse(w, r.Request, &refusal{404, "ServerSideEncryptionConfigurationNotFoundError", "There is none."})
	case r.query.Has("uploads"):
		s.count("ListMultipartUploads")
		s.listUploads(w, r)
	case unanswered(r.query) != "":
		s.count("NotImplemented")
		s.refuse(w, r.Request, &refusal{501, "NotImplemented", "GET ?" + r.URL.RawQuery})
	default:
		s.count("ListObjects")
		wait(s.delays.list.Load())
		s.listObjects(w, r)
	}
}

// unanswered returns a subresource that must not be mistaken for a listing.
func unanswered(query url.Values) string {
	for _, name := range []string{"versions", "acl", "policy", "tagging", "lifecycle", "object-lock", "cors"} {
		if query.Has(name) {
			return name
		}
	}
	return ""
}

func (s *server) serveObject(w http.ResponseWriter, r *request) {
	if r.query.Has("tagging") {
		s.count("Tagging")
		drain(r.Request)
		reply(w, `<Tagging><TagSet></TagSet></Tagging>`)
		return
	}
	switch r.Method {
	case "GET":
		s.count("GetObject")
		s.getObject(w, r)
	case "HEAD":
		s.count("HeadObject")
		s.getObject(w, r)
	case "PUT":
		if r.Header.Get("x-amz-copy-source") != "" {
			s.count("CopyObject")
			s.copyObject(w, r)
			return
		}
		s.count("PutObject")
		s.putObject(w, r)
	case "DELETE":
		s.count("DeleteObject")
		if refused := r.bucket.remove(r.key, r.Header.Get("If-Match")); refused != nil {
			s.refuse(w, r.Request, refused)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		s.count("NotImplemented")
		s.refuse(w, r.Request, &refusal{501, "NotImplemented", r.Method})
	}
}

func (s *server) createBucket(w http.ResponseWriter, r *request) {
	drain(r.Request)
	if _, isNew := s.store.make(r.bucketName); !isNew {
		s.refuse(w, r.Request, &refusal{409, "BucketAlreadyOwnedByYou", "You have it already."})
		return
	}
	w.Header().Set("Location", "/"+r.bucketName)
}
