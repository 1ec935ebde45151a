package main

import "sort"

const chunkLength = 512

// index holds the objects of a bucket in the order of their keys' bytes, in chunks of at most chunkLength, so that
// an insertion moves few pointers however many keys there are and a listing starts anywhere by binary search.
// No chunk is empty.
type index struct {
	chunks [][]*object
	length int
}

// cursor is a place in an index; a change of the index makes it invalid.
type cursor struct {
	index        *index
	chunk, place int
}

// seek returns the place of the first key that is not less than the given one.
func (x *index) seek(key string) cursor {
	chunk := sort.Search(len(x.chunks), func(i int) bool {
		objects := x.chunks[i]
		return objects[len(objects)-1].key >= key
	})
	if chunk == len(x.chunks) {
		return cursor{x, chunk, 0}
	}
	objects := x.chunks[chunk]
	place := sort.Search(len(objects), func(i int) bool { return objects[i].key >= key })
	return cursor{x, chunk, place}
}

// object returns the object at this place, or nil behind the last one.
func (c cursor) object() *object {
	if c.chunk == len(c.index.chunks) {
		return nil
	}
	return c.index.chunks[c.chunk][c.place]
}

func (c cursor) next() cursor {
	c.place++
	if c.place == len(c.index.chunks[c.chunk]) {
		c.chunk, c.place = c.chunk+1, 0
	}
	return c
}

func (x *index) get(key string) *object {
	if found := x.seek(key).object(); found != nil && found.key == key {
		return found
	}
	return nil
}

// put adds an object, or replaces the one of the same key.
func (x *index) put(o *object) {
	at := x.seek(o.key)
	if at.chunk == len(x.chunks) {
		x.append(o)
		return
	}
	objects := x.chunks[at.chunk]
	if objects[at.place].key == o.key {
		objects[at.place] = o
		return
	}
	objects = append(objects, nil)
	copy(objects[at.place+1:], objects[at.place:])
	objects[at.place] = o
	x.chunks[at.chunk] = objects
	x.length++
	if len(objects) > chunkLength {
		x.split(at.chunk)
	}
}

// append adds an object whose key is greater than all others; full chunks stay full, so that seeding is dense.
func (x *index) append(o *object) {
	last := len(x.chunks) - 1
	if last < 0 || len(x.chunks[last]) == chunkLength {
		x.chunks = append(x.chunks, make([]*object, 0, chunkLength))
		last++
	}
	x.chunks[last] = append(x.chunks[last], o)
	x.length++
}

func (x *index) split(chunk int) {
	objects := x.chunks[chunk]
	upper := make([]*object, 0, chunkLength+1)
	upper = append(upper, objects[len(objects)/2:]...)
	x.chunks = append(x.chunks, nil)
	copy(x.chunks[chunk+2:], x.chunks[chunk+1:])
	x.chunks[chunk+1] = upper
	x.chunks[chunk] = objects[:len(objects)/2]
}

func (x *index) remove(key string) {
	at := x.seek(key)
	if found := at.object(); found == nil || found.key != key {
		return
	}
	objects := x.chunks[at.chunk]
	copy(objects[at.place:], objects[at.place+1:])
	objects[len(objects)-1] = nil
	x.chunks[at.chunk] = objects[:len(objects)-1]
	x.length--
	if len(objects) == 1 {
		x.chunks = append(x.chunks[:at.chunk], x.chunks[at.chunk+1:]...)
	}
}
