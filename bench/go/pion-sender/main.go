// Command pion-sender plays the clip to every viewer that sends an offer.
//
// It stands for what a service on pion does: `-tracks own` writes each picture
// to a track of each viewer, `-tracks shared` to one track of all of them.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"cloudphone.io/bench/clip"
	"cloudphone.io/bench/peer"
)

type sender struct {
	api    *webrtc.API
	shared *webrtc.TrackLocalStaticSample

	mutex  sync.Mutex
	tracks []*webrtc.TrackLocalStaticSample
}

func main() {
	path := flag.String("clip", "", "file of access units")
	address := flag.String("address", "", "IP address of the candidates")
	tracks := flag.String("tracks", "own", "own or shared")
	flag.Parse()
	units, err := clip.Read(*path)
	if err != nil {
		log.Fatal(err)
	}
	api, err := peer.Sender(*address)
	if err != nil {
		log.Fatal(err)
	}
	all := &sender{api: api}
	if *tracks == "shared" {
		if all.shared, err = newTrack(); err != nil {
			log.Fatal(err)
		}
		all.tracks = []*webrtc.TrackLocalStaticSample{all.shared}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /offer", all.answer)
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	fmt.Printf("http://%s/offer\n", listener.Addr())
	go all.play(units)
	// The end of standard input is the end of the benchmark.
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func newTrack() (*webrtc.TrackLocalStaticSample, error) {
	return webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "video", "bench",
	)
}

// play sends the clip for ever in real time.
func (s *sender) play(units [][]byte) {
	start := time.Now()
	for number := 0; ; number++ {
		time.Sleep(time.Until(start.Add(time.Duration(number) * time.Second / clip.FramesPerSecond)))
		sample := media.Sample{
			Data:     clip.Stamped(units[number%len(units)]),
			Duration: time.Second / clip.FramesPerSecond,
		}
		s.mutex.Lock()
		tracks := s.tracks
		s.mutex.Unlock()
		for _, track := range tracks {
			// A viewer that has just left is no failure.
			_ = track.WriteSample(sample)
		}
	}
}

func (s *sender) answer(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := s.accept(string(body))
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(writer, answer)
}

func (s *sender) accept(offer string) (string, error) {
	connection, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	track := s.shared
	if track == nil {
		if track, err = newTrack(); err != nil {
			return "", err
		}
	}
	outgoing, err := connection.AddTrack(track)
	if err != nil {
		return "", err
	}
	go func() {
		// Interceptors see RTCP only while somebody reads it.
		buffer := make([]byte, 1500)
		for {
			if _, _, err := outgoing.Read(buffer); err != nil {
				return
			}
		}
	}()
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected && s.shared == nil {
			s.mutex.Lock()
			s.tracks = append(s.tracks[:len(s.tracks):len(s.tracks)], track)
			s.mutex.Unlock()
		}
	})
	description := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	if err := connection.SetRemoteDescription(description); err != nil {
		return "", err
	}
	answer, err := connection.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(connection)
	if err := connection.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return connection.LocalDescription().SDP, nil
}
