package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// administer answers what is no S3. All are GET requests, none is counted or delayed:
//
//	/_seed?bucket=B&n=1000000&size=1024&format=data/%09d.bin&modified_ms=T[&absent=K:R][&changed=K:R]
//	                    objects 0 to n-1; those whose number leaves R when divided by K are left out, or are one byte
//	                    larger with another ETag. Returns how many objects the bucket has then.
//	/_wipe?bucket=B     an empty bucket, new if there was none
//	/_compare?a=A&b=B   how many objects each has, how many keys only one of them has, and how many differ
//	/_set?latency=50ms&list-latency=100ms
//	/_set?storm-share=0.5&storm-after=10s&storm-for=20s
//	                    that share of all S3 requests is refused with 503 SlowDown and not executed, from so long after
//	                    the first request since the last reset on, for so long; a share of 0 ends it
//	/_rates             S3 requests in each second since the first one, and how many of them a storm refused
//	/_reset             counters and rates to zero
//	/_stats             requests by operation, when the first of each came, CPU seconds of this process
func (s *server) administer(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var answer any
	var err error
	switch r.URL.Path {
	case "/_seed":
		answer, err = s.seed(query)
	case "/_wipe":
		s.store.drop(query.Get("bucket"))
		s.store.make(query.Get("bucket"))
		tidy()
		answer = map[string]int{"objects": 0}
	case "/_compare":
		answer, err = s.compare(query.Get("a"), query.Get("b"))
	case "/_set":
		err = s.set(query)
		answer = map[string]bool{"done": err == nil}
	case "/_reset":
		s.counters.reset()
		s.traffic.reset()
		answer = map[string]bool{"done": true}
	case "/_rates":
		received, refused := s.traffic.read()
		answer = map[string][]int64{"received": received, "refused": refused}
	case "/_stats":
		answer = s.statistics()
	default:
		err = fmt.Errorf("there is no %s", r.URL.Path)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(answer)
}

// tidy collects garbage now, so that it is not collected in the time that is measured.
func tidy() {
	runtime.GC()
	debug.FreeOSMemory()
}

// chosen is the rule K:R of a seed; without one it chooses nothing.
type chosen struct{ modulus, remainder int }

func chosenBy(text string) (chosen, error) {
	if text == "" {
		return chosen{}, nil
	}
	var rule chosen
	if _, err := fmt.Sscanf(text, "%d:%d", &rule.modulus, &rule.remainder); err != nil || rule.modulus < 1 {
		return rule, fmt.Errorf("a rule is K:R, not %s", text)
	}
	return rule, nil
}

func (c chosen) has(number int) bool { return c.modulus > 0 && number%c.modulus == c.remainder }

func (s *server) seed(query url.Values) (map[string]int, error) {
	n, err := strconv.Atoi(query.Get("n"))
	if err != nil {
		return nil, err
	}
	size, err := strconv.ParseInt(query.Get("size"), 10, 64)
	if err != nil {
		return nil, err
	}
	modified, err := strconv.ParseInt(query.Get("modified_ms"), 10, 64)
	if err != nil {
		return nil, err
	}
	absent, err := chosenBy(query.Get("absent"))
	if err != nil {
		return nil, err
	}
	changed, err := chosenBy(query.Get("changed"))
	if err != nil {
		return nil, err
	}
	format := query.Get("format")
	if strings.Count(format, "%") != 1 {
		return nil, fmt.Errorf("a format has one %%d")
	}
	b, _ := s.store.make(query.Get("bucket"))
	b.mutex.Lock()
	for i := 0; i < n; i++ {
		if absent.has(i) {
			continue
		}
		o := &object{key: fmt.Sprintf(format, i), size: size, modified: modified}
		if changed.has(i) {
			o.size++
		}
		binary.BigEndian.PutUint64(o.sum[:8], uint64(o.size))
		binary.BigEndian.PutUint64(o.sum[8:], uint64(i))
		b.objects.put(o)
	}
	length := b.objects.length
	b.mutex.Unlock()
	tidy()
	return map[string]int{"objects": length}, nil
}

// compare tells what two buckets have in common: by key, and for equal keys by size and ETag.
func (s *server) compare(first, second string) (map[string]int, error) {
	a, b := s.store.bucket(first), s.store.bucket(second)
	if a == nil || b == nil {
		return nil, fmt.Errorf("there is no such bucket")
	}
	a.mutex.RLock()
	defer a.mutex.RUnlock()
	if a != b {
		b.mutex.RLock()
		defer b.mutex.RUnlock()
	}
	onlyA, onlyB, different := 0, 0, 0
	x, y := a.objects.seek(""), b.objects.seek("")
	for x.object() != nil || y.object() != nil {
		p, q := x.object(), y.object()
		switch {
		case q == nil || p != nil && p.key < q.key:
			onlyA++
			x = x.next()
		case p == nil || q.key < p.key:
			onlyB++
			y = y.next()
		default:
			if p.size != q.size || p.sum != q.sum {
				different++
			}
			x, y = x.next(), y.next()
		}
	}
	return map[string]int{
		"a": a.objects.length, "b": b.objects.length, "only_a": onlyA, "only_b": onlyB, "different": different,
	}, nil
}

func (s *server) set(query url.Values) error {
	for name, target := range map[string]interface{ Store(int64) }{
		"latency": &s.delays.request, "list-latency": &s.delays.list,
	} {
		if text := query.Get(name); text != "" {
			duration, err := time.ParseDuration(text)
			if err != nil {
				return err
			}
			target.Store(int64(duration))
		}
	}
	if query.Has("storm-share") {
		asked, err := stormBy(query)
		if err != nil {
			return err
		}
		s.traffic.set(asked)
	}
	return nil
}

func stormBy(query url.Values) (storm, error) {
	share, err := strconv.ParseFloat(query.Get("storm-share"), 64)
	if err != nil || share < 0 || share > 1 {
		return storm{}, fmt.Errorf("a storm's share is a number from 0 to 1, not %s", query.Get("storm-share"))
	}
	if share == 0 {
		return storm{}, nil
	}
	after, err := time.ParseDuration(query.Get("storm-after"))
	if err != nil {
		return storm{}, err
	}
	lasts, err := time.ParseDuration(query.Get("storm-for"))
	return storm{share, after, lasts}, err
}

func (s *server) statistics() map[string]any {
	requests, first := s.counters.read()
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	seconds := time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
	return map[string]any{"requests": requests, "first_unix_s": first, "cpu_s": seconds}
}
