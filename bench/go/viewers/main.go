// Command viewers is the receiver of the fan-out benchmark: many viewers in one
// process, so that what they cost is known and the same for every sender.
//
// It joins them one after another, says so, and then obeys `begin` and `end`
// lines on its standard input; each answer is one line of JSON.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"log"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"cloudphone.io/bench/peer"
)

const firstPacketTimeout = 20 * time.Second

type joined struct {
	JoinSeconds       float64   `json:"joinSeconds"`
	FirstPacketMillis []float64 `json:"firstPacketMs"`
}

type measured struct {
	Seconds  float64 `json:"seconds"`
	Packets  int     `json:"packets"`
	Bytes    int     `json:"bytes"`
	Pictures int     `json:"pictures"`
	// LeastPictures is of the viewer that got the fewest.
	LeastPictures  int     `json:"leastPictures"`
	BrokenPictures int     `json:"brokenPictures"`
	LostPackets    int     `json:"lostPackets"`
	DelayP50       float64 `json:"delayP50Ms"`
	DelayP99       float64 `json:"delayP99Ms"`
	// LastDelayP99 is of the viewer that got each picture last.
	LastDelayP99 float64 `json:"lastDelayP99Ms"`
}

func main() {
	url := flag.String("url", "", "where offers are posted")
	address := flag.String("address", "", "IP address of the candidates")
	count := flag.Int("count", 1, "number of viewers")
	flag.Parse()
	// What viewers cost is to be little, and the same for all senders.
	debug.SetGCPercent(1600)
	api, err := peer.Viewer(*address)
	if err != nil {
		log.Fatal(err)
	}
	output := json.NewEncoder(os.Stdout)
	viewers := make([]*viewer, *count)
	started := time.Now()
	for number := range viewers {
		if viewers[number], err = join(api, *url); err != nil {
			log.Fatal(err)
		}
	}
	result := joined{JoinSeconds: time.Since(started).Seconds()}
	for _, v := range viewers {
		select {
		case took := <-v.firstPacket:
			result.FirstPacketMillis = append(result.FirstPacketMillis, millis(took))
		case <-time.After(firstPacketTimeout):
			log.Fatalf("a viewer got no packet within %v", firstPacketTimeout)
		}
	}
	if err := output.Encode(result); err != nil {
		log.Fatal(err)
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		switch input.Text() {
		case "begin":
			started = time.Now()
			for _, v := range viewers {
				v.begin()
			}
		case "end":
			if err := output.Encode(summary(viewers, time.Since(started))); err != nil {
				log.Fatal(err)
			}
		}
	}
}

func summary(viewers []*viewer, took time.Duration) measured {
	result := measured{Seconds: took.Seconds(), LeastPictures: 1 << 31}
	var delays []time.Duration
	latest := map[int64]time.Duration{}
	for _, v := range viewers {
		v.mutex.Lock()
		v.measured = false
		result.Packets += v.packets
		result.Bytes += v.bytes
		result.Pictures += v.pictures
		result.LeastPictures = min(result.LeastPictures, v.pictures)
		result.BrokenPictures += v.broken
		result.LostPackets += v.window.lost()
		for _, f := range v.frames {
			delays = append(delays, f.delay)
			latest[f.stamp] = max(latest[f.stamp], f.delay)
		}
		v.mutex.Unlock()
	}
	last := make([]time.Duration, 0, len(latest))
	for _, delay := range latest {
		last = append(last, delay)
	}
	result.DelayP50, result.DelayP99 = percentile(delays, 50), percentile(delays, 99)
	result.LastDelayP99 = percentile(last, 99)
	return result
}

// percentile returns milliseconds; 0 where there is nothing.
func percentile(values []time.Duration, percent int) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return millis(values[(len(values)-1)*percent/100])
}

func millis(took time.Duration) float64 {
	return float64(took) / float64(time.Millisecond)
}
