// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104): what proves a token without
// sending it. 64 bytes a block, some 300 on the stack, no table but the constants.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vaiven {

constexpr size_t kDigest = 32;  // bytes of a hash

// Sha256 hashes what it is given piece by piece, 512 MiB at most; finish ends it.
class Sha256 {
 public:
  Sha256();
  void add(const void* data, size_t length);
  void finish(uint8_t (&digest)[kDigest]);

 private:
  void block();

  uint32_t state_[8];
  uint32_t length_ = 0;  // bytes so far
  uint8_t block_[64];
};

// Hmac is HMAC-SHA-256 under a key, in the same way.
class Hmac {
 public:
  Hmac(const void* key, size_t length);
  void add(const void* data, size_t length) { inner_.add(data, length); }
  void finish(uint8_t (&digest)[kDigest]);

 private:
  uint8_t outerPad_[64];
  Sha256 inner_;
};

}  // namespace vaiven
