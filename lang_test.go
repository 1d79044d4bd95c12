package vaiven

import "testing"

func TestOneIsSingular(t *testing.T) {
	for n, want := range map[uint64][2]string{
		0: {"0 readings, 0 boards, 0 devices", "0 lecturas, 0 placas, 0 dispositivos"},
		1: {"1 reading, 1 board, 1 device", "1 lectura, 1 placa, 1 dispositivo"},
		2: {"2 readings, 2 boards, 2 devices", "2 lecturas, 2 placas, 2 dispositivos"},
	} {
		for i, l := range []Lang{English, Spanish} {
			if got := l.Readings(n) + ", " + l.Boards(n) + ", " + l.Devices(n); got != want[i] {
				t.Errorf("%s: %s", l, got)
			}
		}
	}
}
