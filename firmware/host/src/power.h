// Reset, deep sleep, watchdog: how the board's process starts itself anew.
#pragma once

namespace host {

// startPower restores the memory that lives on, and puts garbage where nothing does,
// before setup().
void startPower();

// watchdogTick restarts the board when a subscribed task has been silent for too
// long. Called by the control thread.
void watchdogTick();

// asleep says that the board sleeps, and this thread is another one than that
// which put it to sleep: it must stand still, as everything on the chip does.
bool asleep();

}  // namespace host
