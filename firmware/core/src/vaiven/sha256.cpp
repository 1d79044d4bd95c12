#include "sha256.h"

#include <string.h>

namespace vaiven {

namespace {

constexpr uint32_t kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t turn(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

uint32_t big(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 | static_cast<uint32_t>(p[2]) << 8 | p[3];
}

void putBig(uint8_t* p, uint32_t x) {
  for (int i = 0; i < 4; i++) p[i] = static_cast<uint8_t>(x >> (24 - 8 * i));
}

}  // namespace

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::add(const void* data, size_t length) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  for (; length > 0; length--) {
    block_[length_++ % sizeof block_] = *p++;
    if (length_ % sizeof block_ == 0) block();
  }
}

void Sha256::finish(uint8_t (&digest)[kDigest]) {
  const uint32_t bytes = length_;
  const uint8_t one = 0x80, zero = 0;
  add(&one, 1);
  while (length_ % sizeof block_ != sizeof block_ - 8) add(&zero, 1);
  uint8_t bits[8];
  putBig(bits, bytes >> 29);
  putBig(bits + 4, bytes << 3);
  add(bits, sizeof bits);
  for (size_t i = 0; i < 8; i++) putBig(digest + 4 * i, state_[i]);
}

// block works in the 16 words of the schedule that are needed at a time.
void Sha256::block() {
  uint32_t w[16], s[8];
  for (size_t i = 0; i < 16; i++) w[i] = big(block_ + 4 * i);
  memcpy(s, state_, sizeof s);
  for (size_t i = 0; i < 64; i++) {
    if (i >= 16) {
      const uint32_t a = w[(i + 1) & 15], b = w[(i + 14) & 15];
      w[i & 15] += (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[(i + 9) & 15] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    const uint32_t e = s[4], a = s[0];
    const uint32_t t1 = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + kRounds[i] + w[i & 15];
    const uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof s[0]);
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (size_t i = 0; i < 8; i++) state_[i] += s[i];
}

Hmac::Hmac(const void* key, size_t length) {
  uint8_t pad[64] = {};
  if (length > sizeof pad) {
    Sha256 hash;
    uint8_t digest[kDigest];
    hash.add(key, length);
    hash.finish(digest);
    memcpy(pad, digest, sizeof digest);
  } else {
    memcpy(pad, key, length);
  }
  for (size_t i = 0; i < sizeof pad; i++) {
    outerPad_[i] = pad[i] ^ 0x5c;
    pad[i] ^= 0x36;
  }
  inner_.add(pad, sizeof pad);
}

void Hmac::finish(uint8_t (&digest)[kDigest]) {
  inner_.finish(digest);
  Sha256 outer;
  outer.add(outerPad_, sizeof outerPad_);
  outer.add(digest, sizeof digest);
  outer.finish(digest);
}

}  // namespace vaiven
