package server

import "vaiven"

// Free closes the connection that speaks for a device; false when none does.
func (s *Server) Free(d vaiven.Device, _ string) bool { return s.gateway.Free(d) }
