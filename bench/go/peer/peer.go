// Package peer makes pion's peer connections.
package peer

import (
	"net"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// Sender returns pion as shipped: its default codecs and interceptors (NACK with
// retransmission, RTCP reports, transport-wide feedback, statistics).
func Sender(address string) (*webrtc.API, error) {
	return api(address, webrtc.RegisterDefaultInterceptors)
}

// Viewer returns a pion that tells the sender all that a browser would (NACK,
// receiver reports, transport-wide feedback) and costs nothing more.
func Viewer(address string) (*webrtc.API, error) {
	return api(address, func(media *webrtc.MediaEngine, registry *interceptor.Registry) error {
		if err := webrtc.ConfigureNack(media, registry); err != nil {
			return err
		}
		if err := webrtc.ConfigureRTCPReports(registry); err != nil {
			return err
		}
		return webrtc.ConfigureTWCCSender(media, registry)
	})
}

// api makes peer connections with candidates of one address only, so that a
// machine with many interfaces does not slow joining.
func api(
	address string, register func(*webrtc.MediaEngine, *interceptor.Registry) error,
) (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	interceptors := &interceptor.Registry{}
	if err := register(media, interceptors); err != nil {
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
