package main

import (
	"fmt"
	"math/rand"
	"sort"
	"testing"
)

func TestTheIndexIsASortedMap(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var x index
	expected := map[string]*object{}
	for step := 0; step < 60000; step++ {
		key := fmt.Sprintf("%x", random.Intn(9000))
		if random.Intn(5) < 2 {
			x.remove(key)
			delete(expected, key)
		} else {
			o := &object{key: key, size: int64(step)}
			x.put(o)
			expected[key] = o
		}
		if x.get(key) != expected[key] {
			t.Fatalf("%s is not what was put", key)
		}
	}
	keys := make([]string, 0, len(expected))
	for key := range expected {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	at := x.seek("")
	for _, key := range keys {
		if at.object() != expected[key] {
			t.Fatalf("%s is missing or out of order", key)
		}
		at = at.next()
	}
	if at.object() != nil || x.length != len(keys) {
		t.Fatalf("%d objects, %d expected", x.length, len(keys))
	}
}

func TestAppendedKeysFillTheirChunks(t *testing.T) {
	var x index
	for i := 0; i < 3*chunkLength; i++ {
		x.put(&object{key: fmt.Sprintf("%09d", i)})
	}
	if len(x.chunks) != 3 {
		t.Fatalf("%d chunks", len(x.chunks))
	}
}
