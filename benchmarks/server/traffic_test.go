package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

var noon = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

func TestAStormRefusesItsShareInItsTimeAndNothingElse(t *testing.T) {
	traffic := newTraffic()
	traffic.set(storm{share: 0.5, after: 2 * time.Second, lasts: 3 * time.Second})
	for i := 0; i < 8000; i++ {
		traffic.note(noon.Add(time.Duration(i) * time.Millisecond))
	}
	received, refused := traffic.read()
	if len(received) != 8 {
		t.Fatalf("%d seconds, 8 expected", len(received))
	}
	for number := range received {
		least, most := int64(0), int64(0)
		if number >= 2 && number < 5 {
			least, most = 430, 570
		}
		if received[number] != 1000 || refused[number] < least || refused[number] > most {
			t.Fatalf("second %d: %d of %d refused", number, refused[number], received[number])
		}
	}
}

func TestSecondsWithoutRequestsAreCountedAsEmpty(t *testing.T) {
	traffic := newTraffic()
	traffic.note(noon)
	traffic.note(noon.Add(-time.Millisecond))
	traffic.note(noon.Add(3500 * time.Millisecond))
	received, _ := traffic.read()
	if len(received) != 4 || received[0] != 2 || received[1] != 0 || received[2] != 0 || received[3] != 1 {
		t.Fatalf("%v", received)
	}
}

func TestAStormIsCountedFromTheFirstRequestAfterAReset(t *testing.T) {
	traffic := newTraffic()
	traffic.set(storm{share: 1, after: time.Second, lasts: time.Second})
	traffic.note(noon)
	traffic.reset()
	later := noon.Add(time.Hour)
	if traffic.note(later) || !traffic.note(later.Add(time.Second)) || traffic.note(later.Add(2*time.Second)) {
		t.Fatal("the storm is not where it belongs")
	}
}

func TestARefusedRequestIsNotExecuted(t *testing.T) {
	s := newServer(0)
	s.store.make("b")
	if err := s.set(url.Values{"storm-share": {"1"}, "storm-after": {"0s"}, "storm-for": {"1h"}}); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, httptest.NewRequest("PUT", "/b/key", http.NoBody))
	if answer.Code != 503 || s.store.bucket("b").objects.length != 0 {
		t.Fatalf("%d, %d objects", answer.Code, s.store.bucket("b").objects.length)
	}
	if err := s.set(url.Values{"storm-share": {"0"}}); err != nil {
		t.Fatal(err)
	}
	answer = httptest.NewRecorder()
	s.ServeHTTP(answer, httptest.NewRequest("PUT", "/b/key", http.NoBody))
	if answer.Code != 200 || s.store.bucket("b").objects.length != 1 {
		t.Fatalf("%d after the storm", answer.Code)
	}
}

func TestAStormThatCannotBeUnderstoodIsNotSet(t *testing.T) {
	s := newServer(0)
	for _, said := range []string{"storm-share=2", "storm-share=0.5", "storm-share=x", "storm-share=0.5&storm-after=1s"} {
		query, _ := url.ParseQuery(said)
		if s.set(query) == nil {
			t.Fatalf("%s was taken", said)
		}
	}
}
