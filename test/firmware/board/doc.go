// Package board runs the real sketch, firmware/vaiven, as processes of this
// computer against the real server: how it is set up, found its server, what its
// light shows, what its button does, how it sleeps, how it gets up again; and a
// fleet of fifty boards under everything that goes wrong at once.
//
// Boards live faster than the server (BOARD_SPEED). The server reads the real
// clock and takes a board's AGE, which is simulated, from it: so measured times in
// the CSV and the log mean nothing by themselves here. What is checked instead is
// that the board's own clock at the sending less the AGE that the server recorded
// is when the sensor was read, within a second of simulated time.
package board
