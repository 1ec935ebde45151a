package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// counters counts the requests of each operation since the last reset, and keeps when the first of each came.
type counters struct {
	mutex  sync.RWMutex
	counts map[string]*counter
}

type counter struct {
	requests  atomic.Int64
	firstNano atomic.Int64
}

func (c *counters) count(operation string) {
	c.mutex.RLock()
	found := c.counts[operation]
	c.mutex.RUnlock()
	if found == nil {
		c.mutex.Lock()
		if found = c.counts[operation]; found == nil {
			found = &counter{}
			c.counts[operation] = found
		}
		c.mutex.Unlock()
	}
	if found.firstNano.Load() == 0 {
		found.firstNano.CompareAndSwap(0, time.Now().UnixNano())
	}
	found.requests.Add(1)
}

func (c *counters) reset() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.counts = map[string]*counter{}
}

// read returns the requests of each operation, and the time of the first in seconds since 1970.
func (c *counters) read() (map[string]int64, map[string]float64) {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	requests, first := map[string]int64{}, map[string]float64{}
	for operation, found := range c.counts {
		requests[operation] = found.requests.Load()
		first[operation] = float64(found.firstNano.Load()) / 1e9
	}
	return requests, first
}
