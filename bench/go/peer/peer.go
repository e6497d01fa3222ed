// Package peer makes pion's peer connections, with all that pion turns on by itself.
package peer

import (
	"net"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// API returns pion as shipped: its default codecs and interceptors (NACK with
// retransmission, RTCP reports, transport-wide feedback). Candidates are of one
// address only, so that a machine with many interfaces does not slow joining.
func API(address string) (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	interceptors := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(media, interceptors); err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	only := net.ParseIP(address)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.Equal(only) })
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(interceptors),
		webrtc.WithSettingEngine(settings),
	), nil
}
