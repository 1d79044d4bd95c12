package stream

// Acknowledged returns the last sequence that the witness in a log's folder
// knows to have been acknowledged, 0 when there is no witness. It is for a
// folder whose log does not open.
func Acknowledged(dir string) (uint64, error) {
	w, m, err := openWitness(dir)
	if err != nil {
		return 0, err
	}
	return m.acked, w.f.Close()
}
