// What fits: the protocol's limits, and ours where memory is dear.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vaiven {

// Measurements in a reading. The protocol allows 32; eight keep a reading at 36
// bytes and a message of it below 512.
constexpr size_t kMaxSensors = 8;

// States of a board. The protocol allows 16; eight with names of full length
// still leave a HELLO below kMaxMessage.
constexpr size_t kMaxStates = 8;

constexpr size_t kMaxName = 16;      // bytes in the name of a measurement or state
constexpr size_t kMaxDevice = 64;    // bytes in a device id
constexpr size_t kMaxFirmware = 64;  // bytes in FW
constexpr size_t kBootDigits = 16;   // the longest BOOT: 64 random bits never meet by accident

// The server sends at most this much in one message; what we send stays below
// it too, so that one buffer of this size is all that the board needs.
constexpr size_t kMaxMessage = 1024;

// AGE may be at most 90 days, but 32 bits of milliseconds end after 49.7: what
// is older than 45 days is sent with AGE null, since its age is about to wrap.
constexpr uint32_t kMaxAge = 45u * 24 * 60 * 60 * 1000;

}  // namespace vaiven
