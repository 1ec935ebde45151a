package main

import (
	"math/rand"
	"sync"
	"time"
)

var slowDown = &refusal{503, "SlowDown", "Please reduce your request rate."}

// storm is when a store throttles, counted from the first request on, and how much of what comes it refuses then.
type storm struct {
	share        float64
	after, lasts time.Duration
}

func (s storm) blows(at time.Duration) bool { return at >= s.after && at < s.after+s.lasts }

// second is what came within one second.
type second struct{ received, refused int64 }

// traffic counts the S3 requests of each second since the first one, and chooses those that a storm refuses.
type traffic struct {
	mutex   sync.Mutex
	storm   storm
	chance  *rand.Rand
	first   time.Time
	seconds []second
}

func newTraffic() *traffic { return &traffic{chance: rand.New(rand.NewSource(1))} }

// note counts one request and tells whether the storm refuses it.
func (t *traffic) note(now time.Time) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.seconds) == 0 {
		t.first = now
	}
	at := now.Sub(t.first)
	if at < 0 { // read before the first one was counted
		at = 0
	}
	for number := int(at / time.Second); number >= len(t.seconds); {
		t.seconds = append(t.seconds, second{})
	}
	current := &t.seconds[at/time.Second]
	current.received++
	if !t.storm.blows(at) || t.chance.Float64() >= t.storm.share {
		return false
	}
	current.refused++
	return true
}

func (t *traffic) set(s storm) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.storm = s
}

// reset forgets what came; the storm's time is counted anew from the next request on.
func (t *traffic) reset() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.seconds = nil
}

// read returns the requests of each second, and those of them that were refused.
func (t *traffic) read() (received, refused []int64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	received, refused = make([]int64, len(t.seconds)), make([]int64, len(t.seconds))
	for i, each := range t.seconds {
		received[i], refused[i] = each.received, each.refused
	}
	return received, refused
}
