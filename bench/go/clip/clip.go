// Package clip reads the benchmark's clip and puts the time into its pictures.
//
// The file is a row of access units (Annex B), each behind its length as four
// bytes, most significant first.
package clip

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"time"
)

// FramesPerSecond is the rate that the clip is played at.
const FramesPerSecond = 60

// mark begins the user data of the SEI message that carries the time (H.264,
// D.1.7: unregistered user data begins with a UUID). All is text, so that no
// byte needs emulation prevention.
const mark = "cloudphone-bench"

const stampDigits = 16

// Read returns the access units of a clip.
func Read(path string) ([][]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var units [][]byte
	for len(content) > 0 {
		if len(content) < 4 {
			return nil, fmt.Errorf("%s ends within a length", path)
		}
		size := int(binary.BigEndian.Uint32(content))
		content = content[4:]
		if size > len(content) {
			return nil, fmt.Errorf("%s ends within a picture", path)
		}
		units = append(units, content[:size])
		content = content[size:]
	}
	return units, nil
}

// Stamped returns an access unit with the present time in front of it.
func Stamped(unit []byte) []byte {
	stamp := make([]byte, 8)
	binary.BigEndian.PutUint64(stamp, uint64(time.Now().UnixNano()))
	stamped := make([]byte, 0, 48+len(unit))
	// Start code, NAL type 6, payload type 5, payload size.
	stamped = append(stamped, 0, 0, 0, 1, 6, 5, byte(len(mark)+stampDigits))
	stamped = append(stamped, mark...)
	stamped = hex.AppendEncode(stamped, stamp)
	stamped = append(stamped, 0x80)
	return append(stamped, unit...)
}

// StampOf returns the time in an RTP payload that holds one, in nanoseconds.
func StampOf(payload []byte) (int64, bool) {
	// RFC 6184: a single SEI, or one within a STAP-A.
	if len(payload) == 0 || (payload[0]&0x1f != 6 && payload[0]&0x1f != 24) {
		return 0, false
	}
	at := bytes.Index(payload, []byte(mark))
	if at < 0 || at+len(mark)+stampDigits > len(payload) {
		return 0, false
	}
	var stamp [8]byte
	if _, err := hex.Decode(stamp[:], payload[at+len(mark):at+len(mark)+stampDigits]); err != nil {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(stamp[:])), true
}
