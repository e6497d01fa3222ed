package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"cloudphone.io/bench/clip"
)

const connectTimeout = 20 * time.Second

// frame is one picture that arrived whole: when it was read, and how long it took.
type frame struct {
	stamp int64
	delay time.Duration
}

// viewer counts what one peer connection receives.
type viewer struct {
	started     time.Time
	firstPacket chan time.Duration

	mutex    sync.Mutex
	measured bool
	packets  int
	bytes    int
	pictures int
	broken   int
	frames   []frame
	window   window
}

// join connects one viewer; it returns when ICE and DTLS are done.
func join(api *webrtc.API, url string) (*viewer, error) {
	v := &viewer{started: time.Now(), firstPacket: make(chan time.Duration, 1)}
	connection, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	_, err = connection.AddTransceiverFromKind(
		webrtc.RTPCodecTypeVideo,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly},
	)
	if err != nil {
		return nil, err
	}
	connected := make(chan struct{})
	var once sync.Once
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { v.read(track) })
	offer, err := connection.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(connection)
	if err := connection.SetLocalDescription(offer); err != nil {
		return nil, err
	}
	<-gathered
	answer, err := post(url, connection.LocalDescription().SDP)
	if err != nil {
		return nil, err
	}
	description := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}
	if err := connection.SetRemoteDescription(description); err != nil {
		return nil, err
	}
	select {
	case <-connected:
		return v, nil
	case <-time.After(connectTimeout):
		return nil, fmt.Errorf("a viewer did not connect within %v", connectTimeout)
	}
}

func post(url, offer string) (string, error) {
	response, err := http.Post(url, "application/sdp", bytes.NewReader([]byte(offer)))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode >= 300 {
		return "", fmt.Errorf("the sender refused an offer: %s %s", response.Status, body)
	}
	return string(body), nil
}

// read takes packets until the connection ends. Delays are from the stamp in
// the first packet of a picture to its last packet, of pictures without a gap.
func (v *viewer) read(track *webrtc.TrackRemote) {
	buffer := make([]byte, 1500)
	var header rtp.Header
	var stamp int64
	var expected uint16
	whole := false
	for number := 0; ; number++ {
		size, _, err := track.Read(buffer)
		if err != nil {
			return
		}
		headerSize, err := header.Unmarshal(buffer[:size])
		if err != nil {
			continue
		}
		if number == 0 {
			v.firstPacket <- time.Since(v.started)
		} else if header.SequenceNumber != expected {
			whole = false
		}
		expected = header.SequenceNumber + 1
		if read, ok := clip.StampOf(buffer[headerSize:size]); ok {
			stamp, whole = read, true
		}
		v.mutex.Lock()
		if v.measured {
			v.packets++
			v.bytes += size
			v.window.add(header.SequenceNumber)
			if header.Marker {
				v.pictures++
				if whole {
					delay := time.Duration(time.Now().UnixNano() - stamp)
					v.frames = append(v.frames, frame{stamp: stamp, delay: delay})
				} else {
					v.broken++
				}
			}
		}
		v.mutex.Unlock()
	}
}

// begin forgets what was counted and counts from now on.
func (v *viewer) begin() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.measured = true
	v.packets, v.bytes, v.pictures, v.broken = 0, 0, 0, 0
	v.frames = v.frames[:0]
	v.window = window{}
}

// window counts the sequence numbers that never came.
type window struct {
	// seen has a flag for each number from first on.
	seen  []bool
	first int
	count int
}

func (w *window) add(sequence uint16) {
	if len(w.seen) == 0 {
		w.first = int(sequence)
		w.seen = make([]bool, 0, 1<<16)
	}
	// RFC 3550 - A.1: the nearest number to the highest one that has these 16 bits.
	highest := w.first + len(w.seen) - 1
	at := len(w.seen) - 1 + int(int16(sequence-uint16(highest)))
	if at < 0 {
		return // of the time before
	}
	for len(w.seen) <= at {
		w.seen = append(w.seen, false)
	}
	if !w.seen[at] {
		w.seen[at] = true
		w.count++
	}
}

func (w *window) lost() int {
	return len(w.seen) - w.count
}
